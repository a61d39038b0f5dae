"""What a session uses, by quarter hours: energy in whole Wh and idle seconds, as it is billed and counted.

Quarter hours begin at the same moments everywhere: no time zone is off by less, so local hours and days begin with one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ems.domain.session import Session
from ems.domain.station import EvseStatus

QUARTER_S = 900


@dataclass(frozen=True, slots=True)
class UsedQuarter:
    """What was used from `starts_s` (seconds since 1970 UTC) on."""

    starts_s: int
    energy_wh: int = 0
    idle_s: int = 0

    @property
    def starts(self) -> datetime:
        """When it begins."""
        return datetime.fromtimestamp(self.starts_s, UTC)


@dataclass(frozen=True, slots=True)
class Usage:
    """What the session `session` used from `plugged` until `until`. `quarters` in order, without those that are empty.

    Of the energy `transaction_wh` is that of the transaction `transaction` and `earlier_wh` that of those before it.
    It is known until `metered`; what comes next flowed since then. Idle is who has charged and stays: from the moment
    in which the vehicle wants no more, or its transaction ended, until it charges again. `heard`: when its station last
    said that it is there.
    """

    session: str
    evse: str
    plugged: datetime
    until: datetime
    metered: datetime
    heard: datetime
    quarters: tuple[UsedQuarter, ...] = ()
    transaction: int | None = None
    transaction_wh: float = 0.0
    earlier_wh: float = 0.0
    is_idle: bool = False
    energy_wh: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "energy_wh", sum(quarter.energy_wh for quarter in self.quarters))

    @classmethod
    def of(cls, session: Session) -> Usage:
        """Nothing yet."""
        begin = session.plugged
        return cls(session.id, session.evse, begin, begin, begin, begin)

    @property
    def minutes(self) -> int:
        """Whole minutes plugged in."""
        return int((self.until - self.plugged).total_seconds()) // 60

    @property
    def idle_s(self) -> int:
        """Seconds idle."""
        return sum(quarter.idle_s for quarter in self.quarters)

    def after(self, at: datetime, session: Session, status: EvseStatus, is_heard: bool) -> Usage:
        """What was used until `at`. Of a station that is not heard nobody knows whether its vehicle is idle."""
        at = max(at, self.until)
        running, known = session.transaction, self
        if running is not None and running.id != self.transaction:
            earlier = self.earlier_wh + self.transaction_wh
            known = replace(self, transaction=running.id, transaction_wh=0.0, earlier_wh=earlier)
        quarters = known.quarters
        if known.is_idle and is_heard:
            quarters = _with_idle(quarters, known.until, at)
        known = replace(known, quarters=quarters, until=at).metered_to(at, session.energy_wh)
        is_over = known.transaction is not None and running is None
        is_idle = known.energy_wh > 0 and _idle(known.is_idle, status, is_over)
        flows_not = is_heard and status is not EvseStatus.CHARGING and status is not EvseStatus.UNKNOWN
        metered, heard = at if flows_not else known.metered, at if is_heard else known.heard
        return replace(known, is_idle=is_idle, metered=metered, heard=heard)

    def metered_to(self, at: datetime, transaction_wh: float) -> Usage:
        """With so much energy of the transaction in all, the new of it since it was last metered. A station that takes
        back energy takes it from the last quarters.
        """
        if transaction_wh == self.transaction_wh or self.transaction is None:
            return self
        before, now = (round(self.earlier_wh + wh) for wh in (self.transaction_wh, transaction_wh))
        if now >= before:
            quarters = _with_energy(self.quarters, self.metered, at, now - before)
        else:
            quarters = _without_energy(self.quarters, before - now)
        return replace(self, transaction_wh=transaction_wh, quarters=quarters, metered=at)

    def left(self, at: datetime) -> Usage:
        """The vehicle left at `at`, heard by all until then."""
        at = max(at, self.until)
        quarters = _with_idle(self.quarters, self.until, at) if self.is_idle else self.quarters
        return replace(self, until=at, heard=at, quarters=quarters)

    def closed(self, unplugged: datetime, energy_wh: float) -> Usage:
        """At its end, as others recorded it: `energy_wh` of all its transactions."""
        until = max(unplugged, self.plugged)
        missing = round(energy_wh) - self.energy_wh
        quarters = self.quarters
        if missing > 0:
            quarters = _with_energy(quarters, self.metered, max(until, self.metered), missing)
        elif missing < 0:
            quarters = _without_energy(quarters, -missing)
        return replace(self, until=until, quarters=quarters)


def _idle(was: bool, status: EvseStatus, is_over: bool) -> bool:
    """A vehicle that we pause has not had its fill, and one that has stays idle whatever we offer it."""
    if status is EvseStatus.CHARGING and not is_over:
        return False
    return was or is_over or status in {EvseStatus.SUSPENDED_EV, EvseStatus.FINISHING}


def pieces(begin: datetime, end: datetime) -> Iterator[tuple[int, float]]:
    """The quarter hours of a span with how many seconds of it lie in each."""
    begin_s, end_s = begin.timestamp(), end.timestamp()
    while begin_s < end_s:
        starts = int(begin_s // QUARTER_S) * QUARTER_S
        until = min(starts + QUARTER_S, end_s)
        yield starts, until - begin_s
        begin_s = until


def _with_energy(quarters: tuple[UsedQuarter, ...], begin: datetime, end: datetime, wh: int) -> tuple[UsedQuarter, ...]:
    """With so much energy spread evenly over a span; the sum stays exact."""
    spans = list(pieces(begin, end)) or [(int(end.timestamp()) // QUARTER_S * QUARTER_S, 1.0)]
    whole = sum(seconds for _, seconds in spans)
    passed, told = 0.0, 0
    for starts_s, seconds in spans:
        passed += seconds
        share = round(wh * passed / whole)
        quarters = _added(quarters, UsedQuarter(starts_s, energy_wh=share - told))
        told = share
    return quarters


def _without_energy(quarters: tuple[UsedQuarter, ...], wh: int) -> tuple[UsedQuarter, ...]:
    """Without so much energy, the last of it first."""
    left: list[UsedQuarter] = []
    for quarter in reversed(quarters):
        taken = min(wh, quarter.energy_wh)
        wh -= taken
        left.append(replace(quarter, energy_wh=quarter.energy_wh - taken))
    return tuple(reversed(left))


def _with_idle(quarters: tuple[UsedQuarter, ...], begin: datetime, end: datetime) -> tuple[UsedQuarter, ...]:
    """With a span in which the vehicle was idle; of a second that has begun all counts once."""
    last = int(begin.timestamp())
    for starts_s, _ in pieces(begin, end):
        until = min(int(end.timestamp()), starts_s + QUARTER_S)
        quarters = _added(quarters, UsedQuarter(starts_s, idle_s=until - last))
        last = until
    return quarters


def _added(quarters: tuple[UsedQuarter, ...], more: UsedQuarter) -> tuple[UsedQuarter, ...]:
    if not (more.energy_wh or more.idle_s):
        return quarters
    before = tuple(one for one in quarters if one.starts_s < more.starts_s)
    behind = tuple(one for one in quarters if one.starts_s > more.starts_s)
    same = next((one for one in quarters if one.starts_s == more.starts_s), UsedQuarter(more.starts_s))
    added = UsedQuarter(more.starts_s, same.energy_wh + more.energy_wh, same.idle_s + more.idle_s)
    return (*before, added, *behind)


def supposed(evse: str, plugged: datetime, energy_wh: float, power_w: float, idle_min: float) -> Usage:
    """What a session would use that takes so much energy at a constant power and then stays idle."""
    charged = plugged + timedelta(hours=energy_wh / power_w)
    until = charged + timedelta(minutes=idle_min)
    quarters = _with_energy((), plugged, charged, round(energy_wh))
    return Usage("", evse, plugged, until, charged, until, _with_idle(quarters, charged, until))
