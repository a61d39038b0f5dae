"""Everything that can be asked of a station, by name: the last part of a path, the word of the command line, and what
a round is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from ems.adapters.web.body import Body
from ems.adapters.web.stations import body as day
from ems.adapters.web.stations import expert_body as expert
from ems.domain.access.account import Role
from ems.domain.remote import request as asked

MOST_STATIONS = 1000


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that can be asked of a station: by whom, and in which body."""

    name: str
    role: Role
    body: type[day.AskBody]
    summary: str


OPERATIONS = {
    one.name: one
    for one in (
        Operation("start", Role.OPERATOR, day.StartBody, "Start a transaction"),
        Operation("stop", Role.OPERATOR, day.StopBody, "Stop a transaction"),
        Operation("unlock", Role.OPERATOR, day.UnlockBody, "Unlock a connector"),
        Operation("reset", Role.OPERATOR, day.ResetBody, "Restart a station"),
        Operation("availability", Role.OPERATOR, day.AvailabilityBody, "Take into or out of service"),
        Operation("trigger", Role.OPERATOR, day.TriggerBody, "Have something said once more"),
        Operation("reserve", Role.OPERATOR, day.ReserveBody, "Reserve an EVSE"),
        Operation("cancel-reservation", Role.OPERATOR, day.CancelReservationBody, "Cancel a reservation"),
        Operation("clear-cache", Role.OPERATOR, day.ClearCacheBody, "Clear the authorisation cache"),
        Operation("list-version", Role.OPERATOR, day.ListVersionBody, "Ask for the version of the local list"),
        Operation("schedule", Role.OPERATOR, day.ScheduleBody, "Ask which limits are in force"),
        Operation("read-configuration", Role.INSTALLER, expert.ReadConfigurationBody, "Read the configuration"),
        Operation("write-configuration", Role.INSTALLER, expert.WriteConfigurationBody, "Write the configuration"),
        Operation("send-list", Role.INSTALLER, expert.LocalListBody, "Send a local list"),
        Operation("firmware", Role.INSTALLER, expert.FirmwareBody, "Update the firmware"),
        Operation("vendor-data", Role.INSTALLER, expert.VendorBody, "Tell a station something of its make's"),
        Operation("set-profile", Role.INSTALLER, expert.SetProfileBody, "Send a raw charging profile (experts)"),
        Operation("clear-profile", Role.INSTALLER, expert.ClearProfileBody, "Clear raw charging profiles (experts)"),
        Operation("release", Role.INSTALLER, expert.ReleaseBody, "Give a station its own limits back"),
    )
}
NAMES = {
    asked.RequestStart: "start",
    asked.RequestStop: "stop",
    asked.Unlock: "unlock",
    asked.Reset: "reset",
    asked.SetAvailability: "availability",
    asked.Trigger: "trigger",
    asked.Reserve: "reserve",
    asked.CancelReservation: "cancel-reservation",
    asked.ClearCache: "clear-cache",
    asked.ReadLocalListVersion: "list-version",
    asked.ReadSchedule: "schedule",
    asked.ReadVariables: "read-configuration",
    asked.WriteVariables: "write-configuration",
    asked.SendLocalList: "send-list",
    asked.UpdateFirmware: "firmware",
    asked.UploadLog: "diagnostics",
    asked.VendorData: "vendor-data",
    asked.SetRawProfile: "set-profile",
    asked.ClearRawProfiles: "clear-profile",
    asked.ReleaseLimits: "release",
}
"""A request to the name of its operation."""


class RoundBody(Body):
    """Ask several stations for the same: `operation` by its name, with its `body`."""

    model_config = ConfigDict(
        str_max_length=500,
        json_schema_extra={
            "examples": [{"stations": ["CP-01", "CP-02"], "operation": "reset", "body": {"kind": "soft"}}]
        },
    )

    stations: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=MOST_STATIONS)]
    operation: str
    body: dict[str, Any] = Field(default={}, max_length=20)

    def chosen(self) -> Operation:
        """What is to be asked. Raises ValueError."""
        found = OPERATIONS.get(self.operation)
        if found is None:
            raise ValueError(f"there is no operation {self.operation[:40]!r}: write one of {', '.join(OPERATIONS)}")
        return found

    def filled(self) -> day.AskBody:
        """Its body. Raises ValueError."""
        return self.chosen().body.model_validate(self.body)
