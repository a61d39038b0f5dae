"""What a virtual station tells the central system of its own accord, one function per message (OCPP 1.6, chapter 4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ems.sim.connector import LocalTransaction
from ems.sim.metering import Measured, sampled_values
from ems.sim.outbox import Message, Payload

if TYPE_CHECKING:
    from ems.sim.virtual_station import VirtualStation

Answered = Callable[[Payload | None], None]
"""Called with the answer, None when there was none or an error."""


class StationMessages:
    """Puts messages into the station's outbox."""

    def __init__(self, station: VirtualStation) -> None:
        self._station = station

    def say(self, action: str, payload: Payload, answered: Answered | None = None) -> None:
        """Something that may be lost."""
        self._station.outbox.put(Message(action, lambda: payload, answered=answered))

    def boot(self, answered: Answered) -> None:
        """BootNotification, before anything else."""
        setup = self._station.setup
        payload = {
            "chargePointVendor": setup.vendor,
            "chargePointModel": setup.model,
            "chargePointSerialNumber": self._station.id[:25],
            "firmwareVersion": setup.firmware,
        }
        self._station.outbox.put(Message("BootNotification", lambda: payload, answered=answered), first=True)

    def status(self, number: int) -> None:
        """StatusNotification of a connector; 0 is the station."""
        station = self._station
        status = "Available" if number == 0 else station.connectors[number].status()
        payload = {"connectorId": number, "errorCode": "NoError", "status": status, "timestamp": station.stamp()}
        self.say("StatusNotification", payload)

    def began(self, number: int, transaction: LocalTransaction, answered: Answered) -> None:
        """StartTransaction."""
        payload = {
            "connectorId": number,
            "idTag": transaction.tag,
            "meterStart": transaction.meter_start_wh,
            "timestamp": self._station.stamp(),
        }
        self._station.outbox.put(Message("StartTransaction", lambda: payload, lasting=True, answered=answered))

    def ended(self, transaction: LocalTransaction, meter_stop_wh: int, reason: str) -> None:
        """StopTransaction."""
        stamp = self._station.stamp()

        def payload() -> Payload:
            # The id is known only when StartTransaction has been answered, which is before this is sent.
            return {
                "transactionId": -1 if transaction.id is None else transaction.id,
                "idTag": transaction.tag,
                "meterStop": meter_stop_wh,
                "timestamp": stamp,
                "reason": reason,
            }

        self._station.outbox.put(Message("StopTransaction", payload, lasting=True))

    def measure(self, number: int, context: str = "Sample.Periodic", key: str = "MeterValuesSampledData") -> None:
        """MeterValues of a connector."""
        connector = self._station.connectors[number]
        self.values(number, connector.measured(), connector.transaction, context, key)

    def values(
        self,
        number: int,
        measured: Measured,
        transaction: LocalTransaction | None,
        context: str = "Sample.Periodic",
        key: str = "MeterValuesSampledData",
    ) -> None:
        """MeterValues with what was measured at this moment."""
        station = self._station
        quirks = station.setup.metering
        values = sampled_values(measured, station.configuration.names(key), quirks, context)
        if not values:
            return
        named = 0 if quirks.on_connector_zero else number
        known = None if quirks.on_connector_zero else transaction
        content = {"connectorId": named, "meterValue": [{"timestamp": station.stamp(), "sampledValue": values}]}
        payload = partial(_with_transaction, content, known)
        station.outbox.put(Message("MeterValues", payload, lasting=transaction is not None))


def _with_transaction(content: Payload, transaction: LocalTransaction | None) -> Payload:
    """The id is known only when StartTransaction has been answered."""
    return content if transaction is None or transaction.id is None else {**content, "transactionId": transaction.id}
