"""What to do this second: pure functions from state to decision, without a solver.

Read `tick.py` first: it is the table of contents. Every function here is a function of its arguments; what must be
remembered from one tick to the next is in `memory.py` and goes in and out as a value.
Never here: I/O, asyncio, clocks, logging, randomness. numpy carries the arithmetic.
Who may import it: everything above (`runtime`, adapters that show a decision, `sim`).

Two rules explain most of the code. An EVSE counts with its *liability*, what may legally flow there now, and not with
what we wish; so nothing can be given to one before it has provably been taken from another. And every unknown counts
at its dangerous end: an old sample, an unanswered profile, a silent meter.
"""
