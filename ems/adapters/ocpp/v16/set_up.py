"""Making a station ready: after it connected, after each boot, and for as long as it is connected.

Limits come before anything cosmetic: the core sends floor and default as soon as `StationConnected` is out, and they
overtake whatever is asked here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ocpp.v16.enums import Action, AvailabilityType, ChargingRateUnitType, ConfigurationKey, MessageTrigger

from ems.adapters.ocpp import schemas
from ems.adapters.ocpp.call_queue import Answered, Outcome, Priority, Refused
from ems.adapters.ocpp.connection import Connection
from ems.adapters.ocpp.v16.incoming import Incoming
from ems.adapters.ocpp.v16.meter_keys import hear_keys
from ems.adapters.ocpp.v16.profiles import MAX_LEVEL
from ems.adapters.ocpp.v16.record import StationRecord
from ems.domain.events import StationConnected
from ems.domain.station import Evse, EvseStatus
from ems.domain.station_model import LeaseForm, RateUnit, StationModel

log = logging.getLogger(__name__)

VERSION = "v16"

BOOT_S = 5.0
"""A station that merely reconnects does not boot (OCPP-J 1.6, section 5.4); after this we go ahead."""

FIRST_LIMITS_S = 2.0
WATCH_S = 10.0
SAMPLES_MISSED = 3
UNPLUGGED_S = 30.0
"""A stop may come a little after the status says that the vehicle is gone (Q91)."""

BOOTS_AT_ONCE = 3
BOOTS_WITHIN_S = 300.0
"""A station that boots again and again is left alone with set-up in between (Q120)."""

OUT_OF_SERVICE_S = 600.0
ASK_S = 5.0


@dataclass(slots=True)
class SetUp:
    """The set-up of one station."""

    record: StationRecord
    incoming: Incoming

    async def run(self, connection: Connection) -> None:
        """Work for as long as the link lives."""
        await self._make_ready(connection)
        await self._watch(connection)

    async def _make_ready(self, connection: Connection) -> None:
        """What the station says of its configuration is not kept longer than this takes: some say a great deal."""
        record = self.record
        await self._wait_for_boot(BOOT_S)
        if not record.vendor and record.model.trigger_boot:
            await self._trigger(connection, MessageTrigger.boot_notification, None)
            await self._wait_for_boot(ASK_S)
        if record.boots and record.boots[-1] >= connection.opened_at:
            await asyncio.sleep(record.model.settle_s)
        keys = await self._learn(connection)
        record.sink(StationConnected(record.id, record.clock.now(), connection.generation))
        log.info("station.connected id=%s generation=%d", record.id, connection.generation)
        await asyncio.sleep(FIRST_LIMITS_S)
        await self._configure(connection, keys)
        await self._ask_for_state(connection)

    async def _wait_for_boot(self, patience_s: float) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await self.record.booted.wait()
        except TimeoutError:
            return
        self.record.booted.clear()

    async def _learn(self, connection: Connection) -> Mapping[str, str]:
        """What the station says it can do; a station that says nothing is taken as its model says."""
        wanted = [str(key) for key in _READ]
        outcome = await _ask(connection, Action.get_configuration, {"key": wanted})
        keys = _configuration(outcome)
        if isinstance(outcome, Refused):
            for key in wanted[:3]:
                keys |= _configuration(await _ask(connection, Action.get_configuration, {"key": [key]}))
        self.record.learned(learned_from(self.record.model, keys))
        return keys

    async def _configure(self, connection: Connection, keys: Mapping[str, str]) -> None:
        """Set sample interval and measurands where they differ; what the station refuses stays as it is."""
        model = self.record.model
        wanted = {
            ConfigurationKey.meter_value_sample_interval: str(model.sample_interval_s),
            ConfigurationKey.heartbeat_interval: str(model.heartbeat_s),
        }
        refused = [
            key
            for key, value in wanted.items()
            if keys.get(key.lower()) != value and not await self._change(connection, key, value)
        ]
        if model.measurands and not await self._measure(connection, keys):
            refused.append(ConfigurationKey.meter_values_sampled_data)
        if refused:
            log.info("station.configuration id=%s refused=%s", self.record.id, ",".join(refused))

    async def _measure(self, connection: Connection, keys: Mapping[str, str]) -> bool:
        """Have measured what its model says, or as much of it as the station takes (Q58)."""
        model = self.record.model
        for measurands in (model.measurands, model.measurands[:3], model.measurands[:2], model.measurands[:1]):
            value = ",".join(measurands)
            key = ConfigurationKey.meter_values_sampled_data
            if _same(keys.get(key.lower()), value) or await self._change(connection, key, value):
                return True
        return False

    async def _change(self, connection: Connection, key: str, value: str) -> bool:
        outcome = await _ask(connection, Action.change_configuration, {"key": str(key), "value": value})
        return isinstance(outcome, Answered) and outcome.payload.get("status") in {"Accepted", "RebootRequired"}

    async def _ask_for_state(self, connection: Connection) -> None:
        for evse in self.record.station.evses:
            if evse.id not in self.record.status:
                await self._trigger(connection, MessageTrigger.status_notification, evse.number)
            await self._trigger(connection, MessageTrigger.meter_values, evse.number)

    async def _trigger(self, connection: Connection, message: str, connector: int | None) -> None:
        """TriggerMessage; some stations only take it without a connector (Q113)."""
        payload: dict[str, object] = {"requestedMessage": str(message)}
        with_connector = payload if connector is None else {**payload, "connectorId": connector}
        outcome = await _ask(connection, Action.trigger_message, with_connector)
        rejected = isinstance(outcome, Answered) and outcome.payload.get("status") == "Rejected"
        if connector is not None and (rejected or isinstance(outcome, Refused)):
            await _ask(connection, Action.trigger_message, payload)

    async def _watch(self, connection: Connection) -> None:
        """Set up again after a boot, ask for samples that stopped coming, close what the station forgot to close."""
        done = self.record.clock.now().monotonic_s
        heard: set[str] = set()
        while True:
            await self._wait_for_boot(WATCH_S)
            now = self.record.clock.now().monotonic_s
            lately = [at for at in self.record.boots if now - at < BOOTS_WITHIN_S]
            if lately and lately[-1] > done and (len(lately) <= BOOTS_AT_ONCE or now - done >= BOOTS_WITHIN_S):
                done = now
                await self._configure(connection, await self._learn(connection))
                await self._ask_for_state(connection)
                heard.clear()
            if unheard := self.record.signing - heard:
                heard |= unheard
                await hear_keys(self.record, unheard, partial(_asked_for, connection))
            now = self.record.clock.now().monotonic_s
            for evse in self.record.station.evses:
                status, since = self.record.status.get(evse.id, (EvseStatus.UNKNOWN, now))
                is_open = evse.id in self.record.book.open
                since = max(since, self.record.opened_at.get(evse.id, now))
                if is_open and status is EvseStatus.AVAILABLE and now - since > UNPLUGGED_S:
                    await self.incoming.accounting.end_inferred(evse.id, "the vehicle left")
                missed = SAMPLES_MISSED * self.record.model.sample_interval_s
                if is_open and now - self.record.sampled_at.get(evse.id, now - missed - 1) > missed:
                    await self._trigger(connection, MessageTrigger.meter_values, evse.number)
                await self._back_into_service(connection, evse, status, now)

    async def _back_into_service(self, connection: Connection, evse: Evse, status: EvseStatus, now: float) -> None:
        """An outlet that had to be taken out of service comes back when its vehicle has gone."""
        taken = self.record.out_of_service.get(evse.id)
        if taken is None or now - taken < OUT_OF_SERVICE_S or status.is_occupied:
            return
        payload = {"connectorId": evse.number, "type": AvailabilityType.operative.value}
        if isinstance(await _ask(connection, Action.change_availability, payload), Answered):
            self.record.out_of_service.pop(evse.id, None)


async def _ask(connection: Connection, action: str, payload: Mapping[str, object]) -> Outcome:
    schemas.check_request(VERSION, action, payload)
    return await connection.ask(action, payload, Priority.SET_UP, ASK_S)


async def _asked_for(connection: Connection, keys: Sequence[str]) -> Mapping[str, str] | None:
    """What the station says of some keys; None where it refuses the question."""
    outcome = await _ask(connection, Action.get_configuration, {"key": list(keys)})
    return None if isinstance(outcome, Refused) else _configuration(outcome)


_READ = (
    ConfigurationKey.charge_profile_max_stack_level,
    ConfigurationKey.charging_schedule_allowed_charging_rate_unit,
    ConfigurationKey.meter_value_sample_interval,
    ConfigurationKey.meter_values_sampled_data,
    ConfigurationKey.heartbeat_interval,
    ConfigurationKey.number_of_connectors,
    ConfigurationKey.connector_switch_3to1_phase_supported,
)


def _configuration(outcome: Outcome) -> dict[str, str]:
    """Key (lower case) to value of GetConfiguration.conf, as far as it can be read (Q102)."""
    entries = outcome.payload.get("configurationKey") if isinstance(outcome, Answered) else None
    return {
        str(entry.get("key", "")).strip().lower(): str(entry["value"]).strip()
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and entry.get("value") is not None
    }


def learned_from(model: StationModel, keys: Mapping[str, str]) -> StationModel:
    """The model with what the configuration adds: the unit, whether there is more than one stack level, and whether one
    phase of three can be asked for.
    """
    units = keys.get(ConfigurationKey.charging_schedule_allowed_charging_rate_unit.lower(), "").lower()
    tokens = {token.strip(" '\"") for token in units.replace(";", ",").split(",") if token.strip()}
    if tokens and not tokens & _AMPERE and tokens & _WATT:
        model = replace(model, rate_unit=RateUnit.WATT)
    level = keys.get(ConfigurationKey.charge_profile_max_stack_level.lower(), "")
    if level.isascii() and level.isdecimal() and len(level) <= 4 and model.max_stack_level is None:
        highest = min(int(level), MAX_LEVEL)
        lease = LeaseForm.TWO_PERIODS if highest == 0 and model.lease is LeaseForm.DURATION else model.lease
        model = replace(model, max_stack_level=highest, lease=lease)
    if keys.get(ConfigurationKey.connector_switch_3to1_phase_supported.lower(), "").lower() == "true":
        model = replace(model, switches_phases=True)
    return model


_AMPERE = {"current", "a", "amp", "amps", "ampere", ChargingRateUnitType.amps.lower()}
_WATT = {"power", "w", "watt", "watts", ChargingRateUnitType.watts.lower()}


def _same(known: str | None, wanted: str) -> bool:
    return known is not None and {p.strip().lower() for p in known.split(",")} == {
        p.strip().lower() for p in wanted.split(",")
    }
