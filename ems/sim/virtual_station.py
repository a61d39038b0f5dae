"""A charging station that a central system cannot tell from a real one: OCPP 1.6J over a WebSocket, with real physics.

The station's clockwork is `step`, called by whoever owns the time; `run` keeps the link. Messages wait in the outbox
between the two, so that nothing is lost while the link is down, and transactions are replayed in order with the times
at which they happened.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np

from ems.domain.instant import Instant
from ems.sim.connector import Connector, LocalTransaction
from ems.sim.manners import POLITE, Manners
from ems.sim.outbox import Outbox, Payload
from ems.sim.profile_stack import Charge, ProfileStack
from ems.sim.quirks import Quirks, Zero
from ems.sim.station_answers import StationAnswers
from ems.sim.station_clockwork import Clockwork
from ems.sim.station_configuration import StationConfiguration
from ems.sim.station_link import Address, StationLink
from ems.sim.station_messages import StationMessages
from ems.sim.station_setup import StationSetup
from ems.sim.station_upload import uploaded
from ems.sim.vehicle import Vehicle

RETRY_TAG_S = 30.0
"""A driver whose card was not accepted holds it up again after so long."""

FREE_TAG = "FREE"


class VirtualStation:
    """One station: connect vehicles with `plug` and `unplug`, let time pass with `step`, keep the link with `run`."""

    def __init__(self, address: Address, setup: StationSetup, rng: np.random.Generator, now: Instant) -> None:
        self.id, self.setup, self.quirks = address.station, setup, setup.quirks
        self.connectors = {
            o.number: Connector(o.number, o.shape, o.volts, setup.quirks, now=now.monotonic_s) for o in setup.outlets
        }
        self.stack = ProfileStack(len(setup.outlets), setup.quirks)
        for connector, profile in setup.leftovers:
            self.stack, _ = self.stack.set(connector, profile, now.utc)
        self.configuration = StationConfiguration(len(setup.outlets), setup.quirks, setup.metering)
        self.outbox = Outbox()
        self.local_list: dict[str, str] = {}
        self.local_list_version = 0
        self.clock_skew_s = setup.quirks.clock_skew_s
        self.manners: Manners = POLITE
        self.booted = False
        self.powered = True
        self._uploads: set[asyncio.Task[None]] = set()
        self.link = StationLink(address, self.outbox, StationAnswers(self), self._link_changed, rng)
        self._now = now
        self._reported: dict[int, str] = {}
        self._tags: dict[int, tuple[str, float]] = {}
        self._returns_at = math.inf
        self._linked_at = -math.inf
        self.messages = StationMessages(self)
        self.clockwork = Clockwork(self)

    # The owner's side

    def plug(self, number: int, vehicle: Vehicle, tag: str | None = None) -> None:
        """A vehicle is connected; its driver holds up `tag`, now or with `present`."""
        self.connectors[number].plug(vehicle)
        if self.setup.free_vend:
            self.start(number, tag or FREE_TAG)
        elif tag is not None:
            self.present(number, tag)
        self._report(number)

    def unplug(self, number: int) -> Vehicle | None:
        """The cable is pulled."""
        connector = self.connectors[number]
        self._tags.pop(number, None)
        if connector.transaction is not None:
            self.stop(number, "EVDisconnected")
        gone = connector.unplug()
        self._report(number)
        return gone

    def present(self, number: int, tag: str) -> None:
        """A driver holds a card up at a connector: it ends the transaction of that card, or asks for one."""
        connector, flag = self.connectors[number], self.configuration.flag
        if connector.transaction is not None:
            if connector.transaction.tag == tag:
                self.stop(number, "Local")
            return
        if not connector.available:
            return
        known, offline = self.local_list.get(tag), not self.link.is_up
        by_list = known == "Accepted" and (flag("LocalAuthorizeOffline") if offline else flag("LocalPreAuthorize"))
        if by_list or (offline and known is None and flag("AllowOfflineTxForUnknownId")):
            self.start(number, tag)
        else:
            self.authorise(number, tag)

    def step(self, now: Instant) -> None:
        """Let time pass until `now`."""
        self._now = now
        if not self.powered:
            if now.monotonic_s >= self._returns_at:
                self.power_on()
            return
        for connector in self.connectors.values():
            connector.expires(self.utc())
            charge = self.charge(connector.number)
            limit = self.stack.limit_at(connector.number, self.utc(), connector.shape, charge)
            connector.step(now.monotonic_s, limit, self.stack.phases_at(connector.number, self.utc(), charge))
            self._zero(connector)
            self._report(connector.number)
        self._tags_again()
        self.clockwork.step(now.monotonic_s)

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        try:
            await self.link.run()
        finally:
            for task in self._uploads:
                task.cancel()

    def leg_amps(self, number: int) -> tuple[float, ...]:
        """What flows on each leg of a connector."""
        return self.connectors[number].leg_amps if self.powered else (0.0,) * self.connectors[number].shape.legs

    def charge(self, number: int) -> Charge | None:
        """The transaction on a connector as profiles see it; None without one, or without such a connector."""
        connector = self.connectors.get(number)
        sharing = sum(each.transaction is not None for each in self.connectors.values())
        return None if connector is None else connector.charge(sharing)

    @property
    def is_hurried(self) -> bool:
        """It has connected so lately that a call from the central system is more than it can take."""
        return self._now.monotonic_s - self._linked_at < self.quirks.settle_s

    # What may go wrong

    def become(self, quirks: Quirks) -> None:
        """From now on it has other ways; what it was told before stays."""
        self.quirks = quirks
        self.stack = replace(self.stack, quirks=quirks)
        for connector in self.connectors.values():
            connector.become(quirks)

    def power_off(self, for_s: float = math.inf) -> None:
        """The supply fails: transactions end, profiles may be lost, the link breaks."""
        self._reboot("PowerLoss", for_s)

    def power_on(self) -> None:
        """The supply is back."""
        self.powered, self._returns_at = True, math.inf

    def reset(self, reason: str) -> None:
        """Restart, as the central system asked for (HardReset, SoftReset)."""
        self._reboot(reason, 10.0)

    def _reboot(self, reason: str, for_s: float) -> None:
        for connector in self.connectors.values():
            if connector.transaction is not None:
                self.stop(connector.number, reason)
            connector.restarts()
        self.stack = self.stack.rebooted()
        self.booted = self.outbox.open = False
        self._tags.clear()
        self._reported.clear()
        self.powered, self._returns_at = False, self._now.monotonic_s + for_s
        self.link.cut(for_s if math.isfinite(for_s) else 1e9)

    # What the station does by itself

    def upload(self, location: str, name: str) -> None:
        """Put its diagnostics into a folder over HTTP, and say how it went."""
        task = asyncio.create_task(self._upload(location, name))
        self._uploads.add(task)
        task.add_done_callback(self._uploads.discard)

    async def _upload(self, location: str, name: str) -> None:
        self.messages.say("DiagnosticsStatusNotification", {"status": "Uploading"})
        lines = (f"{self.stamp()} connector {n} {c.status()}\n" for n, c in self.connectors.items())
        done = await uploaded(location, name, "".join(lines).encode())
        self.messages.say("DiagnosticsStatusNotification", {"status": "Uploaded" if done else "UploadFailed"})

    def utc(self) -> datetime:
        """The time on the station's own clock."""
        return self._now.utc + timedelta(seconds=self.clock_skew_s)

    def stamp(self) -> str:
        """The same as a message writes it."""
        return self.utc().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def authorise(self, number: int, tag: str) -> None:
        """Ask whether a card may charge; a refused one is held up again later."""
        self._tags[number] = (tag, self._now.monotonic_s + RETRY_TAG_S)
        self.messages.say("Authorize", {"idTag": tag}, lambda answer: self._authorised(number, tag, answer))

    def start(self, number: int, tag: str) -> None:
        """A transaction begins."""
        connector = self.connectors[number]
        self._tags.pop(number, None)
        transaction = LocalTransaction(tag, self.utc(), round(connector.register_wh))
        connector.transaction, connector.finishing, connector.reservation = transaction, False, None
        connector.offered_since = self._now.monotonic_s
        self.stack = self.stack.transaction_began(number)
        self.messages.began(number, transaction, partial(self._begun, number, transaction))
        self.clockwork.began(number)
        self._report(number)

    def stop(self, number: int, reason: str) -> None:
        """The transaction of a connector ends."""
        connector = self.connectors[number]
        transaction, measured = connector.transaction, connector.measured()
        if transaction is None:
            return
        connector.transaction, connector.finishing = None, connector.vehicle is not None
        self.stack = self.stack.transaction_ended(number)
        self.clockwork.ended(number)
        self.messages.ended(transaction, round(connector.register_wh), reason)
        if self.setup.metering.sample_after_stop:
            self.messages.values(number, measured, transaction)
        self._report(number)

    def boot(self) -> None:
        """Say what it is."""
        self.messages.boot(self._boot_answered)

    # Answers to what it asked

    def _link_changed(self, up: bool) -> None:
        if not up:
            self.stack = self.stack.went_offline()
            self.clockwork.stops()
            return
        self._linked_at = self._now.monotonic_s
        if not self.booted:
            self.boot()
        else:
            # A mere reconnect is not a boot (OCPP-J, section 5.4); what changed meanwhile is said.
            self.clockwork.beats()
            for number in self.connectors:
                self._report(number)

    def _boot_answered(self, answer: Payload | None) -> None:
        status = None if answer is None else answer.get("status")
        interval = 30.0 if answer is None else float(str(answer.get("interval", 30)))
        if status != "Accepted":
            self.clockwork.boots_again(max(5.0, interval))
            return
        self.booted = self.outbox.open = True
        if interval > 0:
            self.configuration.change("HeartbeatInterval", str(int(interval)))
        self.clockwork.beats()
        self.messages.status(0)
        for number in self.connectors:
            self._reported.pop(number, None)
            self._report(number)

    def _authorised(self, number: int, tag: str, answer: Payload | None) -> None:
        waiting = self._tags.get(number)
        if waiting is None or waiting[0] != tag or self.connectors[number].transaction is not None:
            return
        if accepted(answer) and self.connectors[number].vehicle is not None:
            self.start(number, tag)

    def _begun(self, number: int, transaction: LocalTransaction, answer: Payload | None) -> None:
        if answer is None:
            return
        known = answer.get("transactionId")
        transaction.id = known if isinstance(known, int) else None
        connector = self.connectors[number]
        refused = not accepted(answer) and self.configuration.flag("StopTransactionOnInvalidId")
        if connector.transaction is transaction and refused:
            self.stop(number, "DeAuthorized")

    # The clockwork

    def _tags_again(self) -> None:
        for number, (tag, again) in list(self._tags.items()):
            if self._now.monotonic_s >= again and self.link.is_up:
                self.authorise(number, tag)

    def _zero(self, connector: Connector) -> None:
        ends = self.quirks.zero is Zero.ENDS_SESSION and connector.transaction is not None
        if ends and connector.offered_a == 0:
            self.stop(connector.number, "Other")

    def _report(self, number: int) -> None:
        """Tell a status that changed, once the central system knows the station."""
        status = self.connectors[number].status()
        if self.booted and self.link.is_up and self._reported.get(number) != status:
            self._reported[number] = status
            self.messages.status(number)


def accepted(answer: Payload | None) -> bool:
    """Whether an answer with idTagInfo accepts the card."""
    info = None if answer is None else answer.get("idTagInfo")
    return isinstance(info, Mapping) and info.get("status") == "Accepted"
