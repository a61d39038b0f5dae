"""The interfaces between people and stations: what is asked of a station, what came of it, what it uploads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ems.domain.remote.outcome import Activity, Asked, Outcome, Round, Spoken, Variables
from ems.domain.remote.request import StationRequest


class StationDesk(Protocol):
    """The way from people to stations. Limits overtake everything that goes this way."""

    def objection(self, station: str, request: StationRequest) -> str | None:
        """Why a request would act against the controller; None when nothing is known that speaks against it."""
        ...

    async def ask(self, station: str, request: StationRequest, late: Callable[[Outcome], None]) -> Outcome:
        """Make a request and wait for what came of it, which is never for ever; `late` is told an answer that comes
        after that. Raises ValueError when the station's version of OCPP cannot say it.
        """
        ...

    def messages(self, station: str) -> Sequence[Spoken]:
        """The last frames on the line to a station, oldest first."""
        ...

    def activity(self, station: str) -> Activity:
        """What a station says about its own work."""
        ...

    def called_as(self, station: str) -> str | None:
        """The name or address by which a station that is connected reaches this machine."""
        ...


class ObjectionError(ValueError):
    """A request to a station is not made; the text says why. `may_insist`: it is made for somebody who insists."""

    def __init__(self, text: str, may_insist: bool = False) -> None:
        super().__init__(text)
        self.may_insist = may_insist


@dataclass(frozen=True, slots=True)
class Received:
    """A file that a station uploaded; `number` grows."""

    number: int
    station: str
    name: str
    size: int
    at: datetime


class UploadRefusedError(Exception):
    """A file is not taken; `status` is what HTTP says to that."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class UploadBox(Protocol):
    """Takes files of stations."""

    def is_open(self, word: str) -> bool:
        """Whether somebody may upload under this word now."""
        ...

    async def receive(self, word: str, name: str, chunks: AsyncIterator[bytes]) -> Received:
        """Take one file. Raises UploadRefusedError; whatever ends `chunks` early ends this, and nothing is kept."""
        ...


class Remote(Protocol):
    """What people may have stations do. Every request is recorded with who made it and what came of it."""

    async def ask(
        self, station: str, request: StationRequest, who: str, *, insists: bool = False, when_back: bool = False
    ) -> Asked:
        """Begin a request; `settled` waits for its outcome. `when_back`: if the station is not there, ask it when it
        returns, where that makes sense.

        Raises UnknownError, ValueError when it cannot be meant, ObjectionError when it is not made.
        """
        ...

    async def upload(self, station: str, since: datetime | None, until: datetime | None, ftp: bool, who: str) -> Asked:
        """Have a station upload its diagnostics to this machine. Raises as `ask`."""
        ...

    async def settled(self, number: int, within_s: float) -> Asked:
        """A request with its outcome, or without one when that takes longer. Raises UnknownError."""
        ...

    def asked(self, station: str) -> Sequence[Asked]:
        """The last requests of a station, newest first."""
        ...

    def kept(self, station: str) -> Sequence[Asked]:
        """What is asked of a station when it returns."""
        ...

    async def forget(self, number: int, who: str) -> None:
        """Take back what was to be asked when its station returns. Raises UnknownError."""
        ...

    def configuration(self, station: str) -> tuple[datetime, Variables] | None:
        """What was last read of a station's configuration, all of it, and when."""
        ...

    def template(self, station: str) -> Mapping[str, str]:
        """How a station's configuration should be, by its model's file. Raises UnknownError."""
        ...

    def messages(self, station: str) -> Sequence[Spoken]:
        """The last frames on the line to a station, oldest first."""
        ...

    def activity(self, station: str) -> Activity:
        """What a station says about its own work."""
        ...

    def received(self, station: str) -> Sequence[Received]:
        """Files that a station has uploaded, newest first."""
        ...

    async def read_file(self, station: str, number: int) -> tuple[Received, AsyncIterator[bytes]]:
        """A file that a station has uploaded, in pieces. Raises UnknownError."""
        ...


class Rounds(Protocol):
    """The same request to several stations, with progress."""

    def begin(
        self, stations: Sequence[str], request: StationRequest, who: str, *, insists: bool, when_back: bool
    ) -> Round:
        """Begin a round. Raises UnknownError when the site has not got one of the stations, ValueError."""
        ...

    def round(self, number: int) -> Round:
        """A round as it is now. Raises UnknownError."""
        ...

    def rounds(self) -> Sequence[Round]:
        """The last rounds, newest first."""
        ...

    def stop(self, number: int) -> Round:
        """Ask no further station. Raises UnknownError."""
        ...
