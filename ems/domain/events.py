"""Everything that can happen to a site. Adapters create events, `apply` turns them into state."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from ems.domain.access.tag import Holder
from ems.domain.grant import Answer, Layer
from ems.domain.instant import Instant
from ems.domain.limit import Limit
from ems.domain.measurement import ReportedAmps
from ems.domain.meter import MeterReading
from ems.domain.outlet import OutletSeen
from ems.domain.plan import Plan
from ems.domain.release import LimitsReleased
from ems.domain.session import Need, Transaction
from ems.domain.station import EvseStatus
from ems.domain.station_model import StationModel
from ems.domain.strategy import Strategy
from ems.domain.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class MeterRead:
    """A meter gave a complete and plausible reading."""

    meter: str
    reading: MeterReading


@dataclass(frozen=True, slots=True)
class MeterFailed:
    """A meter did not answer, or answered something that cannot be true."""

    meter: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class StationConnected:
    """A station opened its link; `generation` grows with every link of that station."""

    station: str
    at: Instant
    generation: int


@dataclass(frozen=True, slots=True)
class StationGone:
    """The link of that generation ended."""

    station: str
    at: Instant
    generation: int


@dataclass(frozen=True, slots=True)
class StationBooted:
    """A station restarted and said what it is."""

    station: str
    at: Instant
    vendor: str
    model: str
    firmware: str


@dataclass(frozen=True, slots=True)
class ModelLearned:
    """What a station can do, as its configuration and its answers showed."""

    station: str
    model: StationModel


@dataclass(frozen=True, slots=True)
class ClockMeasured:
    """A station's clock is `skew_s` ahead of ours (negative: behind), as ours would be had nobody set it since we
    began; `shown_s` ahead of what ours shows now, the same where it is None.
    """

    station: str
    skew_s: float
    shown_s: float | None = None


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """An EVSE reported its status; `error` in the station's own words, empty when there is none."""

    evse: str
    at: Instant
    status: EvseStatus
    error: str = ""


@dataclass(frozen=True, slots=True)
class TransactionStarted:
    """The station began to account for a charge, by its own clock `age_s` before it told so."""

    evse: str
    at: Instant
    transaction: Transaction
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TransactionEnded:
    """The station ended the charge, by its own clock `age_s` before it told so; or we infer that from its behaviour."""

    evse: str
    at: Instant
    transaction_id: int
    energy_wh: float | None = None
    reason: str = ""
    inferred: bool = False
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class MeterValues:
    """What an EVSE measured at the monotonic time `at`; None for what it did not report.

    `leg_a` in the station's own phase order, None for a leg it is silent about; `total_a` a current that names no
    phase. `control` False marks values that are too old to steer by and only count as energy.
    """

    evse: str
    at: float
    leg_a: ReportedAmps | None = None
    total_a: float | None = None
    power_w: float | None = None
    register_wh: float | None = None
    soc_percent: float | None = None
    offered_a: float | None = None
    control: bool = True

    def __post_init__(self) -> None:
        told = (self.at, self.total_a, self.power_w, self.register_wh, self.soc_percent, self.offered_a)
        for value in (*told, *(self.leg_a or ())):
            if value is not None and not isfinite(value):
                raise ValueError(f"values of {self.evse} must be finite numbers, got {self}")


@dataclass(frozen=True, slots=True)
class ProfileSent:
    """A limit went onto the wire, with a number of `phases` or with none (0)."""

    evse: str
    layer: Layer
    amps: float
    at: float
    phases: int = 0


@dataclass(frozen=True, slots=True)
class ProfileAnswered:
    """The answer to a limit whose lease ends at `ends_at` (monotonic; infinite: never); `phases` that it named or 0."""

    evse: str
    layer: Layer
    amps: float
    at: float
    answer: Answer
    ends_at: float
    detail: str = ""
    phases: int = 0


@dataclass(frozen=True, slots=True)
class CompositeRead:
    """What the station says is in force now, per leg; None when it does not say."""

    evse: str
    at: float
    amps: float | None


@dataclass(frozen=True, slots=True)
class LimitReceived:
    """Somebody tightened a circuit or an EVSE; replaces the earlier limit of the same scope and source."""

    limit: Limit


@dataclass(frozen=True, slots=True)
class LimitWithdrawn:
    """The limit of that scope and source is over."""

    scope: str
    source: str


@dataclass(frozen=True, slots=True)
class NeedStated:
    """Somebody said what a vehicle needs; an empty need takes back what that origin said (`Need` says which wins)."""

    evse: str
    need: Need


@dataclass(frozen=True, slots=True)
class VehicleIdentified:
    """It is known now which vehicle is plugged in; None: it is not the one that it was taken for."""

    evse: str
    vehicle: Vehicle | None


@dataclass(frozen=True, slots=True)
class HolderIdentified:
    """It is known now whose tag began the session; None: nobody's."""

    evse: str
    holder: Holder | None


@dataclass(frozen=True, slots=True)
class EnergyCapped:
    """A session gets so much energy and no more, as who has this tag (empty: anyone) pays for no more; None: no cap."""

    evse: str
    cap_wh: float | None
    id_tag: str = ""


@dataclass(frozen=True, slots=True)
class PlanMade:
    """There is a new plan; `at` is the monotonic time of what it knew. None: planning failed, for this `reason`."""

    at: float
    plan: Plan | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StrategyChosen:
    """Somebody chose another strategy; None returns to the one of the site."""

    strategy: Strategy | None


@dataclass(frozen=True, slots=True)
class BatteryAnswered:
    """What a battery holds as its setpoint after it was told one, W, charging positive, None: its own program; or why
    it could not be told, in `fault`.
    """

    battery: str
    at: float
    power_w: float | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ControllerStarted:
    """The controller began to run; `crashes`: ends without a goodbye since the last one with it, within the hour."""

    at: Instant
    crashes: int = 0


@dataclass(frozen=True, slots=True)
class LoopBlocked:
    """The event loop did not get to run for so long."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class StoreTroubled:
    """Records cannot be written, for this reason; an empty reason means that they can again."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class SettingsTroubled:
    """The site's files cannot be used, so an earlier revision of them runs; empty reason: they are in use again."""

    at: float
    reason: str


Event = (
    MeterRead
    | MeterFailed
    | StationConnected
    | StationGone
    | StationBooted
    | ModelLearned
    | ClockMeasured
    | OutletSeen
    | StatusChanged
    | TransactionStarted
    | TransactionEnded
    | MeterValues
    | ProfileSent
    | ProfileAnswered
    | CompositeRead
    | LimitsReleased
    | LimitReceived
    | LimitWithdrawn
    | NeedStated
    | VehicleIdentified
    | HolderIdentified
    | EnergyCapped
    | PlanMade
    | StrategyChosen
    | BatteryAnswered
    | ControllerStarted
    | LoopBlocked
    | StoreTroubled
    | SettingsTroubled
)
