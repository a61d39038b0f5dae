"""What stations are told in their own terms, by those who install them: configuration, firmware, raw profiles."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field

from ems.adapters.web.body import Body, Moment
from ems.adapters.web.stations.body import MOST_NUMBER, AskBody, Patience, RequestBody, Tag, example
from ems.domain.remote import request as asked
from ems.domain.remote.request import StationRequest

FIRMWARE_SCHEMES = frozenset({"http", "https", "ftp", "ftps", "sftp"})
Key = Annotated[str, Field(min_length=1, max_length=50)]


class ReadConfigurationBody(AskBody):
    """Read configuration variables; all of them when none is named."""

    model_config = example(names=[])

    names: list[Key] = Field(default=[], max_length=50)

    def asked(self, now: datetime) -> StationRequest:
        return asked.ReadVariables(tuple(self.names))


class WriteConfigurationBody(AskBody):
    """Write configuration variables, one after the other."""

    model_config = ConfigDict(
        str_max_length=500,
        json_schema_extra={"examples": [{"values": {"LocalAuthorizeOffline": "true", "ConnectionTimeOut": "120"}}]},
    )

    values: dict[Key, str] = Field(min_length=1, max_length=100)

    def asked(self, now: datetime) -> StationRequest:
        return asked.WriteVariables(tuple(self.values.items()))


class TemplateBody(RequestBody):
    """Write what differs from the template; `values` go before those of the model's file."""

    model_config = ConfigDict(
        str_max_length=500, json_schema_extra={"examples": [{"values": {"ConnectionTimeOut": "90"}}]}
    )

    values: dict[Key, str] = Field(default={}, max_length=100)


class FirmwareBody(AskBody):
    """Have the station fetch firmware and install it, now or later; with a transaction that runs only if you insist."""

    model_config = ConfigDict(
        str_max_length=512, json_schema_extra={"examples": [{"url": "https://192.0.2.7/firmware/4.2.bin"}]}
    )

    url: str
    at: Moment | None = None
    retries: Annotated[int, Field(ge=0, le=20)] | None = None

    def asked(self, now: datetime) -> StationRequest:
        parts = urlsplit(self.url)
        if parts.scheme not in FIRMWARE_SCHEMES or not parts.hostname:
            raise ValueError(f"the URL of firmware begins with one of {', '.join(sorted(FIRMWARE_SCHEMES))}")
        at = now if self.at is None else self.at.astimezone(UTC)
        return asked.UpdateFirmware(self.url, at, self.retries)


class DiagnosticsBody(Body):
    """Have a station upload its diagnostics to this machine: over HTTP, or FTP where it knows nothing else."""

    model_config = example(since="2026-03-10T00:00:00Z")

    since: Moment | None = None
    until: Moment | None = None
    ftp: bool = False
    wait_s: Patience = 45.0


class ListedTagBody(Body):
    """An entry of the local list; `accepted` null takes the tag off it, in an update."""

    id_tag: Tag
    accepted: bool | None = True
    until: Moment | None = None
    group: Tag | None = None


class LocalListBody(AskBody):
    """Give a station its local list. The controller keeps it in step by itself; this is for those who repair it."""

    model_config = example(version=7, tags=[{"id_tag": "04A1B2C3"}], whole=True)

    version: Annotated[int, Field(ge=1, le=MOST_NUMBER)]
    tags: list[ListedTagBody] = Field(default=[], max_length=1000)
    whole: bool = True

    def asked(self, now: datetime) -> StationRequest:
        tags = tuple(
            asked.ListedTag(
                one.id_tag, one.accepted, None if one.until is None else one.until.astimezone(UTC), one.group
            )
            for one in self.tags
        )
        return asked.SendLocalList(self.version, tags, self.whole)


class VendorBody(AskBody):
    """Tell a station something that only its make understands."""

    model_config = ConfigDict(
        str_max_length=4000,
        json_schema_extra={"examples": [{"vendor": "com.example", "message": "ping", "data": "{}"}]},
    )

    vendor: Annotated[str, Field(min_length=1, max_length=255)]
    message: Annotated[str, Field(max_length=50)] | None = None
    data: str | None = None

    def asked(self, now: datetime) -> StationRequest:
        return asked.VendorData(self.vendor, self.message, self.data)


class SetProfileBody(AskBody):
    """For experts: send a charging profile as OCPP writes it. The controller goes on with its own; one that acts
    against it is refused. To change what a vehicle gets, say what it needs, or set a limit.
    """

    model_config = example(
        evse=0,
        profile={
            "chargingProfileId": 900,
            "stackLevel": 0,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "startSchedule": "2026-03-10T00:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
            },
        },
    )

    evse: Annotated[int, Field(ge=0, le=999)]
    profile: dict[str, Any] = Field(max_length=20)

    def asked(self, now: datetime) -> StationRequest:
        return asked.SetRawProfile(self.evse, self.profile)


class ClearProfileBody(AskBody):
    """For experts: clear a profile by its id, or all that fit what is given. The controller's own are never cleared."""

    model_config = example(profile=900)

    profile: Annotated[int, Field(ge=-MOST_NUMBER, le=MOST_NUMBER)] | None = None
    evse: Annotated[int, Field(ge=0, le=999)] | None = None
    purpose: str | None = None
    level: Annotated[int, Field(ge=0, le=999)] | None = None

    def asked(self, now: datetime) -> StationRequest:
        return asked.ClearRawProfiles(self.profile, self.evse, self.purpose, self.level)


class ReleaseBody(AskBody):
    """Have a station forget every limit of the controller, its fallback too, where the controller only observes. Then
    only the fuses protect the cables, which somebody must insist on.
    """

    model_config = example(insists=True)

    def asked(self, now: datetime) -> StationRequest:
        return asked.ReleaseLimits()
