"""Lists of tags, as access systems and spreadsheets write them, and as they are handed out.

Lives here: the form of a table of tags, reading its cells, one sentence with a remedy for each row that cannot be
taken, and writing such a table so that no spreadsheet takes a cell for a formula.
Never here: what becomes of a list; that is `ems.domain.tag_list`.
Who may import it: `ems.assembly`.

Decided: of a list with a refused row nothing is taken. A column that a list has not leaves that property as it is for
tags that are known, so that a list of names does not unblock anybody.
"""

from __future__ import annotations

from ems.adapters.tag_list.reading import read_tags
from ems.adapters.tag_list.writing import write_tags

__all__ = ["read_tags", "write_tags"]
