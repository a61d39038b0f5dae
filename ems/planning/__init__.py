"""What to aim for over the next day: pure functions from what is known and expected to a plan.

Lives here: the horizon, the problem in matrices, the optimiser and its ladder of objectives, line-to-line legs as
phasors, flows that bound what is possible, forecasts, and the reasons and remedies that a plan gives; and looking back,
what would have been best (`clairvoyant`) and what a day cost beyond that (`regret`).
Never here: I/O, asyncio, clocks, logging, randomness. numpy and scipy carry the arithmetic.
Who may import it: everything above (`runtime` runs it in a child process, `sim` back-tests it). `control` does not: a
plan reaches the tick as `ems.domain.plan.Plan`, and there it is a preference, never a limit.

Decided: a ladder of linear programs, no quadratic one (a patent claims QP-based rate computation in such networks), and
no integers: the 6 A minimum is reached by fixing and solving again, which costs next to nothing. Nothing here is ever
infeasible: what cannot be delivered is a variable, and comes back as a shortfall with its name.
"""
