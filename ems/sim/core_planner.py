"""The planner beside a run without event loop: it plans when the daemon would, and knows no more than the daemon.

It is told of vehicles as they leave, so what it learns from lies in the past by construction; prices, load and
generation are cut off at what was known at the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from ems.domain import events as e
from ems.domain.decision import Decision
from ems.domain.energy.demand_charge import METERED_S, BillingPeriod
from ems.domain.energy.load import Load
from ems.domain.energy.tariff import Tariff
from ems.domain.site import Site
from ems.domain.state import SiteState
from ems.domain.strategy import PLANNED
from ems.planning.economy import Paid
from ems.planning.forecast.past_sessions import (
    DAYS_PLANNED,
    KEPT_DAYS,
    PastSession,
    SessionHistory,
    session_history,
)
from ems.planning.forecast.series import Series
from ems.planning.imports import Begun, Imports
from ems.planning.linear_program import SolverError
from ems.planning.occasion import is_wanted, newly_steered, news, strays
from ems.planning.outlook import outlook_of
from ems.planning.planner import Experience, plan_of
from ems.runtime.agenda import PACE
from ems.sim.core_daemon import CoreDaemon
from ems.sim.core_tally import BIN_S, Tally
from ems.sim.session_record import SessionRecord

EVERY_S = 300.0
"""Between two plans at most, on the full five minutes of the clock."""

HISTORY_S = 3600.0
"""What vehicles did that left is looked through again so often."""

NEVER = datetime.min.replace(tzinfo=UTC)

PUBLISHED = time(13)
"""From this local time on the prices of tomorrow are known: day-ahead markets publish about then."""


@dataclass(frozen=True, slots=True)
class PlannersPast:
    """What a planner may know when a run begins, and what it is told while time passes: the tariff with all prices,
    the courses of building and plant, which it sees only as far as they are past, and earlier sessions.

    `sessions` None: it learns nothing from vehicles, expects none, and takes drivers at their word. `at_their_word`:
    it expects vehicles as before, but believes what is said of those that are here.
    """

    tariff: Tariff | None = None
    sessions: tuple[PastSession, ...] | None = None
    building_w: Series | None = None
    generation_w: Series | None = None
    at_their_word: bool = False


NO_PAST = PlannersPast()


@dataclass(slots=True)
class CorePlanner:
    """Plans for one run. `due_s`: when the clock asks for the next plan, seconds of the run. `plans` counts them, and
    `failed` those that were not found.
    """

    site: Site
    past: PlannersPast = NO_PAST
    every_s: float = EVERY_S
    due_s: float = 0.0
    plans: int = 0
    failed: int = 0
    _left: list[PastSession] = field(default_factory=list)
    _history: SessionHistory | None = None
    _history_until: float = -math.inf
    _before: tuple[SiteState, Decision] | None = None
    _asked_s: float = -math.inf
    _taken_wh: Mapping[str, float] = field(default_factory=dict)
    _paid: Paid = field(default_factory=dict)
    _bins: int = -1
    _tariff: Tariff | None = None
    _tariff_until: datetime = NEVER

    def leaves(self, record: SessionRecord, evse: str, took_wh: float, now: datetime) -> None:
        """A vehicle has left, having taken so much."""
        if now > record.arrival:
            self._left.append(past_session(record, evse, took_wh, now))

    def looks(self, daemon: CoreDaemon) -> bool:
        """After a decision: make a plan if it is time for one or if what it depends on has changed. Whether one was
        made or failed, so that the controller looks again.
        """
        t, state = daemon.plant.t, daemon.state
        if state.strategy not in PLANNED or daemon.decision is None:
            self.due_s = math.inf
            return False
        happened = self._happened(daemon, daemon.decision)
        self._before = state, daemon.decision
        if t < self.due_s and not happened:
            return False
        self.due_s = self._next_s(daemon)
        if not is_wanted(state):
            return False
        self._plan(daemon)
        return True

    def experience(self, daemon: CoreDaemon) -> Experience:
        """What is known at this moment."""
        past, now = self.past, daemon.now().utc
        return Experience(
            tariff=self._prices(now),
            paid=self._already_paid(daemon),
            sessions=self._sessions(now),
            building_w=None if past.building_w is None else past.building_w.until(now),
            generation_w=None if past.generation_w is None else past.generation_w.until(now),
            at_their_word=past.at_their_word,
        )

    def _happened(self, daemon: CoreDaemon, decision: Decision) -> bool:
        """Whether there is news, or something goes otherwise than planned, as the daemon judges it."""
        if self._before is None:
            return True
        state, (before, decided) = daemon.state, self._before
        if news(before, state) or newly_steered(decided, decision, state):
            return True
        if state.plan is None or daemon.plant.t - self._asked_s < PACE.stray_s:
            return False
        return bool(strays(state.plan, self._taken_wh, state, decision))

    def _plan(self, daemon: CoreDaemon) -> None:
        assert daemon.decision is not None
        self._asked_s = daemon.plant.t
        sessions = (known.session for known in daemon.state.evses)
        self._taken_wh = {session.id: session.delivered_wh for session in sessions if session is not None}
        outlook = outlook_of(
            daemon.state,
            daemon.decision,
            daemon.memory.setpoints.appetite_a.tolist(),
            imports_of(daemon.begin.utc, daemon.plant.tally, daemon.plant.t),
        )
        at = daemon.now().monotonic_s
        try:
            plan = plan_of(self.site, outlook, self.experience(daemon), is_read=False)
        except SolverError as failed:
            self.failed += 1
            daemon.tell(e.PlanMade(at, None, str(failed)))
            return
        self.plans += 1
        daemon.tell(e.PlanMade(at, plan))

    def _next_s(self, daemon: CoreDaemon) -> float:
        epoch = daemon.now().utc.timestamp()
        return daemon.plant.t + (math.floor(epoch / self.every_s) + 1) * self.every_s - epoch

    def _sessions(self, now: datetime) -> SessionHistory | None:
        earlier = self.past.sessions
        if earlier is None:
            return None
        if self._history is None or now.timestamp() >= self._history_until:
            holidays = self.site.holidays.around(now.astimezone(self.site.zone).date(), KEPT_DAYS, DAYS_PLANNED)
            self._history = session_history((*earlier, *self._left), now, self.site.zone, holidays)
            self._history_until = now.timestamp() + HISTORY_S
        return self._history

    def _prices(self, now: datetime) -> Tariff | None:
        """The tariff as it is known now; it changes at midnight and when prices are published."""
        tariff = self.past.tariff
        if tariff is not None and now >= self._tariff_until:
            local = now.astimezone(tariff.zone)
            tomorrow = datetime.combine(local.date() + timedelta(days=1), time(), tariff.zone)
            published = datetime.combine(local.date(), PUBLISHED, tariff.zone)
            self._tariff = known_prices(tariff, now)
            self._tariff_until = (published if local < published else tomorrow).astimezone(UTC)
        return self._tariff

    def _already_paid(self, daemon: CoreDaemon) -> Paid:
        """The peaks so far, from the bins that are over."""
        tariff, bins = self.past.tariff, daemon.plant.tally.series.site_w
        if tariff is None or not tariff.demand:
            return {}
        if len(bins) != self._bins:
            self._bins = len(bins)
            self._paid = paid_by(tariff, load_of(daemon.begin.utc, bins))
        return self._paid


def known_prices(tariff: Tariff, now: datetime) -> Tariff:
    """The tariff without the prices that nobody knew at `now`: those of series, beyond the day that was published."""
    local = now.astimezone(tariff.zone)
    days = 2 if local.time() >= PUBLISHED else 1
    end = datetime.combine(local.date() + timedelta(days=days), time(), local.tzinfo).astimezone(UTC)
    for name, series in tariff.series.items():
        tariff = tariff.with_series(name, series.until(end))
    return tariff


def load_of(begins: datetime, mean_w: Iterable[float]) -> Load:
    """The load at the grid connection in bins of `BIN_S`, from a begin that lies on the full five minutes."""
    return Load(begins, int(BIN_S), tuple(mean_w))


def imports_of(begins: datetime, tally: Tally, t: float) -> Imports:
    """What has been imported in the windows that run `t` seconds after a run began, by its bins."""
    epoch, closed = begins.timestamp(), tally.series.site_w
    found = []
    for length_s in METERED_S:
        first_s = max(math.floor((epoch + t) / length_s) * length_s - epoch, 0.0)
        # Bins are of the full five minutes, as windows are.
        bins = closed[math.ceil(first_s / BIN_S) :]
        open_s, open_ws = tally.open_bin(t)
        watt_s = BIN_S * sum(max(0.0, watts) for watts in bins) + max(0.0, open_ws)
        found.append(Begun(BIN_S * len(bins) + open_s, watt_s / 3600.0))
    return Imports(epoch + t, None, tuple(found))


def paid_by(tariff: Tariff, load: Load) -> Paid:
    """The highest import so far of every demand charge and billing period."""
    found: dict[tuple[str, BillingPeriod], float] = {}
    for peak in tariff.peaks(load):
        key = (peak.charge.name, peak.period)
        found[key] = max(found.get(key, 0.0), peak.kw)
    return found


def past_session(record: SessionRecord, evse: str, took_wh: float, departed: datetime) -> PastSession:
    """A session as it is remembered, with what it took and when it truly left."""
    return PastSession(
        evse=evse,
        arrival=record.arrival,
        departure=departed,
        energy_wh=max(0.0, took_wh),
        user=record.user,
        requested_wh=record.requested_wh,
        stated_departure=record.stated_departure,
        max_a=record.max_a,
        legs=record.legs,
    )
