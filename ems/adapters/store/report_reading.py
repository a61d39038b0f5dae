"""What a report needs of the past, read in short queries: a month of a large site takes a part of a second."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, or_, select

from ems.adapters.store.access import reason
from ems.adapters.store.aggregation import QUARTER_MS
from ems.adapters.store.database import WRITE_ERRORS, Database
from ems.adapters.store.money_schema import correction, refund
from ems.adapters.store.payment_schema import payment
from ems.adapters.store.price_schema import usage
from ems.adapters.store.report_schema import control_quarter, excluded_time, outage
from ems.adapters.store.schema import interval, session, subject
from ems.adapters.store.session_schema import session_correction
from ems.domain.billing.refund import RefundState
from ems.domain.meter import MeterRole
from ems.domain.session import NeedOrigin
from ems.domain.site import Site
from ems.ports.reports import NoReportError
from ems.statistics.corrected import corrected
from ems.statistics.period import Period
from ems.statistics.record import (
    Cause,
    Charged,
    ControlQuarter,
    Excluded,
    Exclusion,
    Flow,
    Outage,
    Past,
    PastSession,
    Used,
)

DAY_MS = 86_400_000
SLICE_MS = 31 * DAY_MS
"""So much is read in one query: a long snapshot keeps the log of the database from being recycled."""

LONGEST_MS = 92 * DAY_MS
"""Who came longer before is only found by what it used."""

AT_A_TIME = 1000
HOUR_MS = 3_600_000

BEHIND_MS = 3 * DAY_MS
"""So long behind the end it is looked for what those got who came before it."""

COVERED_S = 450
"""A quarter hour of which less is known was not measured."""

DRAWS_W, DRAWS_CA = 50, 100
STATED = (NeedOrigin.STATED.value, NeedOrigin.SCHEDULED.value)

_IS_STATED = session.c.need_origin.in_(STATED)
_SESSION = (
    session.c.id, session.c.evse, session.c.plugged // 1000, session.c.unplugged // 1000, session.c.energy_wh,
    case((_IS_STATED, session.c.need_wh)), case((_IS_STATED, session.c.departure // 1000)), session.c.vehicle,
    func.coalesce(session.c.tag, session.c.tag_key), session.c.person, session.c.cost_centre, session.c.total_minor,
)  # fmt: skip
"""In the order of a `PastSession`."""

_USED = (usage.c.session, usage.c.starts // 1000, usage.c.energy_wh, usage.c.idle_s)
_CORRECTED = session_correction.c
_ENERGY_CORRECTED = select(_CORRECTED.session).where(_CORRECTED.changes.contains('"energy_wh"')).distinct()
"""Corrections are few."""


class _Span(NamedTuple):
    begin: int
    end: int

    def slices(self) -> Iterator[tuple[int, int]]:
        for begin in range(self.begin, self.end, SLICE_MS):
            yield begin, min(begin + SLICE_MS, self.end)


def read_past(database: Database, site: Site, period: Period, now_s: int) -> Past:
    """Everything that is known of a period. Raises NoReportError; blocks."""
    reading = _Reading(database)
    span = _Span(1000 * period.begin_s, 1000 * period.end_s)
    try:
        sessions, used = reading.counted(span)
        return Past(
            period,
            now_s,
            sessions=sessions,
            used=used,
            charged=tuple(reading.charged(span)),
            flows=tuple(reading.flows(span, site)),
            outages=tuple(reading.outages(span)),
            excluded=reading.excluded(period),
            control=tuple(reading.control(span)),
            given_back_minor=reading.given_back(span),
            corrected_minor=reading.corrected(span),
        )
    except WRITE_ERRORS as error:
        raise NoReportError(f"the database cannot be read: {reason(error)}") from None


def read_flows(database: Database, site: Site, period: Period) -> tuple[Flow, ...]:
    """What flowed in a period through the grid connection and from PV. Raises one of WRITE_ERRORS; blocks."""
    return tuple(_Reading(database).flows(_Span(1000 * period.begin_s, 1000 * period.end_s), site))


class _Reading:
    def __init__(self, database: Database) -> None:
        self._engine = database.reading()

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def _many(self, query: Select[Any]) -> Iterator[Any]:
        """The same, some rows at a time: making one long list of them holds the interpreter."""
        with self._engine.connect() as connection:
            for some in connection.execute(query.execution_options(yield_per=AT_A_TIME)).partitions():
                yield from some

    def counted(self, span: _Span) -> tuple[tuple[PastSession, ...], tuple[Used, ...]]:
        """The sessions that count, and what they used as it was corrected, so that whatever is made of the one agrees
        with what is made of the other.
        """
        used = list(self._used(span))
        sessions = {one.id: one for one in self._sessions(span)}
        if longer := self._longer({one.session for one in used if 1000 * one.starts_s < span.end} - sessions.keys()):
            by_begin = sorted((*sessions.values(), *longer), key=lambda one: (one.plugged_s, one.id))
            sessions = {one.id: one for one in by_begin}
        changed = [sessions[row.session] for row in self._rows(_ENERGY_CORRECTED) if row.session in sessions]
        others = sessions.keys() - {one.id for one in changed}
        counted = [one for one in used if one.session in others]
        if changed:
            counted += (one for told in changed for one in self._as_corrected(told, span))
            counted.sort(key=lambda one: one.starts_s)
        return tuple(sessions.values()), tuple(counted)

    def _longer(self, names: set[str]) -> list[PastSession]:
        """Of sessions that used something then those which count: they came longer before than was looked."""
        known, ordered = session.c, sorted(names)
        parts = (ordered[first : first + AT_A_TIME] for first in range(0, len(ordered), AT_A_TIME))
        queries = (select(*_SESSION).where(known.id.in_(part), known.is_void.is_not(True)) for part in parts)
        return [PastSession._make(row) for query in queries for row in self._rows(query)]

    def _as_corrected(self, told: PastSession, span: _Span) -> Iterator[Used]:
        measured = self._rows(select(*_USED).where(usage.c.session == told.id))
        for one in corrected(told, tuple(map(Used._make, measured))):
            if span.begin <= 1000 * one.starts_s < span.end + BEHIND_MS:
                yield one

    def _sessions(self, span: _Span) -> Iterator[PastSession]:
        known = session.c
        for begin, end in _Span(span.begin - LONGEST_MS, span.end).slices():
            there: list[ColumnElement[bool]] = [known.plugged >= begin, known.plugged < end]
            if begin < span.begin:
                stayed = known.unplugged.is_(None), known.unplugged > span.begin
                there.append(or_(known.plugged >= span.begin, *stayed))
            query = select(*_SESSION).where(*there, known.is_void.is_not(True))
            yield from map(PastSession._make, self._many(query.order_by(known.plugged, known.id)))

    def _used(self, span: _Span) -> Iterator[Used]:
        known = usage.c
        for begin, end in _Span(span.begin, span.end + BEHIND_MS).slices():
            query = select(*_USED).where(known.starts >= begin, known.starts < end).order_by(known.starts)
            yield from map(Used._make, self._many(query))

    def charged(self, span: _Span) -> Iterator[Charged]:
        known = interval.c
        amps = (known.max_l1_ca, known.max_l2_ca, known.max_l3_ca)
        first, second, third = (case((one > DRAWS_CA, 1), else_=0) for one in amps)
        evses = {row.id: row.name for row in self._rows(select(subject).where(subject.c.kind == "evse"))}
        draws = or_(known.mean_w > DRAWS_W, known.mean_l1_ca > DRAWS_CA)
        for begin, end in span.slices():
            hour = known.starts - known.starts % HOUR_MS
            query = select(
                func.min(known.starts).label("starts"),
                known.subject,
                func.max(first + second + third),
                func.max(known.max_w),
            ).where(known.starts >= begin, known.starts < end, draws)
            for starts, number, legs, max_w in self._many(query.group_by(known.subject, hour).order_by("starts")):
                if number in evses:
                    yield Charged(evses[number], starts // 1000, legs, max_w)

    def flows(self, span: _Span, site: Site) -> Iterator[Flow]:
        root = site.circuits.root
        plant = [meter.id for meter in site.meters if meter.role is MeterRole.PV]
        grid = self._courses(span, "circuit", [root.id], site.voltage_v) if root.meter is not None else {}
        sun = self._courses(span, "meter", plant, site.voltage_v) if plant else {}
        for starts in sorted({*grid, *sun}):
            pv_w = sun.get(starts)
            yield Flow(starts // 1000, grid.get(starts), None if pv_w is None else max(0.0, -pv_w))

    def _courses(self, span: _Span, kind: str, names: Sequence[str], voltage_v: float) -> dict[int, float]:
        """The sum of the mean powers of some subjects; a quarter hour in which one is unknown is left out."""
        known = interval.c
        there = select(subject.c.id).where(subject.c.kind == kind, subject.c.name.in_(names))
        numbers = [row.id for row in self._rows(there)]
        found: dict[int, list[float]] = defaultdict(list)
        columns = (known.starts, known.mean_w, known.mean_l1_ca, known.mean_l2_ca, known.mean_l3_ca)
        for begin, end in span.slices():
            query = select(*columns).where(
                known.starts >= begin,
                known.starts < end,
                known.subject.in_(numbers),
                known.covered_s >= COVERED_S,
            )
            for starts, mean_w, *amps in self._rows(query):
                measured = [one for one in amps if one is not None]
                if mean_w is not None or measured:
                    watts = float(mean_w) if mean_w is not None else voltage_v * math.fsum(measured) / 100.0
                    found[starts].append(watts)
        return {starts: math.fsum(watts) for starts, watts in found.items() if len(watts) == len(names)}

    def outages(self, span: _Span) -> Iterator[Outage]:
        known = outage.c
        ends = func.coalesce(known.ended, known.seen)
        query = select(known.evse, known.began, ends, known.cause).where(known.began < span.end, ends > span.begin)
        for evse, began, ended, cause in self._rows(query.order_by(known.began)):
            yield Outage(evse, began // 1000, ended // 1000, Cause(cause))

    def given_back(self, span: _Span) -> int:
        """Minor units. A top-up was never billed, and the receipt of a void session does not count as billed."""
        void = session.c.id == payment.c.session, session.c.is_void.is_(True), session.c.total_minor.is_not(None)
        is_void = select(session.c.id).where(*void).exists()
        within = refund.c.created >= span.begin, refund.c.created < span.end
        counts = refund.c.state != RefundState.FAILED.value, payment.c.account == "", ~is_void
        query = select(func.sum(refund.c.amount_minor)).join(payment, payment.c.id == refund.c.payment)
        return int(self._rows(query.where(*within, *counts))[0][0] or 0)

    def corrected(self, span: _Span) -> int:
        """Minor units."""
        within = correction.c.at >= span.begin, correction.c.at < span.end
        return int(self._rows(select(func.sum(correction.c.amount_minor)).where(*within))[0][0] or 0)

    def excluded(self, period: Period) -> tuple[Excluded, ...]:
        with self._engine.connect() as connection:
            return excluded_of(connection, period)

    def control(self, span: _Span) -> Iterator[ControlQuarter]:
        known = control_quarter.c
        within = known.starts >= span.begin - QUARTER_MS, known.starts < span.end
        for row in self._rows(select(control_quarter).where(*within).order_by(known.starts)):
            yield quarter_of(row)


def quarter_of(row: Row[Any]) -> ControlQuarter:
    """A quarter hour from its row."""
    starts, *others = tuple(row)
    return ControlQuarter(starts // 1000, *others)


def excluded_of(connection: Connection, period: Period) -> tuple[Excluded, ...]:
    """Excluded times that reach into a period, in order."""
    known = excluded_time.c
    within = known.began < 1000 * period.end_s, known.ended > 1000 * period.begin_s, known.withdrawn.is_(None)
    query = select(excluded_time).where(*within).order_by(known.began, known.id)
    return tuple(
        Excluded(row.id, row.scope, row.began // 1000, row.ended // 1000, Exclusion(row.cause), row.note, row.who)
        for row in connection.execute(query)
    )
