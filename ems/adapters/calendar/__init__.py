"""Work that belongs to times of the day: aggregation, retention, and later reports and the plan of the next day.

Uses APScheduler for the wall-clock arithmetic and for nothing at seconds' period. No limit and no lease depends on it:
the core looks at their windows and ends at every tick, on its own clocks. Who may import it: `assembly`.

Every job is armed for its next time only and armed again after it ran. So a clock that jumps by years finds one missed
run, not a list of thousands; and a job must not care how often it runs, because it is keyed by the period it covers.
Times are UTC, which has no doubled and no missing hours. The work itself runs in tasks of ours, so that stopping waits
for it instead of leaving it behind.
"""
