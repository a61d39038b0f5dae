"""What a virtual station says by the clock: heartbeats, samples, and its boot once more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ems.sim.virtual_station import VirtualStation


class Clockwork:
    """The timers of a station, monotonic seconds; infinite while a timer does not run."""

    def __init__(self, station: VirtualStation) -> None:
        self._station = station
        self._now = -math.inf
        self._sampled_at = dict.fromkeys(station.connectors, math.inf)
        self._heartbeat_at = math.inf
        self._boot_at = math.inf
        self._aligned_at = math.inf

    def step(self, now: float) -> None:
        """Say what is due."""
        self._now, station = now, self._station
        link, configuration = station.link, station.configuration
        link.attempts = max(1, int(configuration.number("TransactionMessageAttempts")))
        link.retry_s = configuration.number("TransactionMessageRetryInterval")
        link.ping_s = configuration.number("WebSocketPingInterval") or None
        own_s = station.setup.metering.every_s
        sample_s = (configuration.number("MeterValueSampleInterval") or math.inf) if own_s is None else own_s
        for number, sampled_at in self._sampled_at.items():
            if now >= sampled_at + sample_s:
                self.began(number)
                station.messages.measure(number)
        if now >= self._heartbeat_at:
            self.beats()
            station.messages.say("Heartbeat", {})
        if now >= self._boot_at:
            self._boot_at = math.inf
            station.boot()
        self._aligned()

    def began(self, number: int) -> None:
        """A connector has a transaction: the next sample is one interval away."""
        self._sampled_at[number] = self._now

    def ended(self, number: int) -> None:
        """A connector has none any more."""
        self._sampled_at[number] = math.inf

    def beats(self) -> None:
        """The next heartbeat is one interval away."""
        every_s = self._station.configuration.number("HeartbeatInterval")
        self._heartbeat_at = self._now + every_s if every_s > 0 else math.inf

    def boots_again(self, after_s: float) -> None:
        """The central system did not accept the boot."""
        self._boot_at = self._now + after_s

    def stops(self) -> None:
        """The link is gone."""
        self._heartbeat_at = self._boot_at = math.inf

    def _aligned(self) -> None:
        station, now = self._station, self._now
        every_s = station.configuration.number("ClockAlignedDataInterval")
        if every_s <= 0:
            self._aligned_at = math.inf
            return
        due = now >= self._aligned_at
        if due:
            for number in station.connectors:
                station.messages.measure(number, "Sample.Clock", "MeterValuesAlignedData")
        if due or math.isinf(self._aligned_at):
            self._aligned_at = now + every_s - station.utc().timestamp() % every_s
