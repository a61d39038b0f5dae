"""What a course of load costs by a tariff, a line for each component."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from ems.domain.energy.demand_charge import BillingPeriod, Peak
from ems.domain.energy.load import Load
from ems.domain.energy.price import EnergyPrice, means
from ems.domain.energy.tariff import FixedCharge, Tariff, by_name
from ems.domain.local_clock import local, turns_s
from ems.domain.validity import Agreed, Assumption, in_force, validity_gaps

CENT = Decimal("0.01")
EXACTLY = Context(prec=60, rounding=ROUND_HALF_UP)
"""A context of our own, so that no setting of the thread changes an amount."""

WATT_SECONDS_PER_KWH = 3.6e6


class Component(StrEnum):
    """What a line of a bill is for."""

    ENERGY = "energy"
    FEED_IN = "feed-in"
    DEMAND = "demand"
    FIXED = "fixed"
    VAT = "vat"


@dataclass(frozen=True, slots=True)
class BillLine:
    """One component: `quantity` in `unit` (kWh, kW or the number of days, months, years) costs `exact`, negative for
    what the site receives. `period` and `peak_at`, the begin of the interval of the peak (UTC), are those of a demand
    charge.
    """

    component: Component
    name: str
    quantity: float
    unit: str
    exact: float
    period: BillingPeriod | None = None
    peak_at: datetime | None = None

    @property
    def amount(self) -> Decimal:
        """What is billed: `exact` to the cent, halves away from zero."""
        return _cents(self.exact)


@dataclass(frozen=True, slots=True)
class Bill:
    """What a load costs. `total` is the sum of the lines as they are billed; `exact` that of the unrounded ones, which
    comparisons of strategies use. `assumptions`: where the tariff or the measurement had gaps.
    """

    currency: str
    lines: tuple[BillLine, ...]
    assumptions: tuple[Assumption, ...] = ()

    @property
    def total(self) -> Decimal:
        """The sum of all lines to the cent."""
        return sum((line.amount for line in self.lines), Decimal(0).quantize(CENT))

    @property
    def exact(self) -> float:
        """The sum of all lines, unrounded."""
        return math.fsum(line.exact for line in self.lines)

    def of(self, component: Component) -> float:
        """The unrounded sum of one kind of line, without VAT."""
        return math.fsum(line.exact for line in self.lines if line.component is component)


def bill(tariff: Tariff, load: Load) -> Bill:
    """The bill of a load, with one line for each part of the energy price, each demand charge and billing period, and
    each fixed charge. Never raises.

    A demand charge is due in full for every billing period of which the load has a part: `BillLine.period` tells which,
    so that who compares shorter times can take a share (`in_part`). Fixed charges are due for the time that the load
    covers.
    """
    if not load.mean_w:
        return Bill(tariff.currency, ())
    energy, assumed = _energy_lines(tariff, load)
    lines = [*energy, *(_demand_line(peak) for peak in tariff.peaks(load)), *_fixed_lines(tariff, load)]
    lines += _vat_lines(tariff, lines)
    span_s = (load.begin_s, load.end_s)
    charges: tuple[Sequence[Agreed], ...] = (*by_name(tariff.demand), *by_name(tariff.fixed))
    gaps = [gap for versions in charges for gap in validity_gaps(versions, span_s, tariff.zone)]
    return Bill(tariff.currency, tuple(lines), (*assumed, *gaps, *_unmeasured(load, tariff.zone)))


def in_part(whole: Bill, tariff: Tariff, span_s: tuple[int, int]) -> Bill:
    """A bill of a shorter time: each demand charge takes the share of its billing period that `span_s` (seconds since
    1970) has of it, with the tax on that.
    """
    if not whole.lines:
        return whole
    lines = [_in_part(line, tariff, span_s) for line in whole.lines if line.component is not Component.VAT]
    return replace(whole, lines=(*lines, *_vat_lines(tariff, lines)))


def _in_part(line: BillLine, tariff: Tariff, span_s: tuple[int, int]) -> BillLine:
    if line.period is None:
        return line
    begin_s, end_s = line.period.begin_s(tariff.zone), line.period.end_s(tariff.zone)
    shared_s = min(end_s, span_s[1]) - max(begin_s, span_s[0])
    return replace(line, exact=line.exact * max(0, shared_s) / (end_s - begin_s))


def _vat_lines(tariff: Tariff, lines: Sequence[BillLine]) -> Iterator[BillLine]:
    if tariff.vat_pct:
        net = math.fsum(line.exact for line in lines if line.component is not Component.FEED_IN)
        yield BillLine(Component.VAT, "VAT", tariff.vat_pct, "%", net * tariff.vat_pct / 100.0)


def _energy_lines(tariff: Tariff, load: Load) -> tuple[list[BillLine], list[Assumption]]:
    kwh_per_w = load.step_s / WATT_SECONDS_PER_KWH
    imported = [w * kwh_per_w if w > 0 else 0.0 for w in load.mean_w]
    exported = [-w * kwh_per_w if w < 0 else 0.0 for w in load.mean_w]
    lines: list[BillLine] = []
    assumed: dict[Assumption, None] = {}
    directions: tuple[tuple[Component, tuple[EnergyPrice, ...], list[float], float], ...] = (
        (Component.ENERGY, tariff.energy, imported, 1.0),
        (Component.FEED_IN, tariff.feed_in, exported, -1.0),
    )
    for component, parts, kwh, sign in directions:
        for course in tariff.courses(parts, (load.begin_s, load.end_s)):
            prices = means(course, load.edges_s())
            cost = math.fsum(price * energy for price, energy in zip(prices, kwh, strict=True))
            lines.append(BillLine(component, course.name, math.fsum(kwh), "kWh", sign * cost))
            assumed |= dict.fromkeys(course.assumptions)
    return lines, list(assumed)


def _demand_line(peak: Peak) -> BillLine:
    return BillLine(
        component=Component.DEMAND,
        name=peak.charge.name,
        quantity=peak.kw,
        unit="kW",
        exact=peak.kw * peak.charge.per_kw,
        period=peak.period,
        peak_at=peak.at,
    )


def _fixed_lines(tariff: Tariff, load: Load) -> Iterator[BillLine]:
    """The share of each local day that the load covers, of the day's share of its month or year."""
    days = turns_s(load.begin_s, load.end_s, tariff.zone)
    for versions in by_name(tariff.fixed):
        count = cost = 0.0
        for begin_s, end_s in pairwise(days):
            day = local(begin_s, tariff.zone).date()
            version, _ = in_force(versions, day)
            share = (end_s - begin_s) / BillingPeriod.of(day, version.per, tariff.billing_day).length_s(tariff.zone)
            count += share
            cost += share * version.amount
        yield BillLine(Component.FIXED, versions[0].name, count, _unit(versions[0]), cost)


def _unit(charge: FixedCharge) -> str:
    return f"{charge.per}s"


def _unmeasured(load: Load, zone: ZoneInfo) -> Iterator[Assumption]:
    for begin_s, end_s in load.unmeasured_s():
        yield Assumption.over((begin_s, end_s), zone, "no load was measured", "0 kW")


def _cents(exact: float) -> Decimal:
    amount = Decimal(repr(round(exact, 9))).quantize(CENT, context=EXACTLY)
    return amount or abs(amount)  # nobody is billed minus nothing
