"""The shape of what the interface answers about finished days."""

from __future__ import annotations

from typing_extensions import TypedDict


class RegretParts(TypedDict):
    """Money, VAT included, with what was missed counted: `cost` of the day, what it `could` have cost, and the parts of
    the difference, the `regret`. `limits` is what the limits of circuits cost beyond that; `why` the largest part.
    """

    cost: float
    could: float
    regret: float
    carried_out: float
    wishes: float
    late_knowledge: float
    limits: float
    missing_kwh: float
    could_miss_kwh: float
    why: str


class RegretRow(TypedDict):
    """A local day: its regret, or null and in `trouble` why nothing can be said; what was `assumed`; all in words."""

    day: str
    currency: str
    regret: RegretParts | None
    trouble: str
    assumed: list[str]
    text: str


class RegretDays(TypedDict):
    """Finished days, the newest first."""

    days: list[RegretRow]
