"""What the day's work asks of a station: the bodies of the requests, and the domain's records that they become."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from ems.adapters.web.body import Body
from ems.domain.remote import request as asked
from ems.domain.remote.request import MAX_TAG, ResetKind, StationRequest, Triggered

MOST_NUMBER = 2**31 - 1

Number = Annotated[int, Field(ge=1, le=999, description="the number of the EVSE at its station")]
Tag = Annotated[str, Field(min_length=1, max_length=MAX_TAG)]
Patience = Annotated[float, Field(ge=0, le=60, description="so many seconds the answer is waited for")]


class RequestBody(Body):
    """What is the same in every request: `insists` overrides an objection that says it may be; `when_back` has a
    station that is not there asked when it returns, where that makes sense; `wait_s`: so long the answer is waited for.
    """

    insists: bool = False
    when_back: bool = False
    wait_s: Patience = 45.0


class AskBody(RequestBody):
    """A body that is one request of a station."""

    @abstractmethod
    def asked(self, now: datetime) -> StationRequest:
        """As the domain says it. Raises ValueError."""


def example(**body: Any) -> ConfigDict:
    """The settings of a body with an example."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class StartBody(AskBody):
    """Start a transaction, under the limit that the controller gives it."""

    model_config = example(evse=1, id_tag="04A1B2C3")

    evse: Number | None = None
    id_tag: Tag = "OPERATOR"

    def asked(self, now: datetime) -> StationRequest:
        return asked.RequestStart(self.evse, self.id_tag)


class EvseBody(AskBody):
    """About one EVSE."""

    model_config = example(evse=1)

    evse: Number


class StopBody(EvseBody):
    """End the transaction that runs there."""

    def asked(self, now: datetime) -> StationRequest:
        return asked.RequestStop(self.evse)


class UnlockBody(EvseBody):
    """Let go of the cable."""

    def asked(self, now: datetime) -> StationRequest:
        return asked.Unlock(self.evse)


class ResetBody(AskBody):
    """Start the station again; with a transaction that runs only if you insist."""

    model_config = example(kind="soft")

    kind: ResetKind = ResetKind.SOFT

    def asked(self, now: datetime) -> StationRequest:
        return asked.Reset(self.kind)


class AvailabilityBody(AskBody):
    """Take an EVSE, or the whole station, into or out of service; what charges goes on to its end. The note is for
    people, and stands in the audit.
    """

    model_config = example(evse=1, operative=False, when_back=True, note="connector is broken")

    evse: Number | None = None
    operative: bool
    note: Annotated[str, Field(max_length=200)] = ""

    def asked(self, now: datetime) -> StationRequest:
        return asked.SetAvailability(self.evse, self.operative, " ".join(self.note.split()))


class TriggerBody(AskBody):
    """Have the station say something once more."""

    model_config = example(message="status", evse=1)

    message: Triggered
    evse: Number | None = None

    def asked(self, now: datetime) -> StationRequest:
        return asked.Trigger(self.message, self.evse)


class ReserveBody(AskBody):
    """Keep an EVSE, or any, for a tag; the answer names the number of the reservation."""

    model_config = example(evse=1, id_tag="04A1B2C3", minutes=30)

    evse: Number | None = None
    id_tag: Tag
    minutes: Annotated[int, Field(ge=1, le=2880)] = 30
    reservation: Annotated[int, Field(ge=0, le=MOST_NUMBER)] | None = None

    def asked(self, now: datetime) -> StationRequest:
        number = int(now.timestamp()) % MOST_NUMBER if self.reservation is None else self.reservation
        return asked.Reserve(number, self.evse, self.id_tag, now + timedelta(minutes=self.minutes))


class CancelReservationBody(AskBody):
    """Give what was reserved back to everybody."""

    model_config = example(reservation=7)

    reservation: Annotated[int, Field(ge=0, le=MOST_NUMBER)]

    def asked(self, now: datetime) -> StationRequest:
        return asked.CancelReservation(self.reservation)


class ClearCacheBody(AskBody):
    """Forget which tags were accepted lately."""

    def asked(self, now: datetime) -> StationRequest:
        return asked.ClearCache()


class ListVersionBody(AskBody):
    """Ask which version of the local list a station has."""

    def asked(self, now: datetime) -> StationRequest:
        return asked.ReadLocalListVersion()


class ScheduleBody(AskBody):
    """Ask what limits are in force at an EVSE, all profiles taken together."""

    model_config = example(evse=1, duration_s=300)

    evse: Annotated[int, Field(ge=0, le=999)]
    duration_s: Annotated[int, Field(ge=1, le=86_400)] = 300
    in_watts: bool = False

    def asked(self, now: datetime) -> StationRequest:
        return asked.ReadSchedule(self.evse, self.duration_s, self.in_watts)
