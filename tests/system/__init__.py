"""The whole controller under load and under failure, judged by somebody who knows the true currents.

Lives here: the world of `ems.sim` against the real parts of the daemon, in virtual time over virtual sockets
(`controller`, `stage`), and a few runs of `python -m ems run` as a process where only real time can tell.
Never here: fake parts of the controller, and any judgement that asks the controller what is safe. `judge` looks at the
world alone; `laws` are those of `ems.sim.invariants`.

Each scenario is a few minutes. EMS_SYSTEM_SEEDS=100 runs the drawn fault plans that often instead of a few times.
"""
