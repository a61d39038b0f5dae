"""What pages look back at: an EVSE, the energy of a day, peaks. Queries on a connection that reads; each is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, desc, func, select

from ems.adapters.store.aggregation import HOLD_MS, QUARTER_MS, quarter
from ems.adapters.store.energy_schema import offer
from ems.adapters.store.moment import from_ms, to_ms
from ems.adapters.store.schema import audit, interval, sample, session, subject
from ems.domain.record.history import Audit
from ems.domain.record.past import Drawn, Energies, EvsePast, Offered, QuarterMeans, Stay

MOST_OFFERS, MOST_SAMPLES = 5000, 30_000
COVERED_S = 450
"""A quarter hour of which less is known counts as unknown, as it does for planning."""


def read_evse(connection: Connection, evse: str, since: datetime, until: datetime) -> EvsePast:
    """What an EVSE was offered and what was drawn there."""
    first, end, c = to_ms(since), to_ms(until), offer.c
    mine = select(offer).where(c.evse == evse)
    before = connection.execute(mine.where(c.at < first).order_by(desc(c.at)).limit(1)).all()
    later = connection.execute(mine.where(c.at >= first, c.at < end).order_by(desc(c.at)).limit(MOST_OFFERS)).all()
    rows = [*before, *reversed(later)]
    number = select(subject.c.id).where(subject.c.kind == "evse", subject.c.name == evse).scalar_subquery()
    of = select(sample).where(sample.c.at >= first, sample.c.at < end, sample.c.subject == number)
    samples = connection.execute(of.order_by(desc(sample.c.at)).limit(MOST_SAMPLES)).all()
    return EvsePast(
        tuple(Offered(from_ms(row.at), row.amps, row.binding, row.text) for row in rows),
        tuple(Drawn(from_ms(row.at), _most(row.l1_ca, row.l2_ca, row.l3_ca), row.power_w) for row in reversed(samples)),
    )


def read_stays(connection: Connection, evse: str, most: int) -> tuple[Stay, ...]:
    """The newest vehicles at an EVSE, newest first."""
    c = session.c
    rows = connection.execute(select(session).where(c.evse == evse).order_by(desc(c.plugged)).limit(most))
    return tuple(
        Stay(
            row.id,
            from_ms(row.plugged),
            None if row.unplugged is None else from_ms(row.unplugged),
            row.energy_wh,
            row.need_wh,
            None if row.departure is None else from_ms(row.departure),
            row.vehicle,
            row.person,
        )
        for row in rows
    )


def read_quarters(
    connection: Connection, circuit: str, since: datetime, now: datetime, voltage_v: float
) -> QuarterMeans:
    """Mean power through a circuit's meter in every quarter hour, and so far in the one that runs."""
    number = _number(connection, "circuit", circuit)
    begins = quarter(now)
    c = interval.c
    query = select(c.starts, c.mean_w, c.mean_l1_ca, c.mean_l2_ca, c.mean_l3_ca).where(
        c.starts >= to_ms(since), c.starts < begins, c.subject == number, c.covered_s >= COVERED_S
    )
    means = []
    for row in connection.execute(query.order_by(c.starts)):
        amps = [value for value in (row.mean_l1_ca, row.mean_l2_ca, row.mean_l3_ca) if value is not None]
        if row.mean_w is not None or amps:
            means.append(
                (from_ms(row.starts), float(row.mean_w if row.mean_w is not None else voltage_v * sum(amps) / 100))
            )
    open_s, open_w = _running(connection, number, begins, to_ms(now), voltage_v)
    return QuarterMeans(tuple(means), from_ms(begins), open_s, open_w)


def _running(
    connection: Connection, number: int | None, begins: int, now: int, voltage_v: float
) -> tuple[float, float | None]:
    """How many seconds since `begins` are known, and the mean over them; each sample holds until the next one."""
    at = sample.c.at
    query = select(sample).where(at >= begins - HOLD_MS, at < now, sample.c.subject == number).order_by(at)
    rows = connection.execute(query).all()
    known_ms, total = 0.0, 0.0
    for row, until in zip(rows, [*(row.at for row in rows[1:]), now], strict=True):
        held_ms = min(until, row.at + HOLD_MS) - max(row.at, begins)
        amps = [value for value in (row.l1_ca, row.l2_ca, row.l3_ca) if value is not None]
        if held_ms > 0 and (row.power_w is not None or amps):
            known_ms += held_ms
            total += held_ms * (row.power_w if row.power_w is not None else voltage_v * sum(amps) / 100)
    return known_ms / 1000, total / known_ms if known_ms else None


def read_energies(connection: Connection, root: str, pv: Sequence[str], since: datetime, until: datetime) -> Energies:
    """Energy since a moment, of the quarter hours that are over: of the grid connection, of vehicles, of PV."""
    first, end = to_ms(since), to_ms(until)
    last = connection.execute(
        select(func.max(interval.c.starts)).where(interval.c.starts >= first, interval.c.starts < end)
    ).scalar()

    def wh(kind: str, names: Sequence[str]) -> float | None:
        joined = select(func.sum(interval.c.energy_wh)).join(subject, subject.c.id == interval.c.subject)
        query = joined.where(interval.c.starts >= first, interval.c.starts < end, subject.c.kind == kind)
        found = connection.execute(query.where(subject.c.name.in_(names)) if names else query).scalar()
        return None if found is None else float(found)

    return Energies(
        wh("circuit", [root]),
        wh("evse", []),
        wh("meter", pv) if pv else None,
        None if last is None else from_ms(last) + timedelta(milliseconds=QUARTER_MS),
    )


def find_audits(
    connection: Connection, before: int | None, most: int, words: str, since: datetime | None, until: datetime | None
) -> tuple[Audit, ...]:
    """The newest of what people did, newest first, in which all of the words stand and which lie in the span."""
    c = audit.c
    query = select(audit).order_by(desc(c.id)).limit(most)
    if before is not None:
        query = query.where(c.id < before)
    if since is not None:
        query = query.where(c.at >= to_ms(since))
    if until is not None:
        query = query.where(c.at < to_ms(until))
    for word in words.split()[:8]:
        query = query.where((c.who + " " + c.what + " " + c.detail).icontains(word, autoescape=True))
    return tuple(Audit(r.id, from_ms(r.at), r.who, r.what, r.detail) for r in connection.execute(query))


def _number(connection: Connection, kind: str, name: str) -> int | None:
    found = connection.execute(select(subject.c.id).where(subject.c.kind == kind, subject.c.name == name)).scalar()
    return None if found is None else int(found)


def _most(*hundredths: int | None) -> float | None:
    known = [value for value in hundredths if value is not None]
    return max(known) / 100 if known else None
