"""What electricity costs at the grid connection, and what is paid for what is fed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeVar
from zoneinfo import ZoneInfo

from ems.domain.energy.demand_charge import DemandCharge, DemandRules, DemandTerm, Peak, Per
from ems.domain.energy.load import Load
from ems.domain.energy.price import Course, EnergyPrice, course_of, means
from ems.domain.energy.price_series import PriceSeries
from ems.domain.recurrence import NO_HOLIDAYS, Holidays
from ems.domain.units import finite, not_negative
from ems.domain.validity import FOR_EVER, Assumption, Validity


class Named(Protocol):
    """Whatever has a name."""

    @property
    def name(self) -> str:
        """What the bill calls it."""
        ...


Part = TypeVar("Part", bound=Named)


@dataclass(frozen=True, slots=True)
class FixedCharge:
    """One version of an `amount` that is due for each day, month or year, whatever is used."""

    name: str
    amount: float
    per: Per = Per.MONTH
    validity: Validity = FOR_EVER

    def __post_init__(self) -> None:
        finite("amount", self.amount)


class Prices(NamedTuple):
    """The mean prices per kWh of consecutive intervals: of import with VAT, and what is paid for feed-in; and what was
    assumed where the tariff does not tell.
    """

    import_per_kwh: tuple[float, ...]
    feed_in_per_kwh: tuple[float, ...]
    assumptions: tuple[Assumption, ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    """Everything that is agreed with suppliers and grid operators of a site.

    `energy` and `feed_in` add up over their names; entries of one name are versions with their own validity. Prices
    are without VAT: `vat_pct` comes on top of everything but feed-in. Days and times are those of `timezone`;
    `billing_day` is the day of the month on which billing months begin. `series` are the known prices of the series
    that the parts name; they come with `with_series`, from files or by the API.

    Prices are floats: a planner needs no cents. Amounts that people are billed are `Decimal` (`bill.Bill`).
    """

    name: str
    currency: str
    timezone: str
    energy: tuple[EnergyPrice, ...]
    feed_in: tuple[EnergyPrice, ...] = ()
    demand: tuple[DemandCharge, ...] = ()
    fixed: tuple[FixedCharge, ...] = ()
    vat_pct: float = 0.0
    holidays: Holidays = NO_HOLIDAYS
    billing_day: int = 1
    series: Mapping[str, PriceSeries] = field(default_factory=dict)

    def __post_init__(self) -> None:
        not_negative("vat_pct", self.vat_pct)
        if not 1 <= self.billing_day <= 28:
            raise ValueError(f"billing_day must lie in 1 … 28, got {self.billing_day}")

    @property
    def zone(self) -> ZoneInfo:
        """The clock by which its days and times count."""
        return ZoneInfo(self.timezone)

    @property
    def vat_factor(self) -> float:
        """What a net price is multiplied with."""
        return 1.0 + self.vat_pct / 100.0

    @property
    def series_names(self) -> frozenset[str]:
        """The series that its prices follow."""
        return frozenset(part.series for part in (*self.energy, *self.feed_in) if part.series is not None)

    def with_series(self, name: str, series: PriceSeries) -> Tariff:
        """The same with other known prices of one of its series. Raises ValueError for a series that it lacks."""
        if name not in self.series_names:
            raise ValueError(f"the tariff '{self.name}' has no series '{name}'")
        return replace(self, series={**self.series, name: series})

    def prices_over(self, edges: Sequence[datetime]) -> Prices:
        """The mean prices between each two neighbouring edges, which are aware and rise in whole seconds.

        Raises ValueError for other edges, and for nothing else.
        """
        edges_s = checked_edges_s(edges)
        span_s = (edges_s[0], edges_s[-1])
        energy, feed_in = self.courses(self.energy, span_s), self.courses(self.feed_in, span_s)
        net = _summed([means(course, edges_s) for course in energy], len(edges_s) - 1)
        paid = _summed([means(course, edges_s) for course in feed_in], len(edges_s) - 1)
        bought = dict.fromkeys(a for course in energy for a in course.assumptions)
        fed_in = dict.fromkeys(a for course in feed_in for a in course.assumptions if a not in bought)
        assumed = (*bought, *(a._replace(text=f"feed-in: {a.text}") for a in fed_in))
        return Prices(tuple(price * self.vat_factor for price in net), paid, assumed)

    def demand_terms(self, edges: Sequence[datetime]) -> tuple[DemandTerm, ...]:
        """What a peak costs with VAT, for each demand charge and billing period between the edges; raises likewise."""
        edges_s = checked_edges_s(edges)
        found = [term for rules in self._demand_rules() for term in rules.terms(edges_s)]
        return tuple(term._replace(per_kw=term.per_kw * self.vat_factor) for term in found)

    def peaks(self, load: Load) -> tuple[Peak, ...]:
        """The highest mean import of each demand charge and billing period of which the load has a part; the period of
        a term tells which peak was already paid.
        """
        return tuple(peak for rules in self._demand_rules() for peak in rules.peaks(load))

    def courses(self, parts: Iterable[EnergyPrice], span_s: tuple[int, int]) -> tuple[Course, ...]:
        """The net course of each name among `parts` over a span of seconds since 1970 UTC."""
        return tuple(course_of(group, span_s, self.zone, self.holidays, self.series) for group in by_name(parts))

    def _demand_rules(self) -> tuple[DemandRules, ...]:
        return tuple(
            DemandRules(versions, self.zone, self.holidays, self.billing_day) for versions in by_name(self.demand)
        )


def by_name(parts: Iterable[Part]) -> tuple[tuple[Part, ...], ...]:
    """The versions of each name, in the order in which the names first occur."""
    groups: dict[str, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.name, []).append(part)
    return tuple(tuple(group) for group in groups.values())


def checked_edges_s(edges: Sequence[datetime]) -> list[int]:
    """The edges as seconds since 1970 UTC. Raises ValueError when they are naive, too few or do not rise."""
    if any(edge.tzinfo is None for edge in edges):
        raise ValueError("edges must state their time zone")
    edges_s = [int(edge.timestamp()) for edge in edges]
    if len(edges_s) < 2 or any(end_s <= begin_s for begin_s, end_s in pairwise(edges_s)):
        raise ValueError("edges must be two or more and rise by whole seconds")
    return edges_s


def _summed(parts: Sequence[Sequence[float]], length: int) -> tuple[float, ...]:
    return tuple(sum(prices) for prices in zip(*parts, strict=True)) if parts else (0.0,) * length
