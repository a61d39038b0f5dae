"""Puts a daemon together: picks the adapters that a site asks for and ties them to the loop.

Lives here: the one place that knows settings, runtime and adapters all at once; and the process in which plans are made
(`planner_worker`), with what it reads of the past.
Never here: anything that could be decided without knowing them all.
Who may import it: `ems.cli` and `ems.sim`, each name from its file: the planner's process begins in this room too,
needs no daemon, and is not to wait for one to be loaded.
"""
