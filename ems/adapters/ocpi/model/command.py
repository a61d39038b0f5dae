"""Commands (OCPI 2.2.1, section 13)."""

from __future__ import annotations

from enum import StrEnum

from ems.adapters.ocpi.model.token import Token
from ems.adapters.ocpi.model.types import DateTime, DisplayText, Id, Thing, Url


class CommandType(StrEnum):
    """What can be asked for."""

    CANCEL_RESERVATION = "CANCEL_RESERVATION"
    RESERVE_NOW = "RESERVE_NOW"
    START_SESSION = "START_SESSION"
    STOP_SESSION = "STOP_SESSION"
    UNLOCK_CONNECTOR = "UNLOCK_CONNECTOR"


class CommandResponseType(StrEnum):
    """What the operator says at once."""

    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    ACCEPTED = "ACCEPTED"
    UNKNOWN_SESSION = "UNKNOWN_SESSION"


class CommandResultType(StrEnum):
    """What came of it."""

    ACCEPTED = "ACCEPTED"
    CANCELED_RESERVATION = "CANCELED_RESERVATION"
    EVSE_OCCUPIED = "EVSE_OCCUPIED"
    EVSE_INOPERATIVE = "EVSE_INOPERATIVE"
    FAILED = "FAILED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    TIMEOUT = "TIMEOUT"
    UNKNOWN_RESERVATION = "UNKNOWN_RESERVATION"


class CommandResponse(Thing):
    """What the operator says at once; `timeout` in seconds until the result."""

    result: CommandResponseType
    timeout: int
    message: list[DisplayText] | None = None


class CommandResult(Thing):
    """What came of it."""

    result: CommandResultType
    message: list[DisplayText] | None = None


class Command(Thing):
    """What all commands have: where the result is to be told."""

    response_url: Url


class CancelReservation(Command):
    """Give a reserved EVSE back."""

    reservation_id: Id


class ReserveNow(Command):
    """Keep an EVSE for a token from now on."""

    token: Token
    expiry_date: DateTime
    reservation_id: Id
    location_id: Id
    evse_uid: Id | None = None
    authorization_reference: Id | None = None


class StartSession(Command):
    """Begin a session with a token."""

    token: Token
    location_id: Id
    evse_uid: Id | None = None
    connector_id: Id | None = None
    authorization_reference: Id | None = None


class StopSession(Command):
    """End a session."""

    session_id: Id


class UnlockConnector(Command):
    """Let go of a cable; for help desks only."""

    location_id: Id
    evse_uid: Id
    connector_id: Id


COMMANDS: dict[CommandType, type[Command]] = {
    CommandType.CANCEL_RESERVATION: CancelReservation,
    CommandType.RESERVE_NOW: ReserveNow,
    CommandType.START_SESSION: StartSession,
    CommandType.STOP_SESSION: StopSession,
    CommandType.UNLOCK_CONNECTOR: UnlockConnector,
}
