"""What changed from tick to tick, written down. Records are immutable, so what is the same object has not changed."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ems.adapters.store.batch import Sample
from ems.adapters.store.ledger import Ledger
from ems.adapters.store.moment import to_ms
from ems.adapters.store.writer import Writer
from ems.domain.decision import Alarm, Decision
from ems.domain.instant import Instant
from ems.domain.measurement import LegAmps
from ems.domain.meter import MeterReading, MeterRole
from ems.domain.session import Session
from ems.domain.state import EvseState, SiteState

ALIVE_S = 10.0
SESSION_S = 60.0
DRAWN_S = 10.0
CLOCK_STEP_S = 2.0
REOPEN = timedelta(seconds=60)
"""An alarm that returns so soon is the same one, so that a flapping contact does not fill a disk."""

MOST_NEWS = 60

JUST_S = 120.0
"""So late a transaction is told at most that has just begun; clocks of stations are not exact either."""

INT32 = 2**31 - 1
INT53 = 2**53


@dataclass(frozen=True, slots=True)
class _Raised:
    alarm: Alarm
    began: datetime
    ended: datetime | None = None


class Recorder:
    """Looks at every tick and hands what is new to the ledger and the writer. Never waits, never raises on a disk, and
    takes no more than `MOST_NEWS` EVSEs with a new grant or vehicle per tick: after a mass event the rest follow within
    seconds.
    """

    def __init__(self, ledger: Ledger, writer: Writer) -> None:
        self._ledger, self._writer = ledger, writer
        self._before: SiteState | None = None
        self._done: list[EvseState] = []
        self._again: set[int] = set()
        self._resume = 0
        self._offset_s: float | None = None
        self._alive_at = self._drawn_at = float("-inf")
        self._sessions_at: dict[str, float] = {}
        self._alarms: dict[str, _Raised] = {}

    def tick(self, now: Instant, state: SiteState, decision: Decision) -> None:
        """Take the state and the decision of one tick; it costs next to nothing where nothing happened."""
        before = self._aligned(state, now)
        self._before = state
        if self._clock_was_set(now):
            self._again.update(range(len(state.evses)))
        samples: list[Sample] = []
        left = MOST_NEWS
        for j in self._changed(state):
            evse, known, was = state.site.evses[j], state.evses[j], self._done[j]
            told = known.grant is not was.grant or j in self._again
            if told or (known.session is None) is not (was.session is None):
                if not left:
                    continue
                left -= 1
                self._resume = j + 1
            self._done[j] = known
            if told:
                self._ledger.granted(evse.id, known.grant, now, j in self._again, known.switch.told)
                self._again.discard(j)
            if known.session is not was.session or known.before is not was.before:
                self._session(known, was, now)
            samples.extend(_of_start(evse.id, known, was, now))
            samples.extend(_of_evse(evse.id, known, was, now))
        if state.meters is not before.meters:
            samples.extend(_of_meters(state, before, now))
        if now.monotonic_s - self._drawn_at >= DRAWN_S:
            self._drawn_at = now.monotonic_s
            samples.extend(_of_circuits(decision, now))
        if samples:
            self._writer.sample(samples)
        self._models(state, before, now)
        self._raise(decision.alarms, now.utc)
        if now.monotonic_s - self._alive_at >= ALIVE_S:
            self._alive_at = now.monotonic_s
            self._ledger.alive(now.utc)

    def _changed(self, state: SiteState) -> list[int]:
        """EVSEs that are not as they were when last looked at; in turn, so that none waits for ever."""
        pairs = enumerate(zip(state.evses, self._done, strict=True))
        changed = [j for j, (known, was) in pairs if known is not was or j in self._again]
        first = bisect_left(changed, self._resume)
        return changed[first:] + changed[:first]

    def _aligned(self, state: SiteState, now: Instant) -> SiteState:
        """The state before, in the order of this one's site. A reloaded site may have lost EVSEs with a vehicle."""
        before = self._before
        if before is not None and before.site is state.site:
            return before
        known = {} if before is None else dict(zip((e.id for e in before.site.evses), self._done, strict=True))
        self._done = [known.pop(evse.id, EvseState()) for evse in state.site.evses]
        self._again.clear()
        for gone in known.values():
            if gone.session is not None:
                self._session(EvseState(before=gone.session), gone, now)
        return SiteState.initial(state.site)

    def _clock_was_set(self, now: Instant) -> bool:
        """Leases are stored by the wall clock; when that was set, they have to be stored again."""
        offset = now.utc.timestamp() - now.monotonic_s
        stepped = self._offset_s is not None and abs(offset - self._offset_s) > CLOCK_STEP_S
        self._offset_s = offset
        return stepped

    def _session(self, state: EvseState, before: EvseState, now: Instant) -> None:
        known, was = state.session, before.session
        over = None if state.before is before.before else state.before
        if was is not None and (known is None or known.plugged != was.plugged):
            self._sessions_at.pop(was.evse, None)
            if was.counted is None and any(one is not None and one.plugged < was.plugged for one in (known, over)):
                # Whoever seemed to come then had come before, with a transaction that the station told late.
                self._ledger.session_withdrawn(was)
            elif over is None or over.plugged != was.plugged:
                self._ledger.session_ended(was, _left(was, now))
            was = None
        if over is not None:
            self._ledger.session_ended(over, max(over.ended or _left(over, now), over.plugged))
        if known is None:
            return
        told = self._sessions_at.get(known.evse, float("-inf"))
        only_energy = was is not None and replace(known, energy_wh=was.energy_wh, soc_percent=was.soc_percent) == was
        if not only_energy or now.monotonic_s - told >= SESSION_S:
            self._sessions_at[known.evse] = now.monotonic_s
            self._ledger.session_changed(known)

    def _models(self, state: SiteState, old: SiteState, now: Instant) -> None:
        if state.stations is old.stations:
            return
        for station, known, was in zip(state.site.stations, state.stations, old.stations, strict=True):
            if known.model is not was.model and known.model != was.model:
                found = (known.vendor, known.product, known.firmware)
                self._ledger.learned(station.id, found, known.model, now.utc)

    def _raise(self, alarms: Iterable[Alarm], at: datetime) -> None:
        present = {alarm.key: alarm for alarm in alarms}
        for key, raised in list(self._alarms.items()):
            if key in present or (raised.ended is not None and at - raised.ended <= REOPEN):
                continue
            if raised.ended is None:
                self._alarms[key] = replace(raised, ended=at)
                self._ledger.alarmed(raised.alarm, raised.began, at)
            else:
                del self._alarms[key]
        for key, alarm in present.items():
            known = self._alarms.get(key)
            if known is None:
                known = _Raised(alarm, alarm.since or at)
            elif known.ended is None and alarm.level <= known.alarm.level:
                continue
            else:
                known = _Raised(max(known.alarm, alarm, key=lambda a: a.level), known.began)
            self._alarms[key] = known
            self._ledger.alarmed(known.alarm, known.began, None)


