"""Who may connect: the path, the id, the password, the pace; and the list of those who were refused."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import http
import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import unquote

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ems.adapters.ocpp.notice import Notices
from ems.domain.record.history import Knock
from ems.domain.station import is_station_id
from ems.ports.controller import Clock

log = logging.getLogger(__name__)

Verify = Callable[[str, bytes], Awaitable[bool]]
"""(station id, password) to whether it is right; slow on purpose, so it must not block the loop."""

FAILURES_TOLERATED = 10
FAILURE_WINDOW_S = 60.0
MAX_KNOCKS = 64
CHECKS_AT_ONCE = 2
MAX_SOURCES = 1024


@dataclass(frozen=True, slots=True)
class Access:
    """Which stations exist; those in `locked` need their password, the others are taken at their word."""

    stations: frozenset[str]
    locked: frozenset[str]
    verify: Verify


class Refusal(NamedTuple):
    """Why a handshake is refused: to the peer only the status, to us the reason."""

    status: http.HTTPStatus
    reason: str


@dataclass(slots=True)
class Doorkeeper:
    """Judges handshakes. Unknown id and wrong password get the same answer, so that ids cannot be guessed."""

    access: Access
    clock: Clock
    _notices: Notices = field(init=False)
    _checking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CHECKS_AT_ONCE))
    _knocks: OrderedDict[tuple[str, str], Knock] = field(default_factory=OrderedDict)
    _failures: OrderedDict[tuple[str, str], list[float]] = field(default_factory=OrderedDict)
    _proofs: dict[str, bytes] = field(default_factory=dict)
    _kept_out: dict[str, float] = field(default_factory=dict)
    _salt: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def __post_init__(self) -> None:
        self._notices = Notices(self.clock, log)

    def admit(self, access: Access) -> None:
        """Go on with other stations or passwords."""
        self.access = access
        self._proofs.clear()

    async def process_request(self, socket: ServerConnection, request: Request) -> Response | None:
        """Let a request through (None) or refuse it; the hook that `websockets` calls."""
        address = str((socket.remote_address or ("unknown",))[0])
        station = station_id(request.path)
        refusal = await self._judge(station, request.headers, address)
        if refusal is None:
            socket.username = station or ""
            return None
        self.turn_away(station or request.path[:48], address, refusal.reason)
        response = socket.respond(refusal.status, f"{refusal.status.phrase}\n")
        if refusal.status is http.HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="OCPP", charset="UTF-8"'
        return response

    def keep_out(self, station: str, until_s: float) -> None:
        """Refuse a station until that monotonic time, whatever it shows."""
        self._kept_out[station] = until_s

    def knocks(self) -> Sequence[Knock]:
        """Who was refused, newest first."""
        return tuple(reversed(self._knocks.values()))

    def turn_away(self, station: str, address: str, reason: str) -> None:
        """List somebody who was refused; the log tells it once for each reason."""
        now = self.clock.now().utc
        before = self._knocks.pop((station, address), None)
        knock = Knock(station, address, reason, 1, now)
        self._knocks[station, address] = replace(knock, count=before.count + 1) if before else knock
        while len(self._knocks) > MAX_KNOCKS:
            self._knocks.popitem(last=False)
        if before is None or before.reason != reason:
            self._notices.warn("station.refused id=%r address=%s reason=%r", station[:64], address, reason)

    def forget(self, station: str) -> None:
        """A station has been let in: it does not knock any more."""
        for key in [key for key in self._knocks if key[0] == station]:
            del self._knocks[key]

    async def _judge(self, station: str | None, headers: Headers, address: str) -> Refusal | None:
        if "Origin" in headers:
            return Refusal(http.HTTPStatus.FORBIDDEN, "a browser, not a station")
        if station is None:
            return Refusal(http.HTTPStatus.BAD_REQUEST, "no usable station id in the path")
        stranger = self._judge_stranger(station)
        if stranger is not None:
            return stranger
        if station not in self.access.locked:
            return None
        credentials = basic_credentials(headers, station)
        if credentials is None:
            return Refusal(http.HTTPStatus.UNAUTHORIZED, "no password")
        username, password = credentials
        if username == station and self._is_proven(station, password):
            return None
        if self._is_blocked(address, station):
            return Refusal(http.HTTPStatus.TOO_MANY_REQUESTS, "too many failed attempts")
        if username != station or not await self._is_right(station, password):
            self._fail(address, station)
            return Refusal(http.HTTPStatus.UNAUTHORIZED, "wrong password")
        return None

    def _judge_stranger(self, station: str) -> Refusal | None:
        if station not in self.access.stations:
            return Refusal(http.HTTPStatus.UNAUTHORIZED, "unknown station id")
        if self._kept_out.get(station, 0.0) > self.clock.now().monotonic_s:
            return Refusal(http.HTTPStatus.SERVICE_UNAVAILABLE, "kept out for a test of its fallback")
        return None

    def _is_proven(self, station: str, password: bytes) -> bool:
        """Compare with what was verified before, by a fast digest under a key that lives only in this process."""
        known = self._proofs.get(station)
        return known is not None and hmac.compare_digest(known, self._proof(password))

    def _proof(self, password: bytes) -> bytes:
        return hashlib.blake2b(password, key=self._salt).digest()

    async def _is_right(self, station: str, password: bytes) -> bool:
        """Verify the slow way, a few at a time."""
        access = self.access
        async with self._checking:
            for candidate in _spellings(password):
                if await access.verify(station, candidate):
                    if access is self.access:
                        self._proofs[station] = self._proof(password)
                    return True
        return False

    def _is_blocked(self, address: str, station: str) -> bool:
        now = self.clock.now().monotonic_s
        recent = [t for t in self._failures.get((address, station), ()) if now - t < FAILURE_WINDOW_S]
        return len(recent) >= FAILURES_TOLERATED

    def _fail(self, address: str, station: str) -> None:
        now = self.clock.now().monotonic_s
        recent = [t for t in self._failures.pop((address, station), ()) if now - t < FAILURE_WINDOW_S]
        self._failures[address, station] = [*recent[-FAILURES_TOLERATED:], now]
        while len(self._failures) > MAX_SOURCES:
            self._failures.popitem(last=False)


_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


def station_id(path: str) -> str | None:
    """The station's id: the last part of the path that is not empty (Q84); None when it cannot be one."""
    parts = [part for part in path.partition("?")[0].split("/") if part]
    if not parts or len(parts[-1]) > 256:
        return None
    identity = unquote(parts[-1])
    return identity if is_station_id(identity) else None


