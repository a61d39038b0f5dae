"""What a group pays for a month: its sessions and corrections, with sums by tax rate.

A session belongs to the month in which it began, on the clock of the site. A month that is closed does not change: what
is reported later, or was wrong, goes into the next one that is not closed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.billing.money import vat_inside
from ems.domain.local_clock import day_begin_s, local
from ems.domain.vehicle import plain_id

MAX_TITLE, MAX_ADDRESS, MAX_NOTE = 100, 500, 200
MAX_AMOUNT = 10**9
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)


class Month(NamedTuple):
    """A month of the calendar."""

    year: int
    month: int

    @classmethod
    def of(cls, text: str) -> Month:
        """As people write it. Raises ValueError."""
        found = _MONTH.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r:.20} is no month: write for example 2026-11")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def at(cls, moment: datetime, zone: ZoneInfo) -> Month:
        """The month that it is then."""
        there = moment.astimezone(zone)
        return cls(there.year, there.month)

    @property
    def text(self) -> str:
        """2026-11."""
        return f"{self.year:04}-{self.month:02}"

    def next(self, by: int = 1) -> Month:
        """So many months later."""
        year, month = divmod(12 * self.year + self.month - 1 + by, 12)
        return Month(year, month + 1)

    def begins(self, zone: ZoneInfo) -> datetime:
        """Its first moment on the clock of the site."""
        return local(day_begin_s(date(self.year, self.month, 1), zone), zone)

    def ends(self, zone: ZoneInfo) -> datetime:
        """The first moment after it."""
        return self.next().begins(zone)


@dataclass(frozen=True, slots=True)
class BillingGroup:
    """The group of tags `id` pays together. `title` and `address`, some lines, stand on the bill; `reference` is what
    they want to read there, as an order number.
    """

    id: str
    title: str = ""
    address: str = ""
    reference: str = ""

    def __post_init__(self) -> None:
        plain_id("the id of a group", self.id)
        for what, text, most in (
            ("the title of a billing group", self.title, MAX_TITLE),
            ("the reference of a billing group", self.reference, MAX_TITLE),
        ):
            if len(text) > most or not text.isprintable():
                raise ValueError(f"{what} must be at most {most} printable characters")
        lines = self.address.split("\n")
        if len(self.address) > MAX_ADDRESS or len(lines) > 10 or not all(line.isprintable() for line in lines):
            raise ValueError(f"an address is up to ten lines of {MAX_ADDRESS} printable characters together")

    @property
    def label(self) -> str:
        """What people call it."""
        return self.title or self.id


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A session or a correction; `amount` with the tax `vat` in it, minor units."""

    at: datetime
    words: str
    evse: str
    energy_wh: int
    vat_percent: Decimal
    amount: int
    vat: int
    session: str | None = None
    correction: str | None = None

    @property
    def net(self) -> int:
        """Without tax."""
        return self.amount - self.vat


class RateSum(NamedTuple):
    """The sums of the lines of one tax rate."""

    vat_percent: Decimal
    net: int
    vat: int
    amount: int


@dataclass(frozen=True, slots=True)
class Statement:
    """`closed`: when and by whom; None while it may still grow."""

    group: BillingGroup
    month: Month
    currency: str
    lines: tuple[StatementLine, ...]
    closed: datetime | None = None
    who: str = ""
    rates: tuple[RateSum, ...] = field(init=False)

    def __post_init__(self) -> None:
        sums: dict[Decimal, list[int]] = defaultdict(lambda: [0, 0])
        for line in self.lines:
            sums[line.vat_percent][0] += line.amount
            sums[line.vat_percent][1] += line.vat
        rates = tuple(RateSum(rate, amount - vat, vat, amount) for rate, (amount, vat) in sorted(sums.items()))
        object.__setattr__(self, "rates", rates)

    @property
    def number(self) -> str:
        """What it is called on paper."""
        return f"{self.month.text}/{self.group.id}"

    @property
    def total(self) -> int:
        """What is to be paid; negative: what is owed to the group."""
        return sum(rate.amount for rate in self.rates)

    @property
    def vat(self) -> int:
        """The tax in it."""
        return sum(rate.vat for rate in self.rates)

    @property
    def net(self) -> int:
        """Without tax."""
        return self.total - self.vat

    @property
    def energy_wh(self) -> int:
        """Of all sessions."""
        return sum(line.energy_wh for line in self.lines)


@dataclass(frozen=True, slots=True)
class Correction:
    """Something was wrong in `of_month`, which is closed: `amount` more (or less) is to be paid, tax included."""

    id: str
    group: str
    at: datetime
    of_month: Month
    amount: int
    vat_percent: Decimal
    note: str
    who: str

    def __post_init__(self) -> None:
        if not self.amount or abs(self.amount) > MAX_AMOUNT:
            raise ValueError("say how much is corrected: more or less than nothing, and not billions")
        if not self.note.strip() or len(self.note) > MAX_NOTE or not self.note.isprintable():
            raise ValueError(f"say what is corrected in up to {MAX_NOTE} characters; it stands on the bill")
        if not 1 <= len(self.id) <= 64 or not self.id.isascii() or not self.id.isprintable():
            raise ValueError("a key is 1 to 64 plain characters, new for each correction")
        if not self.vat_percent.is_finite() or not 0 <= self.vat_percent <= 100:
            raise ValueError("a tax rate is 0 to 100 %")

    @property
    def vat(self) -> int:
        """The tax in it."""
        return vat_inside(self.amount, self.vat_percent)

    def line(self) -> StatementLine:
        """As it stands on the bill."""
        words = f"Correction of {self.of_month.text}: {self.note}"
        return StatementLine(self.at, words, "", 0, self.vat_percent, self.amount, self.vat, correction=self.id)


def must_be_over(month: Month, now: datetime, zone: ZoneInfo) -> None:
    """Raises ValueError while sessions may still begin in a month."""
    if now < month.ends(zone):
        raise ValueError(f"{month.text} is not over: it can be closed from {month.next().text}-01 on")
