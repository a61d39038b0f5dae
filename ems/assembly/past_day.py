"""A finished day as the database tells it, and what could have been made of it.

What a vehicle truly wanted nobody measures. Who had stopped drawing when it left had what it wanted; who still drew
wanted what was said of it, at least what it got. It takes what its EVSE gives, on the legs on which it drew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from ems.adapters.store.database import Database
from ems.adapters.store.daybook import read_daybook
from ems.adapters.store.reading import IntervalRecord, Reader, SessionRecord
from ems.assembly.experience import COVERED_S, QUARTER_S, other_load, paid_peaks
from ems.assembly.sources import PriceFolder, Sources
from ems.domain.energy.price_push import Pushed
from ems.domain.limit import Limit
from ems.domain.site import Site
from ems.planning.clairvoyant import Presence
from ems.planning.day_verdict import DayVerdict
from ems.planning.horizon import Horizon
from ems.planning.measured_day import Flows, MeasuredDay, facts_of_day, filled
from ems.planning.regret import MISSING_PER_KWH, DayRecord, Said, day_regret, local_days

PHASES = 3

LONGEST = timedelta(days=92)
"""Who came longer ago is not looked for."""

KNOWN_SHARE = 0.9
"""Of less of a day nothing is said."""

DRAWS_W, DRAWS_A = 500.0, 1.0
"""Less is standby."""


def verdict_of_day(sources: Sources, pushed: Pushed, day: date) -> DayVerdict:
    """What is to be said of a finished local day. Raises NotReadableError or one of WRITE_ERRORS."""
    site, database = sources.site, Database(sources.database)
    reader, horizon = Reader(database), _horizon(sources.site, day)
    site_w = _flowing_w(reader, site, horizon)
    known_share = sum(map(math.isfinite, site_w)) / horizon.steps
    if known_share < KNOWN_SHARE:
        return DayVerdict(day, trouble=f"the day was measured for {24 * known_share:.0f} of 24 hours only")
    records = list(_records(reader, site, horizon))
    if not records:
        return DayVerdict(day, trouble="nobody charged on that day")
    tariff, doubts = PriceFolder(sources.prices).completed(sources.tariff, pushed)
    with database.reading().connect() as connection:
        limits = _of_that_day(read_daybook(connection).limits, horizon)
    paid = {} if tariff is None else paid_peaks(reader, site, tariff, horizon.begins)
    seen = MeasuredDay(_flows(reader, site, horizon), *other_load(reader, site, horizon.ends), limits, paid)
    assumed = [*doubts, f"a kWh that somebody missed counts {MISSING_PER_KWH:g} {site.currency}"]
    if tariff is None:
        assumed.append("there is no tariff: only what was missed counts")
    facts = facts_of_day(site, horizon, tariff, seen)
    regret = day_regret(facts, day, records, filled(site_w).tolist(), MISSING_PER_KWH)
    return DayVerdict(day, regret, assumed=tuple(assumed))


def _horizon(site: Site, day: date) -> Horizon:
    since = datetime(day.year, day.month, day.day, tzinfo=site.zone) - timedelta(hours=1)
    return next(horizon for known, horizon in local_days(since, 3 * 86_400.0, site) if known == day)


def _of_that_day(limits: Sequence[Limit], horizon: Horizon) -> tuple[Limit, ...]:
    """Limits that people set and took back are not known any more; those that ended are."""
    return tuple(
        limit
        for limit in limits
        if (limit.ends is None or limit.ends > horizon.begins) and (limit.starts is None or limit.starts < horizon.ends)
    )


def _flowing_w(reader: Reader, site: Site, horizon: Horizon) -> list[float]:
    """Mean power through the grid connection by quarter hour, NaN where it was not measured. Without a meter there,
    what vehicles drew.
    """
    root = site.circuits.root
    watts = [math.nan] * horizon.steps
    for record in reader.intervals(horizon.begins, horizon.ends, "drawn" if root.meter is None else "circuit", root.id):
        if record.covered_s >= COVERED_S:
            amps = math.fsum(a for a in record.mean_a if a is not None)
            watts[_step(horizon, record)] = site.voltage_v * amps if record.mean_w is None else float(record.mean_w)
    return watts


def _flows(reader: Reader, site: Site, horizon: Horizon) -> tuple[Flows | None, ...]:
    return tuple(
        None
        if circuit.meter is None
        else Flows(*(_amps(reader, kind, circuit.id, horizon) for kind in ("circuit", "drawn")))
        for circuit in site.circuits
    )


def _amps(reader: Reader, kind: str, name: str, horizon: Horizon) -> list[list[float]]:
    found = [[math.nan] * horizon.steps for _ in range(PHASES)]
    for record in reader.intervals(horizon.begins, horizon.ends, kind, name):
        for row, amps in zip(found, record.mean_a, strict=True):
            row[_step(horizon, record)] = math.nan if amps is None else amps
    return found


def _step(horizon: Horizon, record: IntervalRecord) -> int:
    return int((record.starts - horizon.begins).total_seconds() // QUARTER_S)


def _records(reader: Reader, site: Site, horizon: Horizon) -> Iterator[DayRecord]:
    """Everybody who was there on that day, as far as it is known when they left."""
    drawn: dict[str, list[IntervalRecord]] = {}
    for interval in reader.intervals(horizon.begins, horizon.ends, "evse"):
        drawn.setdefault(interval.name, []).append(interval)
    for session in reader.sessions(horizon.begins - LONGEST, horizon.ends):
        j = site.evse_index(session.evse)
        leaves = session.unplugged or horizon.ends + timedelta(seconds=QUARTER_S)
        if j is not None and leaves > max(horizon.begins, session.plugged):
            yield _record(site, j, session, leaves, drawn.get(session.evse, []), horizon)


def _record(
    site: Site, j: int, session: SessionRecord, leaves: datetime, drawn: Sequence[IntervalRecord], horizon: Horizon
) -> DayRecord:
    quarter, evse = timedelta(seconds=QUARTER_S), site.evses[j]
    its = [one for one in drawn if session.plugged - quarter < one.starts < leaves]
    today_wh = float(sum(one.energy_wh or 0 for one in its if one.starts >= horizon.begins))
    is_whole = session.plugged >= horizon.begins and leaves <= horizon.ends
    got_wh = session.energy_wh if is_whole else min(today_wh, session.energy_wh)
    had_wh = 0.0 if session.plugged >= horizon.begins else session.energy_wh - got_wh
    last = max(its, key=lambda one: one.starts, default=None)
    still_drew = last is not None and leaves - last.starts < 2 * quarter and (last.mean_w or 0) > DRAWS_W
    wanted_wh = max(session.energy_wh, session.need_wh or 0.0) if still_drew else session.energy_wh
    legs = max((sum(1 for a in one.max_a if a is not None and a > DRAWS_A) for one in its), default=0)
    truth = Presence(
        session=session.id,
        evse=j,
        arrival=session.plugged,
        departure=leaves,
        wants_wh=max(0.0, wanted_wh - had_wh),
        most_a=evse.max_a,
        legs=min(legs, len(evse.wiring.legs)) or len(evse.wiring.legs),
    )
    said_wh = None if session.need_wh is None else max(0.0, session.need_wh - had_wh)
    return DayRecord(truth, got_wh, Said(said_wh, session.departure))
