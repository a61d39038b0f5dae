"""The shape of what the interface answers. Fields may be added; none is renamed or removed within `/api/v1`.

Times are ISO 8601 in UTC. `_a` is ampere per phase conductor, `_w` watt, `_wh` watt-hour, `_s` second. A value that is
unknown, endless or does not exist is null; consumption and import from the grid are positive.
"""

from __future__ import annotations

from typing_extensions import TypedDict


class Phases(TypedDict):
    """One value per site phase; null for a phase that is not there."""

    L1: float | None
    L2: float | None
    L3: float | None


class SiteRow(TypedDict):
    """The installation."""

    name: str
    timezone: str
    currency: str
    voltage_v: float


class PowerRow(TypedDict):
    """Active power now: through the grid connection, of our EVSEs, of PV and battery, and of everything else."""

    grid: float | None
    ev: float
    pv: float | None
    battery: float | None
    other: float | None


class CircuitRow(TypedDict):
    """A circuit: `measured_a` is null without a meter, `level` above normal is of its meter alone."""

    id: str
    parent: str | None
    rating_a: Phases
    margin_a: float
    limit_a: Phases | None
    limit_source: str
    limit_w: float | None
    measured_a: Phases | None
    measured_age_s: float | None
    measured_w: float | None
    drawn_a: Phases | None
    base_load_a: Phases | None
    headroom_a: Phases | None
    meter: str | None
    level: str


class ReasonRow(TypedDict):
    """Why an EVSE has the current it has: the binding constraint, in words, and until when if that is known."""

    binding: str
    text: str
    until: str | None


class NeedRow(TypedDict):
    """Energy wanted in a session and who says so."""

    energy_wh: float
    origin: str


class SessionRow(TypedDict):
    """One vehicle at one EVSE since `plugged`, with the energy of all its transactions; `transaction` is the id of what
    the station accounts for, `vehicle` that of what people described, if it is known which one it is.
    """

    plugged: str
    transaction: int | None
    need: NeedRow | None
    departure: str | None
    energy_wh: float
    vehicle: str | None


class EvseRow(TypedDict):
    """An EVSE. `measured_a` is in the station's own phase order, and an upper bound where `measured_exact` is false;
    `since` is when its station connected or vanished; `confirmed_a` is what the station accepted and `liable_a` the
    most that may flow; `condition` sums up status, connection and reason in one word.
    """

    id: str
    station: str
    circuit: str
    phases: str
    max_a: float
    status: str
    condition: str
    error: str
    connected: bool
    since: str | None
    setpoint_a: float | None
    confirmed_a: float | None
    liable_a: float | None
    measured_a: list[float | None] | None
    measured_exact: bool
    measured_age_s: float | None
    legs_in_use: list[bool]
    power_w: float | None
    energy_wh: float | None
    soc_percent: float | None
    session: SessionRow | None
    reason: ReasonRow | None
    controlled: bool
    level: str


class MeterRow(TypedDict):
    """A meter with its last good reading; `fault` is what went wrong since then."""

    id: str
    role: str
    circuits: list[str]
    every_s: float
    age_s: float | None
    measured_a: Phases | None
    voltage_v: Phases | None
    power_w: float | None
    import_wh: float | None
    export_wh: float | None
    frequency_hz: float | None
    failures: int
    fault: str


class BatteryRow(TypedDict):
    """A stationary battery: what it holds, what flows into it (negative: out of it) and how old that is; what it is to
    take now, null for its own program, and why; what it was seen to hold as its setpoint. `fault`: why it cannot be
    told anything.
    """

    id: str
    circuit: str
    capacity_wh: float
    charge_w: float
    discharge_w: float
    soc_percent: float | None
    power_w: float | None
    age_s: float | None
    steered: bool
    setpoint_w: float | None
    confirmed_w: float | None
    reason: str
    until: str | None
    fault: str


class StationRow(TypedDict):
    """A station as it introduced itself; `last_seen` is null until it has connected once."""

    id: str
    vendor: str
    model: str
    firmware: str
    connected: bool
    since: str | None
    last_seen: str | None
    clock_skew_s: float
    boots: int


class AlarmRow(TypedDict):
    """Something a person should know, and what to do about it."""

    key: str
    level: str
    scope: str
    text: str
    remedy: str
    since: str | None


class KnockRow(TypedDict):
    """A station that tried to connect and was refused."""

    station: str
    address: str
    reason: str
    count: int
    at: str


class Head(TypedDict):
    """What the picture says about the site as a whole. `mode` is the failsafe level in one word, or observe, `cause`
    what set it; `alarms_total` counts also those that the list leaves out.
    """

    site: SiteRow
    at: str
    version: int
    software: str
    mode: str
    cause: str
    tick_age_s: float | None
    power_w: PowerRow
    alarms_total: int


class Picture(Head):
    """The whole picture of the site at one moment."""

    circuits: list[CircuitRow]
    evses: list[EvseRow]
    batteries: list[BatteryRow]
    meters: list[MeterRow]
    stations: list[StationRow]
    alarms: list[AlarmRow]
    knocks: list[KnockRow]


class SeriesRow(TypedDict):
    """One circuit over time, a value per point of `at`: the highest current, the most that our EVSEs drew, and the
    lowest limit within each step; null where nothing was recorded.
    """

    id: str
    measured_a: dict[str, list[float | None]]
    drawn_a: dict[str, list[float | None]]
    limit_a: dict[str, list[float | None]]


class History(TypedDict):
    """What circuits carried. `at` are seconds since 1970 (UTC), the beginning of each step of `step_s` seconds. `pv_w`
    is what PV gave, `battery_w` what flowed into the battery that is steered, means of each step; null where it
    was not known.
    """

    since: str
    until: str
    step_s: float
    at: list[float]
    pv_w: list[float | None]
    battery_w: list[float | None]
    circuits: list[SeriesRow]


class Health(TypedDict):
    """The controller ticks."""

    status: str
    tick_age_s: float
    mode: str
