"""The one immutable picture of the site."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ems.domain.events import ControllerStarted, LoopBlocked
from ems.domain.grant import DEFAULT, SESSION, Grant, Layer
from ems.domain.limit import Limit
from ems.domain.measurement import LegUse, Sample
from ems.domain.meter import MeterReading
from ems.domain.phase_switch import NOT_TOLD, ONE, PhaseSwitch
from ems.domain.plan import Plan
from ems.domain.session import Session
from ems.domain.site import Site
from ems.domain.station import EvseStatus
from ems.domain.station_model import StationModel
from ems.domain.strategy import Strategy
from ems.domain.units import PILOT_MIN_A

NEVER = -1e12
"""A monotonic time before everything."""


@dataclass(frozen=True, slots=True)
class EvseState:
    """What is known about one EVSE. `samples` are newest first; `leg_use` is what they showed since it was last told
    another number of phases (`switch`). `before`: the session before, as it ended.
    """

    status: EvseStatus = EvseStatus.UNKNOWN
    error: str = ""
    session: Session | None = None
    grant: Grant = Grant()
    samples: tuple[Sample, ...] = ()
    leg_use: LegUse = LegUse()
    power_w: float | None = None
    offered_a: float | None = None
    register_wh: float | None = None
    switch: PhaseSwitch = NOT_TOLD
    before: Session | None = None

    def planned_legs(self, width: int) -> tuple[bool, ...]:
        """The legs that a plan counts: those that the vehicle was seen to use; all where it was told to use one."""
        return (True,) * width if self.switch.told == ONE else self.leg_use.legs(width)

    @property
    def steering_layer(self) -> Layer:
        """The highest layer that can be in force: a session limit needs a transaction."""
        return SESSION if self.session is not None and self.session.transaction is not None else DEFAULT

    def status_at(self, now_s: float) -> EvseStatus:
        """Its status; but of a vehicle that is offered nothing no station knows that it wants nothing: it is paused."""
        stands = self.status is EvseStatus.SUSPENDED_EV
        if stands and self.grant.amps_in_force(self.steering_layer, now_s) < PILOT_MIN_A:
            return EvseStatus.SUSPENDED_EVSE
        return self.status


@dataclass(frozen=True, slots=True)
class StationState:
    """What is known about one station; `gone_at` is set while it is offline, `away_since` is when it went before it
    connected last (NEVER: we did not see it go), `seen` once it has ever connected. Its clock is `clock_skew_s` ahead
    of ours if nobody had set ours since we began, and `clock_shown_s` ahead of what ours shows. `undescribed`: numbers
    of outlets where somebody may charge and that the site does not describe.
    """

    model: StationModel
    generation: int = 0
    connected: bool = False
    seen: bool = False
    connected_at: float = NEVER
    gone_at: float = NEVER
    away_since: float = NEVER
    clock_skew_s: float = 0.0
    clock_shown_s: float = 0.0
    vendor: str = ""
    product: str = ""
    firmware: str = ""
    boots: int = 0
    undescribed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MeterState:
    """What is known about one meter: the last good reading, since when the raw registers have not moved, since when
    readings have come without a gap, and what went wrong since the last good one.
    """

    reading: MeterReading | None = None
    unchanged_since: float = NEVER
    steady_since: float = NEVER
    failures: int = 0
    fault: str = ""

    @property
    def at(self) -> float:
        """When the last good reading came, monotonic."""
        return NEVER if self.reading is None else self.reading.at


@dataclass(frozen=True, slots=True)
class BatteryState:
    """What is known about one stationary battery: its state of charge and what flows into it (W, charging positive),
    both as its meter said at `at`, None where that did not say. `told_w` is the setpoint that it was seen to hold at
    `told_at`, None for its own program; `fault` why it could not be told one since then.
    """

    soc: float | None = None
    power_w: float | None = None
    at: float = NEVER
    told_w: float | None = None
    told_at: float = NEVER
    fault: str = ""


@dataclass(frozen=True, slots=True)
class SiteState:
    """Everything the controller knows, aligned with `site.evses`, `site.stations`, `site.meters` and
    `site.batteries`.

    `planned_at` is when the facts of the `plan` were gathered (monotonic); `plan_trouble` why the last one failed.
    """

    site: Site
    evses: tuple[EvseState, ...]
    stations: tuple[StationState, ...]
    meters: tuple[MeterState, ...]
    limits: tuple[Limit, ...] = ()
    started: ControllerStarted | None = None
    blocked: LoopBlocked | None = None
    store_trouble: str = ""
    settings_trouble: str = ""
    plan: Plan | None = None
    planned_at: float = NEVER
    plan_trouble: str = ""
    chosen: Strategy | None = None
    batteries: tuple[BatteryState, ...] = ()

    @property
    def strategy(self) -> Strategy:
        """How headroom is to be divided: as somebody chose, else as the site says."""
        return self.site.policy.strategy if self.chosen is None else self.chosen

    @classmethod
    def initial(cls, site: Site) -> SiteState:
        """Nothing heard yet."""
        return cls(
            site=site,
            evses=tuple(EvseState() for _ in site.evses),
            stations=tuple(StationState(model=s.model) for s in site.stations),
            meters=tuple(MeterState() for _ in site.meters),
            batteries=tuple(BatteryState() for _ in site.batteries),
        )

    def evse(self, evse_id: str) -> EvseState:
        """The state of an EVSE; KeyError when the site has none of that id."""
        index = self.site.evse_index(evse_id)
        if index is None:
            raise KeyError(evse_id)
        return self.evses[index]

    def station(self, station_id: str) -> StationState:
        """The state of a station; KeyError when the site has none of that id."""
        index = self.site.station_index(station_id)
        if index is None:
            raise KeyError(station_id)
        return self.stations[index]

    def model_of(self, evse_id: str) -> StationModel:
        """The model of the station that an EVSE belongs to; KeyError when the site has none of that id."""
        return self.station(evse_id.rpartition("/")[0]).model

    def with_evse(self, evse_id: str, change: Callable[[EvseState], EvseState]) -> SiteState:
        """The same with one EVSE changed; unchanged when the site has none of that id."""
        index = self.site.evse_index(evse_id)
        if index is None:
            return self
        return self.with_evse_at(index, change(self.evses[index]))

    def with_evse_at(self, index: int, known: EvseState) -> SiteState:
        """The same with another state of the EVSE at that position. Written out: it happens with most events."""
        evses = list(self.evses)
        evses[index] = known
        return SiteState(
            self.site, tuple(evses), self.stations, self.meters, self.limits, self.started, self.blocked,
            self.store_trouble, self.settings_trouble, self.plan, self.planned_at, self.plan_trouble, self.chosen,
            self.batteries,
        )  # fmt: skip

    def with_station(self, station_id: str, change: Callable[[StationState], StationState]) -> SiteState:
        """The same with one station changed; unchanged when the site has none of that id."""
        index = self.site.station_index(station_id)
        if index is None:
            return self
        changed = change(self.stations[index])
        return replace(self, stations=(*self.stations[:index], changed, *self.stations[index + 1 :]))

    def with_evses(self, station_id: str, change: Callable[[EvseState], EvseState]) -> SiteState:
        """The same with every EVSE of a station changed."""
        index, state = self.site.station_index(station_id), self
        for evse in () if index is None else self.site.stations[index].evses:
            state = state.with_evse(evse.id, change)
        return state

    def with_grants(self, station_id: str, change: Callable[[Grant], Grant]) -> SiteState:
        """The same with every grant of a station changed."""
        return self.with_evses(station_id, lambda known: replace(known, grant=change(known.grant)))
