"""The link to the broker: says what is true, hears commands, and comes back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import aiomqtt

from ems.adapters.mqtt.command import change_of
from ems.adapters.mqtt.discovery import discovery, node_of
from ems.adapters.mqtt.payload import published
from ems.adapters.mqtt.topic import OFFLINE, ONLINE, Topics
from ems.domain.alarm.incident import Incident
from ems.domain.daybook import Change
from ems.domain.events import LimitWithdrawn
from ems.domain.unknown import UnknownError
from ems.ports.controller import Live, NotStoredError, Operations
from ems.ports.delivery import NotDeliveredError

log = logging.getLogger(__name__)

BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)
TIMEOUT_S, KEEPALIVE_S = 10, 30
SLICE = 20
GOODBYE_S = 1.0
PART_S = 5.0
MAX_HEARD = 1_000
LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and how to log in. `tls`: encrypt, and check its certificate, against `trusted` if that is
    given. `discovery`: the prefix of Home Assistant, empty for none. `commands`: what may be told.
    """

    host: str
    port: int
    base: str
    tls: bool = False
    trusted: Path | None = None
    user: str | None = None
    password: str | None = None
    discovery: str = ""
    every_s: float = 2.0
    commands: frozenset[str] = frozenset()


class MqttLink:
    """A `Service`. `alarms`: those that last."""

    name = "mqtt"

    def __init__(
        self,
        broker: Broker,
        live: Live,
        operations: Operations,
        alarms: Callable[[], Sequence[Incident]],
        software: str,
    ) -> None:
        self._broker, self._live, self._operations, self._alarms = broker, live, operations, alarms
        self._software, self.topics = software, Topics(broker.base)
        self._client: aiomqtt.Client | None = None
        self._sent: dict[str, bytes] = {}
        self._failures = 0
        self._turn = asyncio.Lock()
        self._is_left, self._next = False, broker

    @property
    def host(self) -> str:
        """Where the broker is."""
        return f"{self._broker.host}:{self._broker.port}"

    @property
    def is_connected(self) -> bool:
        """Whether the broker takes what is said."""
        return self._client is not None

    def leave(self, following: Broker | None) -> None:
        """The site goes on with this broker, or with none: when the link ends, nothing is left behind that stands there
        no more.
        """
        self._is_left, self._next = True, following or replace(self._broker, host="")
        if not self.is_connected:
            log.warning("mqtt.left-behind broker=%s cause='there is no link': what is retained there stays", self.host)

    async def run(self) -> None:
        """Keep the link until cancelled; then what has been heard is done, and what is being told arrives."""
        while True:
            try:
                await self._connected()
            except (aiomqtt.MqttError, OSError, TimeoutError) as failed:
                self._failures += 1
                if self._failures == 1:
                    cause = str(failed) or type(failed).__name__
                    log.warning("mqtt.down broker=%s:%d cause=%.200r", self._broker.host, self._broker.port, cause)
            await asyncio.sleep(BACK_OFF_S[min(self._failures, len(BACK_OFF_S)) - 1])

    async def _connected(self) -> None:
        broker = self._broker
        context = None
        if broker.tls:
            context = await asyncio.to_thread(ssl.create_default_context, cafile=broker.trusted)
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            identifier=f"ems-{node_of(self.topics)}"[:64],
            will=aiomqtt.Will(self.topics.status, OFFLINE, qos=1, retain=True),
            timeout=TIMEOUT_S,
            keepalive=KEEPALIVE_S,
            tls_context=context,
            max_queued_incoming_messages=MAX_HEARD,
        )
        async with client:
            self._sent.clear()
            await self._greet(client)
            log.info("mqtt.up broker=%s:%d after=%d", broker.host, broker.port, self._failures)
            self._client, self._failures = client, 0
            work = [asyncio.create_task(self._publish(client)), asyncio.create_task(self._listen(client))]
            try:
                done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            except asyncio.CancelledError:
                # Who goes in order sends no last will.
                with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                    await self._part(client, work[0])
                raise
            finally:
                self._client = None
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)

    async def _part(self, client: aiomqtt.Client, publishing: asyncio.Task[None]) -> None:
        """End in order: hear no more, do what was heard, and take back what the next link does not say."""
        self._client = None
        if self._is_left:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
            async with asyncio.timeout(PART_S):
                await client.unsubscribe(list(self._commands))
                while len(client.messages):  # noqa: ASYNC110 - nothing tells when it has run empty
                    await asyncio.sleep(LOOK_S)
                async with self._turn:
                    pass
                for topic in self._left_over():
                    await client.publish(topic, b"", qos=1, retain=True)
        if not self._is_left or self._stays(self.topics.base):
            await client.publish(self.topics.status, OFFLINE, qos=1, retain=True, timeout=GOODBYE_S)

    def _left_over(self) -> Iterator[str]:
        """Topics that are retained and that nobody renews."""
        prefix = self._broker.discovery
        for topic in (*self._sent, self.topics.status):
            is_ours = topic.startswith(f"{self.topics.base}/")
            if not (self._stays(self.topics.base) if is_ours else self._stays(self.topics.base, prefix)):
                yield topic

    def _stays(self, base: str, discovery: str | None = None) -> bool:
        """Whether the next link is at the same broker and says the same things there."""
        following = self._next
        is_there = (following.host, following.port, following.base) == (self._broker.host, self._broker.port, base)
        return is_there and (discovery is None or following.discovery == discovery)

    @property
    def _commands(self) -> tuple[str, str]:
        """Where commands are heard."""
        return f"{self.topics.base}/+/set", f"{self.topics.base}/evse/+/+/+/set"

    async def _greet(self, client: aiomqtt.Client) -> None:
        base, prefix = self.topics.base, self._broker.discovery
        for topic in (*self._commands, f"{base}/circuit/+", f"{base}/evse/+/+"):
            await client.subscribe(topic, qos=1)
        if prefix:
            await client.subscribe([(f"{prefix}/status", 1), (f"{prefix}/device/+/config", 1)])
            await self._introduce(client)
        await client.publish(self.topics.status, ONLINE, qos=1, retain=True)

    async def _introduce(self, client: aiomqtt.Client) -> None:
        """Tell Home Assistant what there is."""
        site = self._live.state.site
        for topic, told in discovery(self._broker.discovery, self.topics, site, self._broker.commands, self._software):
            await self._say(client, topic, json.dumps(told, separators=(",", ":")).encode(), 1)

    async def _publish(self, client: aiomqtt.Client) -> None:
        version, site = -1, self._live.state.site
        while True:
            version = await self._live.changed(version)
            state, decision = self._live.state, self._live.decision
            if state.site is not site and self._broker.discovery:
                site = state.site
                await self._introduce(client)
            if decision is not None and len(decision.setpoints) == len(state.evses):
                for k, (topic, told) in enumerate(published(self.topics, state, decision, self._alarms())):
                    await self._say(client, topic, json.dumps(told, separators=(",", ":")).encode())
                    if k % SLICE == 0:
                        await asyncio.sleep(0)
            await asyncio.sleep(self._broker.every_s)

    async def _say(self, client: aiomqtt.Client, topic: str, told: bytes, qos: int = 0) -> None:
        if self._sent.get(topic) != told:
            await client.publish(topic, told, qos=qos, retain=True)
            self._sent[topic] = told

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            async with self._turn:
                await self._hear(client, message)

    async def _hear(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        topic, payload = str(message.topic), message.payload
        told = payload if isinstance(payload, bytes) else b""
        path = self.topics.command(topic)
        if path is not None:
            await self._command(client, topic, path, told, message.retain)
        elif topic == f"{self._broker.discovery}/status":
            if told == ONLINE.encode():
                self._sent.clear()
                await self._introduce(client)
        elif message.retain and told and self._is_stale(topic):
            await client.publish(topic, b"", qos=1, retain=True)

    def _is_stale(self, topic: str) -> bool:
        """Whether a retained topic is ours and says something that the site has no more."""
        site, prefix = self._live.state.site, self._broker.discovery
        if topic.startswith(f"{self.topics.base}/"):
            things = {self.topics.circuit(one.id) for one in site.circuits} | {
                self.topics.evse(one.id) for one in site.evses
            }
            return topic not in things
        node = node_of(self.topics)
        ours = topic == f"{prefix}/device/{node}/config" or topic.startswith(f"{prefix}/device/{node}_")
        known = discovery(prefix, self.topics, site, self._broker.commands, self._software)
        return ours and topic not in {name for name, _ in known}

    async def _command(
        self, client: aiomqtt.Client, topic: str, path: tuple[str, ...], told: bytes, is_retained: bool
    ) -> None:
        try:
            change = change_of(path, told, is_retained, self._live.state.site, self._broker.commands)
            await self._change(change)
        except (UnknownError, ValueError, NotStoredError) as wrong:
            log.warning("mqtt.refused topic=%.100r cause=%.200r", topic, str(wrong))
            answer = {"ok": False, "detail": str(wrong)}
        else:
            answer = {"ok": True, "detail": ""}
        await client.publish(f"{topic.removesuffix('/set')}/result", json.dumps(answer), qos=1)

    async def _change(self, change: Change) -> None:
        try:
            await self._operations.change(change, f"mqtt ({self._broker.host})")
        except UnknownError:
            # What is to be withdrawn and is not there is withdrawn.
            if not isinstance(change, LimitWithdrawn):
                raise

    async def event(self, told: bytes) -> None:
        """Publish something that has happened. Raises NotDeliveredError."""
        client = self._client
        if client is None:
            raise NotDeliveredError(f"there is no link to {self._broker.host}:{self._broker.port}")
        try:
            async with self._turn:
                await client.publish(self.topics.event, told, qos=1, timeout=TIMEOUT_S)
        except (aiomqtt.MqttError, TimeoutError) as failed:
            raise NotDeliveredError(f"{self._broker.host}:{self._broker.port}: {failed}") from None
