"""Pull-out lists: which vehicle leaves when with how much, as depots and spreadsheets write them.

Lives here: finding out the form of a table, reading times, numbers and names in its cells, and one sentence with a
remedy for each row that cannot be taken.
Never here: what becomes of a list; that is `ems.domain.pull_out` and `ems.domain.daybook`.
Who may import it: `ems.assembly`.

Decided: nothing is guessed silently. A row either says one departure of a known vehicle, or is refused; and of a list
with a refused row nothing is taken, because half a list is worse than yesterday's. Columns that mean nothing here are
named once and left out.
"""

from __future__ import annotations

from ems.adapters.pull_out.reading import read_list

__all__ = ["read_list"]
