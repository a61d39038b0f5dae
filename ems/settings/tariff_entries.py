"""The entries of a tariff file, one by one: what is wrong is left out, with findings, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import combinations
from typing import Any, TypeVar

from ems.domain.energy.demand_charge import DemandCharge, Per
from ems.domain.energy.price import EnergyPrice, TimedPrice
from ems.domain.energy.tariff import FixedCharge
from ems.domain.limit import WEEKDAYS
from ems.domain.recurrence import ALWAYS, Recurrence
from ems.domain.validity import Validity
from ems.settings.document import Document
from ems.settings.finding import Finding
from ems.settings.route import Route
from ems.settings.shape import section_of
from ems.settings.tariff_schema import LEAP_YEAR, DemandSection, EnergySection, FixedSection, TimeSection, Versioned
from ems.settings.tariff_units import most_per_kwh, respelt

MOST_PER_KW = 1000.0
MOST_FACTOR = 10.0

Section = TypeVar("Section", bound=Versioned)
Record = TypeVar("Record", EnergyPrice, DemandCharge, FixedCharge)
Build = Callable[[str, Section, Route], Record | None]


@dataclass
class Entries:
    """Reads the entries of one file and collects what is wrong with them."""

    document: Document
    currency: str
    findings: list[Finding] = field(default_factory=list)

    def energy(self, section: str) -> tuple[EnergyPrice, ...]:
        """The parts under `energy` or `feed_in`."""
        return self._entries(section, EnergySection, self._energy_price)

    def demand(self) -> tuple[DemandCharge, ...]:
        """The charges under `demand`."""
        return self._entries("demand", DemandSection, self._demand_charge)

    def fixed(self) -> tuple[FixedCharge, ...]:
        """The charges under `fixed`."""

        def fixed_charge(name: str, read: FixedSection, _route: Route) -> FixedCharge:
            return FixedCharge(name, read.amount, read.per, _validity(read))

        return self._entries("fixed", FixedSection, fixed_charge)

    def _entries(self, section: str, kind: type[Section], build: Build[Section, Record]) -> tuple[Record, ...]:
        known = self.document.data.get(section)
        if known is None:
            return ()
        if not isinstance(known, dict):
            self._error((section,), f"{section} must be entries with names", f"write {section}: {{NAME: {{…}}}}")
            return ()
        found: list[Record] = []
        for name, entry in known.items():
            versions: dict[Route, Record] = {}
            for route, version in _versions(entry, (section, name)):
                read = self._section(kind, version, route)
                record = build(name, read, route) if read is not None and self._in_order(read, route) else None
                if record is not None:
                    versions[route] = record
            self._overlaps(name, versions)
            found += versions.values()
        return tuple(found)

    def _section(self, kind: type[Section], data: Any, route: Route) -> Section | None:
        if not isinstance(data, dict):
            what = "is empty" if data in (None, []) else "must be keys with values"
            example = ", ".join(f"{name}: …" for name, known in kind.model_fields.items() if known.is_required())
            self._error(route, f"'{route[1]}' {what}", f"write {route[1]}: {{{example or 'per_kwh: …'}}}")
            return None
        clean = respelt(data, kind.model_fields, self.document, route)
        read, problems = section_of(kind, clean.data, self.document, route)
        self.findings += (*clean.findings, *problems)
        return read

    def _in_order(self, read: Versioned, route: Route) -> bool:
        if read.valid_from is not None and read.valid_until is not None and read.valid_until < read.valid_from:
            message = f"it is valid until {read.valid_until}, before it begins on {read.valid_from}"
            self._error((*route, "valid_until"), message, "exchange the days, or correct one")
            return False
        return True

    def _overlaps(self, name: str, versions: Mapping[Route, Record]) -> None:
        for (_, one), (route, other) in combinations(versions.items(), 2):
            if one.validity.overlaps(other.validity):
                message = f"two versions of '{name}' are valid at the same time"
                self._error(route, message, "let valid_until of one be the day before valid_from of the next")

    def _energy_price(self, name: str, read: EnergySection, route: Route) -> EnergyPrice | None:
        plain = "per_kwh" if read.series is None else "markup_per_kwh"
        sound = self._contradictions(read, plain, route)
        prices = self._timed_prices(read.times, (*route, "times"))
        stated = read.per_kwh if read.series is None else read.markup_per_kwh
        if stated is not None:
            sound = self._plausible(stated, (*route, plain)) and sound
            prices = (TimedPrice(stated),)
        if read.if_missing_per_kwh is not None:
            sound = self._plausible(read.if_missing_per_kwh, (*route, "if_missing_per_kwh")) and sound
        if not 0 < read.factor <= MOST_FACTOR:
            remedy = f"write {read.factor / 100:g}" if MOST_FACTOR < read.factor <= 1000 else "write for example 1.05"
            self._error((*route, "factor"), f"a factor of {read.factor:g} is not plausible", remedy)
            sound = False
        if not sound or prices is None:
            return None
        return EnergyPrice(name, prices, read.series, read.factor, read.if_missing_per_kwh, _validity(read))

    def _contradictions(self, read: EnergySection, plain: str, route: Route) -> bool:
        said = {key for key in read.model_fields_set if getattr(read, key) is not None}
        other = {"per_kwh", "markup_per_kwh"} - {plain}
        of_series = () if read.series is not None else ("factor", "if_missing_per_kwh")
        faults: list[tuple[Route, str, str]] = []
        for key in sorted(said & {*other, *of_series}):
            whose = "what follows a series" if read.series is None else "what follows no series"
            remedy = f"write {plain} in its place" if key in other else "name the series: series: day-ahead"
            faults.append(((*route, key), f"{key} belongs to {whose}", remedy))
        if {plain, "times"} <= said:
            faults.append(((*route, plain), f"it states both {plain} and times", "keep one of them"))
        if read.series is None and not said & {"per_kwh", "markup_per_kwh", "times"}:
            faults.append((route, f"'{route[1]}' states no price", "write per_kwh, times or series"))
        for fault in faults:
            self._error(*fault)
        return not faults

    def _timed_prices(self, items: Any, route: Route) -> tuple[TimedPrice, ...] | None:
        """The prices by time; None when any is wrong or they leave a hole."""
        if items is None:
            return ()
        if not isinstance(items, list) or not items:
            self._error(route, "times must be a list", "begin every entry with a dash: - {per_kwh: …, when: …}")
            return None
        prices: list[TimedPrice] = []
        for i, item in enumerate(items):
            at = (*route, i)
            if not isinstance(item, dict):
                self._error(at, "an entry of times must be keys with values", "write {per_kwh: …, when: …}")
                continue
            clean = respelt(item, TimeSection.model_fields, self.document, at)
            read, problems = section_of(TimeSection, clean.data, self.document, at)
            self.findings += (*clean.findings, *problems)
            if read is not None and self._plausible(read.per_kwh, (*at, "per_kwh")):
                prices.append(TimedPrice(read.per_kwh, Recurrence(read.season or (), read.when or ())))
        if len(prices) < len(items):
            return None
        return tuple(prices) if self._reaches_all(prices, route) else None

    def _reaches_all(self, prices: list[TimedPrice], route: Route) -> bool:
        """Whether some price holds at any time of the year; also finds prices that are never asked for."""
        hole = first_hole([price.times for price in prices])
        if hole is not None:
            message = f"no price holds on a {WEEKDAYS[hole.weekday()]} at {hole:%H:%M}, for example on {hole:%d %B}"
            self._error(route, message, "let the last entry have neither when nor season: - {per_kwh: …}")
        for i, price in enumerate(prices[:-1]):
            if price.times == ALWAYS:
                message = "what stands below this entry is never asked for: it holds always"
                self.findings.append(self.document.warning((*route, i), message, "put it last"))
        return hole is None

    def _plausible(self, per_kwh: float, route: Route) -> bool:
        if abs(per_kwh) <= most_per_kwh(self.currency):
            return True
        key = route[-1]
        message = f"{per_kwh:g} {self.currency} for a kilowatt-hour is not plausible"
        self._error(route, message, f"is it in cents? write {key}: {per_kwh / 100:g}; per MWh? {per_kwh / 1000:g}")
        return False

    def _demand_charge(self, name: str, read: DemandSection, route: Route) -> DemandCharge | None:
        sound = True
        if read.per_kw > MOST_PER_KW * most_per_kwh(self.currency) / most_per_kwh("EUR"):
            message = f"{read.per_kw:g} {self.currency} for a kilowatt is not plausible"
            self._error((*route, "per_kw"), message, f"is it per megawatt? write per_kw: {read.per_kw / 1000:g}")
            sound = False
        if read.period is Per.DAY:
            self._error((*route, "period"), "a peak is billed by month or year", "write month or year")
            sound = False
        times = Recurrence(read.season or (), read.when or ())
        return (
            DemandCharge(name, read.per_kw, read.interval_min, read.period, times, _validity(read)) if sound else None
        )

    def _error(self, route: Route, message: str, remedy: str) -> None:
        self.findings.append(self.document.error(route, message, remedy))


def first_hole(times: list[Recurrence]) -> datetime | None:
    """The first time of a leap year at which none of `times` holds."""
    clock = sorted({time(0), *(at for recurrence in times for at in recurrence.clock_times())})
    for number in range(366):
        day = date(LEAP_YEAR, 1, 1) + timedelta(days=number)
        for at in (datetime.combine(day, shown) for shown in clock):
            if not any(recurrence.holds(at) for recurrence in times):
                return at
    return None


def _versions(entry: Any, route: Route) -> Iterator[tuple[Route, Any]]:
    """An entry is one version, or a list of them."""
    if isinstance(entry, list) and entry:
        yield from (((*route, i), version) for i, version in enumerate(entry))
    else:
        yield route, entry


def _validity(read: Versioned) -> Validity:
    return Validity(read.valid_from, read.valid_until)
