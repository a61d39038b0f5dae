"""The installation as the interface tells it."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class FindingRow(TypedDict):
    """A line of `ems check`, with the section and the entry that it is about, and the way to the key if it is known."""

    line: int
    severity: str
    message: str
    remedy: str
    section: str
    entry: str
    route: list[str]


class DifferenceRow(TypedDict):
    """What would be otherwise than it is running now."""

    text: str
    needs_restart: bool


class DraftRow(TypedDict):
    """The draft of the site file; `site` is what `ems check` understands of it, null while there are errors."""

    path: str
    data: dict[str, Any]
    findings: list[FindingRow]
    site: dict[str, Any] | None
    diff: str
    differences: list[DifferenceRow]
    begun: bool
    overtaken: bool
    awaits_restart: bool
    can_restart: bool
    observes: bool
    who: str


class SavedRow(TypedDict):
    """What is otherwise since the file was saved."""

    differences: list[DifferenceRow]
    needs_restart: bool


class PasswordRow(TypedDict):
    """A password of a station, shown this once, and what else is typed into the station."""

    station: str
    password: str
    urls: list[str]


class RegisterRowOut(TypedDict):
    """One value of a meter, raw and decoded."""

    name: str
    register: int
    type: str
    raw: str
    value: str


class MeterTestRow(TypedDict):
    """What a meter says, per site phase; `trouble` why it makes no usable reading."""

    seconds: float
    trouble: str
    volts: list[float | None]
    amps: list[float | None]
    watts: list[float | None]
    total_w: float | None
    import_wh: float | None
    soc_percent: float | None
    storage_w: float | None
    hints: list[str]
    rows: list[RegisterRowOut]


class ConnectionTestRow(TypedDict):
    """What was seen; `trouble` why it does not work, empty where it does."""

    seconds: float
    seen: list[str]
    trouble: str


class StepRow(TypedDict):
    """One step of a test: what was tried and what was seen."""

    name: str
    verdict: str
    words: str
    seconds: float | None


class ProofRow(TypedDict):
    """The test of an outlet."""

    station: str
    evse: int
    who: str
    maker: str
    began: str
    ended: str | None
    verdict: str
    steps: list[StepRow]


class Proofs(TypedDict):
    """The last test of every outlet."""

    proofs: list[ProofRow]


class PeakRow(TypedDict):
    """What a circuit carried at most, beside what it may, ampere."""

    circuit: str
    most_a: float | None
    limit_a: float
    over_s: float


class AcceptanceRow(TypedDict):
    """A supervised run of the site."""

    who: str
    began: str
    ends: str
    over: bool
    watched_s: float
    armed: bool
    energy_wh: float
    most_vehicles: int
    revision: str
    peaks: list[PeakRow]
    alarms: list[str]


class PartRow(TypedDict):
    """A table of a record, in words."""

    title: str
    columns: list[str]
    rows: list[list[str]]


class RecordRow(TypedDict):
    """A commissioning record; `sha256` is the digest of all of it, `previous` that of the record before."""

    number: int
    at: str
    who: str
    site: str
    revision: str
    file_sha256: str
    complete: bool
    note: str
    parts: list[PartRow]
    previous: str
    sha256: str


class Records(TypedDict):
    """Every record, the oldest first; `faults` where their chain does not hold."""

    records: list[RecordRow]
    faults: list[str]
