"""What the planner's process knows of the past: sessions, other load, the sun, peaks already paid, and the prices.

It reads beside the daemon, on connections that cannot write, in a thread: a database that does not answer costs
nothing but its knowledge, and the plan says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from ems.adapters.store.database import WRITE_ERRORS, Database
from ems.adapters.store.reading import IntervalRecord, NotReadableError, Reader, SessionRecord
from ems.assembly.sources import PriceFolder, Sources
from ems.domain.energy.demand_charge import BillingPeriod
from ems.domain.energy.load import Load
from ems.domain.energy.price_push import NOTHING_PUSHED, Pushed
from ems.domain.energy.tariff import Tariff
from ems.domain.meter import MeterRole
from ems.domain.site import Site
from ems.planning.economy import Paid
from ems.planning.forecast.course import CHECKED_DAYS
from ems.planning.forecast.load import BUILDING
from ems.planning.forecast.past_sessions import DAYS_PLANNED, KEPT_DAYS, PastSession, SessionHistory, session_history
from ems.planning.forecast.series import Series
from ems.planning.planner import Experience

QUARTER_S = 900
COVERED_S = 450
"""A quarter hour of which less is known was not measured."""

FRESH = timedelta(minutes=10)
LOAD_DAYS = BUILDING.days + CHECKED_DAYS + 1


NOTHING_PAID: Paid = MappingProxyType({})


class Past(NamedTuple):
    """What a database tells."""

    sessions: SessionHistory | None = None
    building_w: Series | None = None
    generation_w: Series | None = None
    paid: Paid = NOTHING_PAID


class Archive:
    """Reads the sources when they are asked for, and again when what was read is no longer fresh."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._prices = PriceFolder(sources.prices)
        self._thread = ThreadPoolExecutor(1, "archive")
        self._reading: Future[Past] | None = None
        self._asked = datetime.min.replace(tzinfo=UTC)

    def experience(
        self, now: datetime, patience_s: float, pushed: Pushed = NOTHING_PUSHED
    ) -> tuple[Experience, tuple[str, ...]]:
        """What is known at `now`, and in words what is not. `pushed`: prices that were. Returns within `patience_s`,
        and never raises.
        """
        if self._reading is None or (self._reading.done() and now - self._asked > FRESH):
            self._asked, self._reading = now, self._thread.submit(past_of, self._sources, now)
        past, doubts = Past(), list[str]()
        try:
            past = self._reading.result(patience_s)
        except TimeoutError:
            doubts.append("the past has not been read yet: planned without it")
        except (NotReadableError, *WRITE_ERRORS) as failed:
            self._reading = None
            doubts.append(f"the past cannot be read: {failed}; planned without it")
        tariff, missing = self._prices.completed(self._sources.tariff, pushed)
        known = Experience(tariff, past.paid, past.sessions, past.building_w, past.generation_w)
        return known, (*doubts, *missing)


def past_of(sources: Sources, now: datetime) -> Past:
    """Everything that the database tells at `now`. Raises NotReadableError or one of WRITE_ERRORS."""
    reader, site = Reader(Database(sources.database)), sources.site
    ended = [
        session for record in reader.sessions(now - timedelta(days=KEPT_DAYS), now) if (session := ended_of(record))
    ]
    today = now.astimezone(site.zone).date()
    holidays = site.holidays.around(today, KEPT_DAYS, DAYS_PLANNED)
    building, generation = other_load(reader, site, now)
    return Past(
        sessions=session_history(ended, now, site.zone, holidays) if ended else None,
        building_w=building,
        generation_w=generation,
        paid={} if sources.tariff is None else paid_peaks(reader, site, sources.tariff, now),
    )


def ended_of(record: SessionRecord) -> PastSession | None:
    """A session as the forecasts want it; None while it lasts, or when it says nothing."""
    if record.unplugged is None or record.unplugged <= record.plugged or not 0.0 <= record.energy_wh < math.inf:
        return None
    return PastSession(
        evse=record.evse,
        arrival=record.plugged,
        departure=record.unplugged,
        energy_wh=record.energy_wh,
        user=record.id_tags[0] if record.id_tags else None,
        requested_wh=record.need_wh,
        stated_departure=record.departure,
        vehicle=record.vehicle,
    )


def other_load(reader: Reader, site: Site, now: datetime) -> tuple[Series | None, Series | None]:
    """What the site drew beside vehicles, plant and battery, and what its plant gave, in quarter hours, W; None where
    no meter tells.
    """
    since = _quarter(now - timedelta(days=LOAD_DAYS))
    root = site.circuits.circuits[0]
    plant = {role: [m.id for m in site.meters if m.role is role] for role in (MeterRole.PV, MeterRole.BATTERY)}
    sun, battery = (_sum(_course(reader, site, "meter", name, since, now) for name in plant[role]) for role in plant)
    building = None
    if root.meter is not None:
        flowing, drawn = (_course(reader, site, kind, root.id, since, now) for kind in ("circuit", "drawn"))
        parts = (drawn, sun, battery)
        building = [total - math.fsum(values) for total, *values in zip(flowing, *(p for p in parts if p), strict=True)]
    return _series(since, building), _series(since, [-watts for watts in sun])


def paid_peaks(reader: Reader, site: Site, tariff: Tariff, now: datetime) -> Paid:
    """The peaks of the billing periods that run at `now`, as far as the meter of the grid connection tells them."""
    root = site.circuits.circuits[0]
    if root.meter is None or not tariff.demand:
        return {}
    today = now.astimezone(tariff.zone).date()
    periods = {BillingPeriod.of(today, charge.period, tariff.billing_day) for charge in tariff.demand}
    since = datetime.fromtimestamp(min(period.begin_s(tariff.zone) for period in periods), UTC)
    course = _course(reader, site, "circuit", root.id, since, now)
    if not course:
        return {}
    paid: dict[tuple[str, BillingPeriod], float] = {}
    for peak in tariff.peaks(Load(since, QUARTER_S, tuple(course))):
        if peak.period in periods and math.isfinite(peak.kw):
            key = (peak.charge.name, peak.period)
            paid[key] = max(paid.get(key, 0.0), peak.kw)
    return paid


def _course(reader: Reader, site: Site, kind: str, name: str, since: datetime, now: datetime) -> list[float]:
    """Mean power of every quarter hour from `since` on that is over, W; NaN where it was not measured."""
    course = [math.nan] * int((now - since).total_seconds() // QUARTER_S)
    for record in reader.intervals(since, now, kind, name):
        place = int((record.starts - since).total_seconds() // QUARTER_S)
        if place < len(course) and record.covered_s >= COVERED_S:
            course[place] = _watts(record, site.voltage_v)
    return course


def _watts(record: IntervalRecord, voltage_v: float) -> float:
    if record.mean_w is not None:
        return float(record.mean_w)
    known = [amps for amps in record.mean_a if amps is not None]
    return voltage_v * math.fsum(known) if known else math.nan


def _sum(courses: Iterable[list[float]]) -> list[float]:
    return [math.fsum(values) for values in zip(*courses, strict=True)]


def _series(since: datetime, course: list[float] | None) -> Series | None:
    """From the first measurement on; None where there is none."""
    first = next((k for k, watts in enumerate(course or ()) if math.isfinite(watts)), None)
    if course is None or first is None:
        return None
    return Series.of(since + timedelta(seconds=QUARTER_S * first), QUARTER_S, course[first:])


def _quarter(moment: datetime) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() // QUARTER_S * QUARTER_S, UTC)
