"""The promised figures, measured: `python -m tests.bench` prints them all, each with its baseline in the same run.

Lives here: one module per figure (`tick`, `charging_profiles`, `meter_values`, `meter_jump`, `daemon_load`, `month`,
`plan`, `planner`, `web`), the table, and what they measure against: made-up installations, a year in a database, a farm
of charging stations in a process of its own, the central system of the package `ocpp` as its documentation builds it,
and allocations in plain Python.
Never here: assertions on time inside the test run; `test_bench` only sees to it that the bench still runs.
Who may import it: nobody.

Decisions. Clients live in other processes, so that their cost is not the server's. What is compared is measured in
turns, because the machine may be busy with other things, and the median is what counts. Where a value must be *used*,
the bench asks afterwards what the server knows and compares.
"""
