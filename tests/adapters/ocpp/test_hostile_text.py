"""Texts of strangers: they go into events as they are, cut, and into the log as one harmless line.

The letters I and P are those of the catalogue of hostile inputs.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from ems.domain.events import Event, StationBooted, StatusChanged, TransactionEnded, TransactionStarted
from ems.domain.grant import Layer
from tests.adapters.ocpp.central import BOOT, Answer, ChargePoint, Site, central, charge_point, order, virtual

TEXTS = {
    "I01 SQL": "'; DROP TABLE session; --",
    "I02 script": "<svg onload=alert(1)><script>x</script>",
    "I03 formula": "=cmd|'/c calc'!A1",
    "I04 log forging": "x\r\n2026-03-01 ERROR ems: everything is lost\u2028\u0085\x0b",
    "I05 terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "I06 format": "%s %n {0.__class__} {} $HOME",
    "I07 template": "{{7*7}} ${7*7} <%= 7*7 %>",
    "I08 path": "../../etc/passwd\\..\\x",
    "I09 JSON": '{"a":["b"]}"]',
    "I10 signs": "😀\u200b\u202eevil\ufeff\u0301",
    "NUL": "a\0b",
    "long": "x" * 20_000,
    "P17 blanks": " " * 20,
    "P17 star": "*",
}


async def boot(point: ChargePoint, text: str) -> None:
    await point.call("BootNotification", {"chargePointVendor": text, "chargePointModel": text, "firmwareVersion": text})


async def start(point: ChargePoint, text: str) -> None:
    payload = {"connectorId": 1, "idTag": text, "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}
    assert (await point.call("StartTransaction", payload))[2]["idTagInfo"]["status"] == "Accepted"


async def stop(point: ChargePoint, text: str) -> None:
    await start(point, "x")
    await point.call("StopTransaction", {"transactionId": 101, "meterStop": 5, "reason": text, "idTag": text})


async def fault(point: ChargePoint, text: str) -> None:
    words = {"errorCode": text, "vendorErrorCode": text, "info": text, "vendorId": text, "timestamp": text}
    await point.call("StatusNotification", {"connectorId": 1, "status": "Faulted"} | words)


def told(event: Event) -> list[str]:
    """The foreign texts in an event."""
    match event:
        case StationBooted():
            return [event.vendor, event.model, event.firmware]
        case TransactionStarted():
            return [event.transaction.id_tag or ""]
        case TransactionEnded():
            return [event.reason]
        case StatusChanged():
            return [event.error]
    return []


@pytest.mark.parametrize(
    ("say", "kind"),
    [(boot, StationBooted), (start, TransactionStarted), (stop, TransactionEnded), (fault, StatusChanged)],
    ids=["boot", "start", "stop", "fault"],
)
@pytest.mark.parametrize("text", [pytest.param(text, id=what) for what, text in TEXTS.items()])
def test_a_text_arrives_as_it_is_but_no_longer_than_64(
    text: str, say: Any, kind: type[Event], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    @virtual
    async def run() -> None:
        async with central("CP") as site, charge_point("CP") as point:
            await say(point, text)
            (event,) = site.of(kind)
            expected = f"{text} {text} {text}" if kind is StatusChanged else text
            assert told(event) == [expected[:64]] * len(told(event))
            assert site.is_connected("CP", generation=1)

    run()
    in_order(caplog)


def in_order(caplog: pytest.LogCaptureFixture) -> None:
    """Each log line is one line, printable, and not long."""
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("ems")]
    assert lines
    assert [line[:200] for line in lines if not line.isprintable() or len(line) > 300] == []


@pytest.mark.parametrize("text", [pytest.param(text, id=what) for what, text in TEXTS.items()])
def test_texts_in_answers_do_no_harm_either(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Configuration keys and values, statuses, error codes and descriptions."""
    caplog.set_level(logging.INFO)

    def answer(action: str, _payload: dict[str, Any]) -> Answer:
        if action == "GetConfiguration":
            keys = (text, "ChargeProfileMaxStackLevel", "ChargingScheduleAllowedChargingRateUnit", "HeartbeatInterval")
            return {"configurationKey": [{"key": key, "readonly": False, "value": text} for key in keys]}
        return text if action == "ChangeConfiguration" else {"status": text}

    @virtual
    async def run() -> None:
        async with central("CP") as site, charge_point("CP", answer) as point:
            await point.call("BootNotification", BOOT)
            await orders(site)
            assert site.is_connected("CP", generation=1)

    run()
    in_order(caplog)


async def orders(site: Site) -> None:
    """Everything that can be asked of a station."""
    await asyncio.sleep(20)
    for layer in Layer:
        site.system.limit(order(layer, 6))
    site.system.read_back("CP/1")
    site.system.stop("CP/1")
    await asyncio.sleep(40)
