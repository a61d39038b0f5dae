"""What real chargers sent, as quoted in public threads: each frame is taken or salvaged, and costs nobody the link."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.ocpp.call_queue import Answered, Refused
from ems.domain.events import (
    CompositeRead,
    MeterValues,
    StationBooted,
    StationConnected,
    StatusChanged,
    TransactionEnded,
    TransactionStarted,
)
from ems.domain.session import Transaction
from tests.adapters.ocpp.central import BORN, Answer, ChargePoint, Site, central, charge_point, check_answer, virtual

DATA = Path(os.environ.get("EMS_DATA_DIR", Path(__file__).parents[3].parent / "shared" / "data"))
CORPUS = DATA / "corpus" / "real_charger_traffic.jsonl"


@dataclass(frozen=True)
class Line:
    """One frame: `text` as it was sent, `message` what it says, by hand where it is not JSON."""

    number: int
    charger: str
    text: str
    message: list[Any]
    action: str

    def __str__(self) -> str:
        return f"{self.number}-{self.action}-{self.charger[:24]}"

    @property
    def payload(self) -> dict[str, Any]:
        return dict(self.message[3] if self.message[0] == 2 else self.message[2])

    @property
    def buckets(self) -> list[dict[str, Any]]:
        found = self.payload.get("meterValue", [])
        return [found] if isinstance(found, dict) else list(found)

    @property
    def outlets(self) -> int:
        return max(1, int(self.payload.get("connectorId", 1)))


REPAIRED = {
    '{"configurationKey":[]': '{"configurationKey":[]}]',
    '"connectorId": 1 "idTag"': '"connectorId": 1, "idTag"',
    '"connectorId": 1 "errorCode"': '"connectorId": 1, "errorCode"',
}
"""What the three malformed frames lack, as a person sees it."""


def lines(kind: int) -> list[Line]:
    """The frames of one message type, with the action; that of an answer is what it answers, as far as it is quoted."""
    if not CORPUS.exists():
        return []
    asked: dict[str, str] = {}
    found = []
    for number, text in enumerate(CORPUS.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(text)
        raw = row.get("raw") or json.dumps(row["message"], ensure_ascii=False)
        repaired = raw
        for missing, whole in REPAIRED.items() if row.get("malformed") else ():
            repaired = repaired.replace(missing, whole)
        message = json.loads(repaired)
        if message[0] == 2:
            asked[message[1]] = message[2]
        if row["direction"] == "cp>cs" and message[0] == kind:
            found.append(Line(number, row["charger"], raw, message, asked.get(message[1], "TriggerMessage")))
    return found


pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason=f"no {CORPUS}: set EMS_DATA_DIR to the folder with corpus/")
CALLS, ANSWERS, REFUSALS = lines(2), lines(3), lines(4)
METERED = [line for line in CALLS if line.action == "MeterValues"]


def told_at(line: Line) -> datetime:
    """When the station said it; a time in the payload, so that nothing in it is old."""
    text = line.payload.get("timestamp") or (line.buckets[-1].get("timestamp") if line.buckets else None)
    return BORN if text is None else datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=BORN.tzinfo)


async def said(line: Line, site: Site, point: ChargePoint) -> Any:
    """Send it as it was; the payload of the only answer to it, on a link that lives on."""
    before = len(point.heard)
    await point.raw(line.text, line.message[1])
    await asyncio.sleep(3)
    (answer,) = point.heard[before:]
    assert answer[:2] == [3, line.message[1]]
    assert (await point.call("Heartbeat", {}))[0] == 3
    assert point.is_open
    assert site.is_connected("CP", generation=1)
    check_answer(line.action, answer[2])
    return answer[2]


def happened(line: Line) -> type | None:
    """The event that must come of a call."""
    if line.action == "StatusNotification" and line.payload["connectorId"] == 0:
        return None
    return {
        "BootNotification": StationBooted,
        "StatusNotification": StatusChanged,
        "StartTransaction": TransactionStarted,
        "StopTransaction": TransactionEnded,
        "MeterValues": MeterValues if line.buckets else None,
    }.get(line.action)


@pytest.mark.parametrize("line", CALLS, ids=str)
@virtual
async def test_each_call_gets_one_answer_and_has_its_effect(line: Line) -> None:
    born = told_at(line) + timedelta(seconds=1)
    async with central("CP", outlets=line.outlets, born=born) as site, charge_point("CP") as point:
        stopped = line.payload.get("transactionId") if line.action == "StopTransaction" else None
        if stopped is not None and stopped > 0:
            site.records["CP"].book.open["CP/1"] = Transaction(stopped, BORN, 0.0)
        await said(line, site, point)
        kind = happened(line) if stopped is None or stopped > 0 else None
        assert kind is None or len(site.of(kind)) >= 1


SCALE = {"A": 1, "W": 1, "kW": 1000, "Wh": 1, "kWh": 1000, "Percent": 1}


def independent(bucket: dict[str, Any]) -> dict[str, Any]:
    """What a person reads in a bucket: quantity to value, currents and powers by phase."""
    read: dict[str, Any] = {"leg": {}, "power": {}}
    for sample in bucket["sampledValue"]:
        name, phase = sample.get("measurand", "Energy.Active.Import.Register"), sample.get("phase", "")[:2]
        try:
            value = float(str(sample["value"]).strip(" '\"")) * SCALE.get(sample.get("unit") or "A", 1)
        except (ValueError, KeyError):
            continue
        if name == "Current.Import":
            read["leg"] |= {phase: value}
        elif name == "Power.Active.Import":
            read["power"] |= {phase: value}
        elif name in ("Current.Offered", "SoC", "Energy.Active.Import.Register") and (not phase or "Offered" in name):
            read[name] = max(value, read.get(name, 0.0)) if phase else value
    return read


@pytest.mark.parametrize("line", METERED, ids=str)
@virtual
async def test_every_usable_sample_is_used(line: Line) -> None:
    born = told_at(line) + timedelta(seconds=1)
    async with central("CP", outlets=line.outlets, born=born) as site, charge_point("CP") as point:
        await said(line, site, point)
        for bucket, event in zip(line.buckets, site.of(MeterValues), strict=True):
            read = independent(bucket)
            leg, power = read["leg"], read["power"]
            by_phase = [leg[phase] for phase in ("L1", "L2", "L3") if phase in leg]
            assert event.leg_a == (pytest.approx([leg.get(p) for p in ("L1", "L2", "L3")]) if by_phase else None)
            assert event.total_a == leg.get("")
            watts = power.get("", sum(power[p] for p in power if p != "N") if power else None)
            assert event.power_w == (None if watts is None else pytest.approx(watts))
            assert event.register_wh == pytest.approx(read.get("Energy.Active.Import.Register"))
            assert event.offered_a == read.get("Current.Offered")
            assert event.soc_percent == read.get("SoC")


def with_our_id(line: Line) -> bytes:
    """The frame as an answer to a request of ours."""
    return line.text.replace(json.dumps(line.message[1]), "@id", 1).encode()


@pytest.mark.parametrize("line", ANSWERS + REFUSALS, ids=str)
@virtual
async def test_each_answer_finds_the_request_it_answers(line: Line) -> None:
    def answer(action: str, _payload: dict[str, Any]) -> Answer:
        return with_our_id(line) if action == "GetLocalListVersion" else {"status": "Accepted"}

    async with central("CP") as site, charge_point("CP", answer) as point:
        await asyncio.sleep(20)
        outcome = await site.system.connections()["CP"].ask("GetLocalListVersion", {})
        expected = Refused(*line.message[2:4]) if line.message[0] == 4 else Answered(line.message[2])
        assert outcome == expected
        assert point.is_open


CONFIGURATIONS = [line for line in ANSWERS if "configurationKey" in line.payload]


@pytest.mark.parametrize("line", CONFIGURATIONS, ids=str)
@virtual
async def test_each_configuration_leads_to_a_station_that_is_ready(line: Line) -> None:
    """Its unit and its highest stack level are believed where it states them."""

    def answer(action: str, _payload: dict[str, Any]) -> Answer:
        return with_our_id(line) if action == "GetConfiguration" else {"status": "Accepted"}

    async with central("CP") as site, charge_point("CP", answer):
        await asyncio.sleep(20)
        assert len(site.of(StationConnected)) == 1
        stated = {entry["key"]: entry.get("value") for entry in line.payload["configurationKey"]}
        units = str(stated.get("ChargingScheduleAllowedChargingRateUnit", "Current"))
        level = stated.get("ChargeProfileMaxStackLevel")
        model = site.records["CP"].model
        assert model.rate_unit == ("A" if "Current" in units or "A" in units else "W")
        assert model.max_stack_level == (None if level is None else min(int(level), 8))


COMPOSITES = [line for line in ANSWERS if "chargingSchedule" in line.payload]


@pytest.mark.parametrize("line", COMPOSITES, ids=str)
@virtual
async def test_each_composite_schedule_is_read(line: Line) -> None:
    def answer(action: str, _payload: dict[str, Any]) -> Answer:
        return with_our_id(line) if action == "GetCompositeSchedule" else {"status": "Accepted"}

    async with central("CP") as site, charge_point("CP", answer):
        await asyncio.sleep(20)
        site.system.read_back("CP/1")
        await asyncio.sleep(1)
        periods = line.payload["chargingSchedule"]["chargingSchedulePeriod"]
        (read,) = site.of(CompositeRead)
        assert read.amps == (periods[0]["limit"] if periods else None)
