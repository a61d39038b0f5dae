"""What somebody can ask of a charging station, in words of no OCPP version.

Setting power is not here: that is asked of the controller, which alone tells stations what they may draw. The two
requests about raw profiles are for experts, in the words of the station's own OCPP version, and are refused where they
would act against the controller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

HIDDEN = "•••"
MAX_TAG = 20
"""Characters of an id tag (OCPP 1.6 section 7.28); longer ones cannot be told to a 1.6 station."""

SECRET_VARIABLES = frozenset({"authorizationkey", "basicauthpassword"})
"""Names, case-folded, of variables whose value nobody is shown."""


class ResetKind(StrEnum):
    """SOFT: end what runs in order and start the software again. HARD: as if the power had been away."""

    SOFT = "soft"
    HARD = "hard"


class Triggered(StrEnum):
    """What a station can be asked to say once more."""

    BOOT = "boot"
    STATUS = "status"
    METER_VALUES = "meter-values"
    HEARTBEAT = "heartbeat"
    FIRMWARE = "firmware"
    DIAGNOSTICS = "diagnostics"


@dataclass(frozen=True, slots=True)
class RequestStart:
    """Begin a transaction at an EVSE (None: where the station chooses) as if this tag had been held up there."""

    evse: int | None
    id_tag: str


@dataclass(frozen=True, slots=True)
class RequestStop:
    """End the transaction that runs at an EVSE."""

    evse: int


@dataclass(frozen=True, slots=True)
class Unlock:
    """Let go of the cable; ends the transaction of the EVSE."""

    evse: int


@dataclass(frozen=True, slots=True)
class Reset:
    """Start the station again."""

    kind: ResetKind


@dataclass(frozen=True, slots=True)
class SetAvailability:
    """Take an EVSE, or the whole station (None), into or out of service; a transaction that runs is not ended. `note`
    says why to people; no station is told.
    """

    evse: int | None
    operative: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReadVariables:
    """Read configuration variables by name; all of them when none is named."""

    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteVariables:
    """Write configuration variables, one after the other."""

    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ClearCache:
    """Forget which tags were accepted lately."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Say something once more, about an EVSE or the station (None)."""

    message: Triggered
    evse: int | None = None


@dataclass(frozen=True, slots=True)
class Reserve:
    """Keep an EVSE (None: any) for a tag until then."""

    reservation: int
    evse: int | None
    id_tag: str
    until: datetime


@dataclass(frozen=True, slots=True)
class CancelReservation:
    """Give a reserved EVSE back to everybody."""

    reservation: int


@dataclass(frozen=True, slots=True)
class UpdateFirmware:
    """Fetch new firmware from there, not before `at`, and install it."""

    url: str
    at: datetime
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class UploadLog:
    """Put diagnostics of that time into the folder that the URL names."""

    url: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListedTag:
    """An entry of a local list; `accepted` None takes the tag off the list, in an update of one."""

    id_tag: str
    accepted: bool | None = True
    until: datetime | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class SendLocalList:
    """Give a station the list of tags it may accept by itself: the `whole` of it, or what is new in this version."""

    version: int
    tags: tuple[ListedTag, ...]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class ReadLocalListVersion:
    """Ask which version of the local list a station has; 0 is an empty one, -1 none at all."""


@dataclass(frozen=True, slots=True)
class VendorData:
    """Something that only this make understands."""

    vendor: str
    message: str | None = None
    data: str | None = None


@dataclass(frozen=True, slots=True)
class SetRawProfile:
    """A charging profile as it is written in the station's OCPP version; `evse` 0 is the station."""

    evse: int
    profile: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClearRawProfiles:
    """Clear one profile by its id, or all that fit the criteria that are given."""

    profile: int | None = None
    evse: int | None = None
    purpose: str | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class ReleaseLimits:
    """Have a station forget every limit that the controller told it, its fallback too: its own limits count again."""


@dataclass(frozen=True, slots=True)
class ReadSchedule:
    """Ask what limits an EVSE (0: the station) has over the next seconds, all profiles taken together."""

    evse: int
    duration_s: int
    in_watts: bool = False


StationRequest = (
    RequestStart
    | RequestStop
    | Unlock
    | Reset
    | SetAvailability
    | ReadVariables
    | WriteVariables
    | ClearCache
    | Trigger
    | Reserve
    | CancelReservation
    | UpdateFirmware
    | UploadLog
    | SendLocalList
    | ReadLocalListVersion
    | VendorData
    | SetRawProfile
    | ClearRawProfiles
    | ReleaseLimits
    | ReadSchedule
)


def told(request: StationRequest) -> dict[str, Any]:
    """What a request says, for those who read about it later: no password, no address that lets somebody in."""
    found: dict[str, Any] = {field.name: getattr(request, field.name) for field in fields(request)}
    match request:
        case WriteVariables(values):
            found["values"] = {name: HIDDEN if is_secret(name) else value for name, value in values}
        case UpdateFirmware(url) | UploadLog(url):
            found["url"] = without_secrets(url)
        case SendLocalList(_, tags):
            found["tags"] = len(tags)
    return found


def is_secret(variable: str) -> bool:
    """Whether nobody is shown the value of a configuration variable."""
    return variable.strip().casefold() in SECRET_VARIABLES


def without_secrets(url: str) -> str:
    """The place that a URL names, without who may go there: no password, no path."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return HIDDEN
    place, _, path = rest.partition("/")
    return f"{scheme}://{place.rpartition('@')[2]}" + (f"/{HIDDEN}" if path else "")
