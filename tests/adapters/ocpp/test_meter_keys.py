"""What a station says of the public key of a meter is asked for when that meter signs, in every form of its name."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.adapters.ocpp.central import BOOT, Answer, ChargePoint, Site, central, charge_point, virtual
from tests.adapters.ocpp.test_signed import RECORD, Shelf, bucket, sample
from tests.adapters.ocpp.test_transactions import started


class Ring:
    """Where keys end up."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def heard(self, evse: str, text: str) -> None:
        self.told.append((evse, text))


class Told:
    """A station that says something of some keys; `most`: it takes so many names in one question."""

    def __init__(self, keys: dict[str, Any], most: int = 100) -> None:
        self.keys, self.most = keys, most

    def __call__(self, action: str, payload: dict[str, Any]) -> Answer:
        if action != "GetConfiguration":
            return {"status": "Accepted"}
        if len(payload["key"]) > self.most:
            return "OccurenceConstraintViolation"
        there = [name for name in payload["key"] if name in self.keys]
        known = [{"key": name, "readonly": True, "value": self.keys[name]} for name in there]
        return {"configurationKey": known, "unknownKey": [name for name in payload["key"] if name not in there]}


def listening(site: Site) -> Ring:
    ring = Ring()
    site.records["CP"].signed, site.records["CP"].keys = Shelf(), ring
    return ring


def asked(point: ChargePoint) -> list[list[str]]:
    return [told["key"] for told in point.told_of("GetConfiguration") if told["key"][0].startswith("MeterPublicKey")]


async def signs(point: ChargePoint, connector: int = 1) -> None:
    values = bucket(sample(RECORD, "Transaction.Begin"))
    await point.call("MeterValues", {"connectorId": connector, "meterValue": values})
    await asyncio.sleep(30)


@pytest.mark.parametrize(
    ("keys", "outlets", "heard"),
    [
        ({"MeterPublicKey[1]": "3059"}, 1, [("CP/1", "3059")]), ({"MeterPublicKey1": "3059"}, 1, [("CP/1", "3059")]),
        ({"MeterPublicKey": "3059"}, 1, [("CP/1", "3059")]), ({"MeterPublicKey": "3059"}, 2, []), ({}, 1, []),
        ({"MeterPublicKey1": "3059", "MeterPublicKey[2]": "3060"}, 2, [("CP/1", "3059")]),
        ({"MeterPublicKey1": "", "MeterPublicKey[1]": "3059"}, 1, [("CP/1", "3059")]),
        ({"MeterPublicKey1": "x" * 9_000}, 1, [("CP/1", "x" * 2_000)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("most", [100, 1])
@virtual
async def test_the_key_of_a_meter_that_signs(
    keys: dict[str, Any], outlets: int, heard: list[tuple[str, str]], most: int
) -> None:
    async with central("CP", outlets=outlets) as site, charge_point("CP", Told(keys, most)) as point:
        ring = listening(site)
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(20)
        await started(point)
        assert asked(point) == [], "who signs nothing is asked nothing"
        await signs(point)
        assert ring.told == heard
        questions = len(asked(point))
        await signs(point)
        assert len(asked(point)) == questions, "once on a link"
        assert site.is_connected("CP", generation=1)


@virtual
async def test_it_is_asked_for_again_after_a_boot_and_on_the_next_link() -> None:
    told = Told({"MeterPublicKey[1]": "3059"})
    async with central("CP") as site:
        ring = listening(site)
        async with charge_point("CP", told) as point:
            await point.call("BootNotification", BOOT)
            await asyncio.sleep(20)
            await signs(point)
            told.keys = {"MeterPublicKey[1]": "3060"}
            await point.call("BootNotification", BOOT)
            await asyncio.sleep(60)
        told.keys = {"MeterPublicKey[1]": "3061"}
        async with charge_point("CP", told) as point:
            await asyncio.sleep(60)
        assert ring.told == [("CP/1", "3059"), ("CP/1", "3060"), ("CP/1", "3061")]


@pytest.mark.parametrize("answer", [{"configurationKey": None}, {"configurationKey": [5, {"key": 7}]}, "InternalError"])
@virtual
async def test_whatever_it_answers_it_goes_on(answer: Answer) -> None:
    def odd(action: str, payload: dict[str, Any]) -> Answer:
        return answer if payload.get("key", [""])[0][:5] == "Meter" else {"status": "Accepted"}

    async with central("CP") as site, charge_point("CP", odd) as point:
        ring = listening(site)
        await point.call("BootNotification", BOOT)
        await asyncio.sleep(20)
        await signs(point)
        assert ring.told == []
        assert site.is_connected("CP", generation=1)
