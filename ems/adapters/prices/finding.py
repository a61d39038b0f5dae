"""What is doubtful or wrong in a table of prices."""

from __future__ import annotations

from ems.domain.energy.price_table import PriceFinding

__all__ = ["PriceFinding", "refused", "shown"]


def refused(row: int, message: str, remedy: str) -> PriceFinding:
    """A row that gives no price."""
    return PriceFinding(row, message, remedy, is_refusal=True)


def shown(text: str) -> str:
    """A text from the file, short and without control characters."""
    return "".join(c if c.isprintable() else "�" for c in text[:40])
