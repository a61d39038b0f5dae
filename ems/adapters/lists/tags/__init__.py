"""Lists of tags, as access systems write them, and as they are handed out so that no spreadsheet takes a cell for a
formula.

Decided: a column that a list has not leaves that property as it is for tags that are known, so that a list of names
does not unblock anybody.
"""

from __future__ import annotations

from ems.adapters.lists.tags.reading import read_tags
from ems.adapters.lists.tags.writing import write_tags

__all__ = ["read_tags", "write_tags"]
