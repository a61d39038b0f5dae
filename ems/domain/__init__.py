"""What things are: the words of the field as frozen records, and `apply(state, event)`.

Lives here: circuits and their phases, stations and EVSEs, meters, sessions, limits, grants, events, the one
immutable `SiteState`, and the `Decision` of a tick; vehicles with their departures, and the `Daybook` of what people
change. Rooms of their own: `energy` (what energy costs the site), `billing` (what drivers pay), `access` (who may do
what), `alarm` (what is wrong, as people handle it), `remote` (what stations are asked), `record` (what is looked back
at), `driver`.
Never here: I/O, asyncio, clocks, logging, randomness; any package but the standard library.
Who may import it: everybody.

Signs: consumption and import from the grid are positive. Units stand in the names: `_a` is ampere per phase
conductor, `_w` watt, `_wh` watt-hour, `_s` second. Time comes as an argument, never from a clock.
"""
