"""What is doubtful or wrong in a table of prices."""

from __future__ import annotations

from typing import NamedTuple


class PriceFinding(NamedTuple):
    """`row` is the line of the file, from 1. `is_refusal`: the row gives no price; otherwise the message says what was
    made of it.
    """

    row: int
    message: str
    remedy: str
    is_refusal: bool = False

    def __str__(self) -> str:
        return f"row {self.row}: {self.message}"


def refused(row: int, message: str, remedy: str) -> PriceFinding:
    """A row that gives no price."""
    return PriceFinding(row, message, remedy, is_refusal=True)


def shown(text: str) -> str:
    """A text from the file, short and without control characters."""
    return "".join(c if c.isprintable() else "�" for c in text[:40])
