"""The way to a value in a file, and the place where it stands."""

from __future__ import annotations

from typing import NamedTuple

Step = str | int
Route = tuple[Step, ...]
"""The way to a value: keys of mappings and positions in lists."""


class Mark(NamedTuple):
    """A place in a text, both counted from 1."""

    line: int
    column: int
