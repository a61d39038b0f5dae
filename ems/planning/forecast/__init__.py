"""What the next hours bring, with honest error bars.

Lives here: `series` (a measured course and its local days), `quantiles` (a forecast as a median and an interval, and
weighted quantiles), `analogs` (past days continued from where today stands: the method of all series), `load`, `pv` and
`arrivals` (the three series of a site, and arrivals as phantom vehicles), `past_sessions` and `session` (when a vehicle
leaves and how much it still takes), `calibration` (how well a forecast did in its own recent past).
Never here: files, clocks, logging, randomness; numpy carries the arithmetic. Every forecast is a function of history,
`now` and its arguments, and looks at nothing that had not ended by `now`.

Decisions. Forecasts are samples of what really happened, weighted by how much it resembles today, and never a fitted
curve: a stranger can ask which days a figure comes from, and an interval is as wide as the past was. Days are
compared by local time of day, the sun by UTC. Missing values are NaN and weigh nothing. Each forecast judges itself
by forecasts of the last days made from what was known then (`calibration`), and says in words why it is unsure;
whoever plans then shares instead.
"""
