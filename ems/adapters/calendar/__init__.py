"""Work that belongs to times of the day: aggregation, retention, the moments at which limits begin and end.

Uses APScheduler for the wall-clock arithmetic and for nothing at seconds' period. A limit does not depend on it: the
core evaluates windows at every tick; here their edges only wake it. Who may import it: `assembly`.

Every job is armed for its next time only and armed again after it ran. So a clock that jumps by years finds one missed
run, not a list of thousands; and a job must not care how often it runs, because it is keyed by the period it covers.
"""
