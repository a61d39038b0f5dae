"""The command line. Exit status 0: fine; 1: a finding; 2: wrong use.

Lives here: what each command takes and what it prints.
Never here: anything that another program could want; it belongs to a room below, so that commands stay thin.
Who may import it: nobody; it is started. `command_line` says which function carries out which command, and imports only
that one's file, so that `ems check` does not wait for the plotting library.
"""

from ems.cli.command_line import main

__all__ = ["main"]