def _left(known: Session, now: Instant) -> datetime:
    """When a vehicle leaves now, had nobody set the wall clock since it came: it stood there as long as it did, and its
    receipt says the same.
    """
    return known.plugged + timedelta(seconds=max(0.0, now.monotonic_s - known.plugged_s))


def _of_start(name: str, known: EvseState, was: EvseState, now: Instant) -> Iterator[Sample]:
    """The register as a transaction begins, which is told now: else what flows before its first meter values would be
    missing from the quarter hour, whose energy is what the register grows by. Of one that began long ago, and is told
    late, the energy belongs to other quarter hours.
    """
    begun = None if known.session is None else known.session.transaction
    before = None if was.session is None else was.session.transaction
    if begun is None or (before is not None and before.id == begun.id):
        return
    if abs((now.utc - begun.started).total_seconds()) > JUST_S:
        return
    newest = known.samples[0] if known.samples else None
    is_new = newest is not None and (not was.samples or newest is not was.samples[0])
    at = now.utc if newest is None or not is_new else now.utc_at(newest.at) - timedelta(milliseconds=1)
    amps = (0.0,) if not was.samples else was.samples[0].high_a
    yield _sample(at, "evse", name, amps, None, begun.meter_start_wh)


def _of_evse(name: str, known: EvseState, was: EvseState, now: Instant) -> Iterator[Sample]:
    """A new sample; or nothing flowing, from the moment in which the vehicle cannot draw any more, or its transaction
    has ended at a register that is new.
    """
    if known.samples and (not was.samples or known.samples[0] is not was.samples[0]):
        newest = known.samples[0]
        yield _sample(now.utc_at(newest.at), "evse", name, newest.high_a, known.power_w, known.register_wh)
    elif (was.status.may_draw and not known.status.may_draw and was.samples) or _is_settled(known, was):
        nothing = (0.0,) * (len(was.samples[0].high_a) if was.samples else 1)
        yield _sample(now.utc, "evse", name, nothing, 0.0, known.register_wh)


def _is_settled(known: EvseState, was: EvseState) -> bool:
    """A transaction has ended, with more than its last meter values told."""
    ran = was.session is not None and was.session.transaction is not None
    runs = known.session is not None and known.session.transaction is not None
    return ran and not runs and known.register_wh != was.register_wh


def _of_meters(state: SiteState, old: SiteState, now: Instant) -> Iterator[Sample]:
    """New readings: of a circuit's meter as the circuit, of any other as itself."""
    for meter, known, was in zip(state.site.meters, state.meters, old.meters, strict=True):
        reading = known.reading
        if reading is None or reading is was.reading:
            continue
        circuits = [circuit.id for circuit in state.site.circuits if circuit.meter == meter.id]
        if meter.role is not MeterRole.CIRCUIT or not circuits:
            yield _of_reading("meter", meter.id, reading, now)
        for circuit in circuits:
            yield _of_reading("circuit", circuit, reading, now)


def _of_reading(kind: str, name: str, reading: MeterReading, now: Instant) -> Sample:
    return _sample(now.utc_at(reading.at), kind, name, reading.amps, reading.power_w, reading.import_wh)


def _of_circuits(decision: Decision, now: Instant) -> Iterator[Sample]:
    for view in decision.circuits:
        yield _sample(now.utc, "drawn", view.circuit, view.drawn_a, None, None)


def _sample(
    at: datetime, kind: str, name: str, amps: LegAmps, power_w: float | None, register_wh: float | None
) -> Sample:
    l1, l2, l3, *_ = (*(_whole(100.0 * a, INT32) for a in amps), None, None, None)
    return Sample(to_ms(at), kind, name, l1, l2, l3, _whole(power_w, INT32), _whole(register_wh, INT53))


def _whole(value: float | None, most: int) -> int | None:
    """The nearest integer that a column can hold; what is not a number is nothing."""
    if value is None or math.isnan(value):
        return None
    return round(min(max(value, -most), most))