def basic_credentials(headers: Headers, station: str) -> tuple[str, bytes] | None:
    """User name and password bytes of HTTP Basic (RFC 7617); the password may hold any byte, also a colon.

    The RFC lets no user name hold a colon, but ids of stations do: what begins with the station's own id is taken to
    name it, and else the name ends at the first colon.
    """
    lines = headers.get_all("Authorization")
    scheme, _, value = lines[0].partition(" ") if len(lines) == 1 else ("", "", "")
    if scheme.lower() != "basic":
        return None
    try:
        told = base64.b64decode(value.strip(), validate=True)
        if told.startswith(f"{station}:".encode()):
            return station, told[len(station) + 1 :]
        username, colon, password = told.partition(b":")
        return (username.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _spellings(password: bytes) -> tuple[bytes, ...]:
    """The password as it came, and the bytes it may be a hexadecimal text of (OCPP 1.6 security, AuthorizationKey)."""
    try:
        return (password, password.hex().encode(), bytes.fromhex(password.decode("ascii")))
    except ValueError:
        return (password, password.hex().encode())


def select_subprotocol(
    versions: Mapping[str, object],
) -> Callable[[ServerConnection, Sequence[Subprotocol]], Subprotocol | None]:
    """A chooser for `websockets`: the first offered version that we speak, whatever its case; None when there is none,
    which finishes the handshake all the same (OCPP-J 1.6, section 3.2).
    """

    def choose(_socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return next((name for name in offered if name.lower() in versions), None)

    return choose


def offered_subprotocols(headers: Headers) -> list[str]:
    """What the client offered, in its order."""
    lines = headers.get_all("Sec-WebSocket-Protocol")
    return [name.strip() for line in lines for name in line.split(",") if name.strip()]


def host_of(headers: Headers) -> str | None:
    """The name or address under which the peer reaches us; None when it does not say one that can be told to others."""
    told = headers.get_all("Host")
    match = _HOST.fullmatch(told[0]) if len(told) == 1 else None
    return None if match is None else match[1]
