"""How a station answered a request, and whether it did what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ems.domain.remote.request import StationRequest


class Verdict(StrEnum):
    """ACCEPTED: the station says that it does it. SCHEDULED: when the transaction has ended. REBOOT: after the station
    has started again. REFUSED: it says no. NOT_SUPPORTED: it cannot. UNANSWERED: nobody knows. OFFLINE: it was not
    there, and was not asked. KEPT: the same, and it is asked when it returns.
    """

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    REBOOT = "reboot-required"
    REFUSED = "refused"
    NOT_SUPPORTED = "not-supported"
    UNANSWERED = "unanswered"
    OFFLINE = "offline"
    KEPT = "kept"

    @property
    def is_yes(self) -> bool:
        """The station has taken the request, now or for later."""
        return self in {Verdict.ACCEPTED, Verdict.SCHEDULED, Verdict.REBOOT}


@dataclass(frozen=True, slots=True)
class Variable:
    """A configuration variable as a station tells it; `value` None where it does not tell."""

    name: str
    value: str | None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Variables:
    """What was read, and which names the station does not know."""

    known: tuple[Variable, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What became of each variable that was to be written."""

    verdicts: tuple[tuple[str, Verdict], ...]


@dataclass(frozen=True, slots=True)
class ListVersion:
    """The version of a station's local list."""

    version: int


@dataclass(frozen=True, slots=True)
class Reserved:
    """The number of a reservation, by which it is cancelled."""

    reservation: int


@dataclass(frozen=True, slots=True)
class Announced:
    """The name of the file that a station will upload; empty when it has nothing."""

    file: str


@dataclass(frozen=True, slots=True)
class VendorAnswer:
    """What a station answers in its make's own words."""

    data: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """Limits from now on as (seconds from now, value), in `unit` (A per phase, or W)."""

    unit: str
    periods: tuple[tuple[float, float], ...]


Content = Variables | Written | ListVersion | Reserved | Announced | VendorAnswer | Schedule


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: the verdict, in the station's own words why, and what it told."""

    verdict: Verdict
    detail: str = ""
    content: Content | None = None


class Effect(StrEnum):
    """Whether a station was seen to do what it accepted. NONE: there is nothing to see."""

    NONE = "none"
    AWAITED = "awaited"
    SEEN = "seen"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was made of a station: by whom, when, what came of it (None: not yet answered), and what was to be
    said about it beforehand. `number` grows over all stations.
    """

    number: int
    station: str
    request: StationRequest
    who: str
    at: datetime
    outcome: Outcome | None = None
    warnings: tuple[str, ...] = ()
    effect: Effect = Effect.NONE


@dataclass(frozen=True, slots=True)
class Step:
    """A station in a round: not yet asked (both empty), asked, or not asked because of `refusal`."""

    station: str
    asked: Asked | None = None
    refusal: str = ""

    @property
    def is_over(self) -> bool:
        """Nothing more comes of it in this round."""
        return bool(self.refusal) or (self.asked is not None and self.asked.outcome is not None)

    @property
    def went_well(self) -> bool:
        """The station has taken the request, or will be asked when it returns."""
        outcome = None if self.asked is None else self.asked.outcome
        return outcome is not None and (outcome.verdict.is_yes or outcome.verdict is Verdict.KEPT)

    @property
    def is_kept(self) -> bool:
        """The station has not taken anything yet: it is asked when it returns."""
        outcome = None if self.asked is None else self.asked.outcome
        return outcome is not None and outcome.verdict is Verdict.KEPT


@dataclass(frozen=True, slots=True)
class Round:
    """The same request to several stations, a few at a time; `is_stopped`: those not yet asked are not asked."""

    number: int
    request: StationRequest
    who: str
    at: datetime
    steps: tuple[Step, ...]
    is_stopped: bool = False

    @property
    def is_over(self) -> bool:
        """No station will be asked any more, and all that were have answered or did not."""
        return all(step.is_over or (self.is_stopped and step.asked is None) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Activity:
    """What a station says about its own work: the state of firmware or diagnostics in its own word, and since when."""

    firmware: tuple[str, datetime] | None = None
    diagnostics: tuple[str, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A frame on the line to a station, or the line itself coming and going (`kind` link). `payload` is cut to a
    bounded length, and holds no password.
    """

    at: datetime
    from_station: bool
    kind: str
    action: str
    id: str
    payload: str

    def fits(self, action: str, side: str, text: str) -> bool:
        """Whether it is of an action, from the station (`in`) or to it (`out`), and has a text in what it carries, in
        capitals or not; what is empty is not asked for.
        """
        is_side = not side or (self.kind != "link" and self.from_station is (side == "in"))
        return is_side and action in {"", self.action} and text.casefold() in self.payload.casefold()


Configuration = Mapping[str, str]
"""Variables and their values, as a template wants them."""
