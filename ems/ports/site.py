"""The interfaces between people who describe or prove an installation and the site file, its meters and stations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from ems.domain.phases import PhaseAmps
from ems.domain.remote.commissioning import CommissioningRecord, Part
from ems.domain.remote.proof import Acceptance, Proof


class OvertakenError(Exception):
    """Somebody else has changed what was to be changed; the text says what to do."""


class NotPossibleError(ValueError):
    """Something that cannot be done here and now; the text says why and what to do instead."""


class FormField(NamedTuple):
    """A key of a section as people fill it in. `kind`: text, number, numbers (a list of them), flag, choice, choices
    (some of them), amps (one number, or one per phase), words (a list of them), whens (one or several times of the
    week), time (of day), day (of the week or of the month), pairs (names with what each stands for), secret and
    secret-key (a file that only the service reads, with one line or with a private key), or what is named there:
    circuit, meter, meter-model, station-model.
    """

    key: str
    label: str
    kind: str
    hint: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    is_needed: bool = False


class FormPart(NamedTuple):
    """A key of a section whose value is filled in by a form of its own, that of `section`; with `is_many` by several,
    each with a name.
    """

    key: str
    section: str
    is_many: bool


class FileFinding(NamedTuple):
    """One line of `ems check`, with the section and the entry of the file that it is about, and the way to the very key
    as far as it is known.
    """

    line: int
    severity: str
    message: str
    remedy: str
    section: str = ""
    entry: str = ""
    route: tuple[str, ...] = ()


class FileDifference(NamedTuple):
    """What would be otherwise than it is running now."""

    text: str
    needs_restart: bool


class CircuitSum(NamedTuple):
    """What a circuit carries per phase, ampere: its rating, with every outlet behind it at its fallback, with all of
    them at their most, and the ratings of the circuits right below it. Known also while the file has errors elsewhere.
    """

    id: str
    parent: str | None
    meter: str | None
    rating_a: PhaseAmps
    fallback_a: PhaseAmps
    most_a: PhaseAmps
    children_a: PhaseAmps
    outlets: int


@dataclass(frozen=True, slots=True)
class DraftView:
    """The site file as somebody is about to change it. `data` is all of it; `site` what `ems check` understands of it,
    None while there are errors; `sums` of every circuit that is sound by itself; `who` edited last. `is_overtaken`: the
    file is not the one that the draft began with. `awaits_restart`: the file that is saved says more than what runs.
    """

    etag: str
    path: str
    data: Mapping[str, Any]
    findings: Sequence[FileFinding]
    site: Mapping[str, Any] | None
    sums: Sequence[CircuitSum]
    diff: str
    differences: Sequence[FileDifference]
    is_begun: bool
    is_overtaken: bool
    awaits_restart: bool
    can_restart: bool
    observes: bool
    who: str = ""


class RegisterRow(NamedTuple):
    """One value of a meter, raw and decoded."""

    name: str
    register: int
    type: str
    raw: str
    value: str


@dataclass(frozen=True, slots=True)
class MeterTest:
    """What a meter says by a model: per site phase volt, ampere and watt (None where it has none), the sum, and every
    register; of a battery its state of charge, 0 … 1, and what flows into it. `trouble`: why it makes no usable
    reading; `hints`: what looks odd about one that is usable.
    """

    seconds: float
    trouble: str = ""
    volts: Sequence[float | None] = ()
    amps: Sequence[float | None] = ()
    watts: Sequence[float | None] = ()
    total_w: float | None = None
    import_wh: float | None = None
    soc: float | None = None
    storage_w: float | None = None
    hints: Sequence[str] = ()
    rows: Sequence[RegisterRow] = ()


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """What came of trying something out: in words what was seen, or in `trouble` why it does not work."""

    seconds: float
    seen: Sequence[str] = ()
    trouble: str = ""


class MeterModel(NamedTuple):
    """A meter model that can be chosen, and how its meters leave the factory."""

    name: str
    words: str
    defaults: str


@dataclass(frozen=True, slots=True)
class StationEntrance:
    """What is typed into stations: the address to which each adds its id, by every name of this machine."""

    urls: Sequence[str]
    models: Sequence[str] = field(default_factory=tuple)


class SiteDesk(Protocol):
    """Changes of a site file by those who may. Each is checked as `ems check` does and kept in a draft; nothing counts
    before it is saved. Raise ValueError, with words for people, when a change cannot be made, OvertakenError when the
    draft or the file is not the one it was made on any more, and NotPossibleError.
    """

    async def view(self) -> DraftView:
        """The draft as it is."""
        ...

    async def edit(self, route: tuple[str, ...], keys: Mapping[str, Any] | None, etag: str | None, who: str) -> None:
        """Set keys of a place, of which None removes one; or, without keys, remove the place."""
        ...

    async def save(self, etag: str | None, who: str) -> Sequence[FileDifference]:
        """Write the file and have the controller read it; what differs from what ran. Not with errors."""
        ...

    async def take_file(self, who: str) -> None:
        """Make the edits of the draft on the file as it is now."""
        ...

    async def drop(self, etag: str | None, who: str) -> None:
        """Forget the draft."""
        ...

    async def new_password(self, station: str, etag: str | None, who: str) -> str:
        """Make a password for a station of the draft and keep its hash beside the site; it is never shown again."""
        ...

    async def test_meter(self, keys: Mapping[str, Any]) -> MeterTest:
        """Read a meter as these keys of an entry of `meters` describe it."""
        ...

    async def keep_secret(self, route: tuple[str, ...], key: str, secret: str, etag: str | None, who: str) -> None:
        """Keep a secret in a file beside the site that only the service reads, and name that file in the draft; it is
        never shown again. `key` is a field of the kind `secret` or `secret-key` of the place `route`.
        """
        ...

    async def take_tariff(self, etag: str | None, who: str) -> None:
        """Let the draft say the tariff itself that it now takes from a file; the file stays as it is."""
        ...

    async def test_battery(self, keys: Mapping[str, Any]) -> MeterTest:
        """Read a battery as these keys of an entry of `batteries` describe it, by its meter in the draft."""
        ...

    async def test_connection(
        self, route: tuple[str, ...], keys: Mapping[str, Any] | None, to: str, who: str
    ) -> ConnectionTest:
        """Try out, within seconds, what a place of the draft describes: a mail to the address `to`, a notice to a
        webhook, a login at a broker, an identity provider, a partner or a server of files. `keys` are set there first,
        for this test alone.
        """
        ...

    async def arm(self, armed: bool, who: str) -> None:
        """Let the controller control, or only observe, which leaves at their fallback whom it controlled; the file says
        so too.
        """
        ...

    async def restart(self, who: str) -> None:
        """Leave the stations at their fallback and begin anew with the file as it is saved."""
        ...

    def fields(self, section: str) -> Sequence[FormField]:
        """What can be filled in for a section; `evses` is that of an outlet, `alarms.mail` lies in `alarms`."""
        ...

    def parts(self, section: str) -> Sequence[FormPart]:
        """What lies in a section and has a form of its own."""
        ...

    def meter_models(self) -> Sequence[MeterModel]:
        """The models of meters that are known."""
        ...

    def entrance(self) -> StationEntrance:
        """Where stations connect."""
        ...


class RecordDesk(Protocol):
    """Records of commissionings, to which others are only ever added."""

    async def records(self) -> tuple[Sequence[CommissioningRecord], Sequence[str]]:
        """Every record, the oldest first, and in words where their chain does not hold. Raises NotPossibleError."""
        ...

    async def add(self, is_complete: bool, parts: Sequence[Part], note: str, who: str) -> CommissioningRecord:
        """Record what was seen, with the site file that runs. Raises NotStoredError."""
        ...

    async def printed(self, number: int) -> bytes:
        """A record as PDF. Raises UnknownError, NotPossibleError."""
        ...


class ProofDesk(Protocol):
    """Tests of what is installed, with the current that they measured as evidence."""

    async def begin(self, station: str, evse: int, offline: bool, who: str) -> Proof:
        """Begin to test an outlet of a station; `offline`: also what it does without the controller. One test of a
        station at a time. Raises UnknownError, NotPossibleError.
        """
        ...

    def proofs(self) -> Sequence[Proof]:
        """The last test of every outlet, those that run first."""
        ...

    async def stop(self, station: str, who: str) -> None:
        """End a test that runs, and give its outlet back to the controller."""
        ...

    def watch(self, minutes: float, who: str) -> Acceptance:
        """Begin to watch the site as a whole for so long. Raises NotPossibleError while somebody does already."""
        ...

    def acceptance(self) -> Acceptance | None:
        """The last run, or the one that goes on."""
        ...

    def now(self) -> datetime:
        """The time of the site's clock, UTC."""
        ...
