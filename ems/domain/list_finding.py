"""What is wrong or doubtful in a list that somebody hands in."""

from __future__ import annotations

from typing import NamedTuple


class ListFinding(NamedTuple):
    """What is wrong or doubtful in the row that ends on line `row` of the list, and what to do about it. `is_refusal`:
    the list cannot be taken as it is; otherwise the message says what was made of the row.
    """

    row: int
    message: str
    remedy: str
    is_refusal: bool = True

    def __str__(self) -> str:
        return f"row {self.row}: {self.message}"
