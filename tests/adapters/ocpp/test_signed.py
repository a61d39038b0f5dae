"""Signed meter values are kept to the letter, each once, whatever else a message says; and they cannot fill a disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ems.adapters.ocpp.v16.signed import MOST_PER_HOUR
from ems.domain.events import MeterValues
from ems.domain.record.signed_value import MAX_VALUE, SignedValue
from tests.adapters.ocpp.central import ChargePoint, Site, virtual
from tests.adapters.ocpp.test_transactions import STOP, ready, started

RECORD = 'OCMF|{"FV":"1.0","ID":"=1+1 \\"ä\\u0000"}|{"SD":"3045"}'
AT = "2026-03-01T12:30:00Z"


class Shelf:
    """Where signed values end up."""

    def __init__(self) -> None:
        self.values: list[SignedValue] = []

    def kept(self, told: SignedValue) -> None:
        self.values.append(told)


@asynccontextmanager
async def signing(outlets: int = 1) -> AsyncIterator[tuple[Site, ChargePoint, Shelf]]:
    async with ready(outlets=outlets) as (site, point):
        shelf = Shelf()
        site.records["CP"].signed = shelf
        yield site, point, shelf


def sample(value: object, context: str = "Transaction.End", **more: Any) -> dict[str, Any]:
    return {"value": value, "format": "SignedData", "context": context, **more}


def bucket(*samples: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"timestamp": AT, "sampledValue": list(samples)}]


@virtual
async def test_what_comes_with_a_stop_belongs_to_its_transaction() -> None:
    async with signing() as (_, point, shelf):
        await started(point)
        register = {"value": "6000", "measurand": "Energy.Active.Import.Register"}
        await point.call("StopTransaction", STOP | {"transactionData": bucket(register, sample(RECORD))})
    (kept,) = shelf.values
    assert (kept.evse, kept.transaction, kept.context, kept.value) == ("CP/1", 101, "Transaction.End", RECORD)
    assert kept.at.isoformat() == "2026-03-01T12:30:00+00:00"


@virtual
async def test_what_comes_while_it_charges_is_kept_and_does_not_disturb_the_other_samples() -> None:
    async with signing() as (site, point, shelf):
        await started(point)
        current = {"value": "16", "measurand": "Current.Import", "phase": "L1"}
        message = {"connectorId": 1, "meterValue": bucket(sample(RECORD, "Transaction.Begin"), current)}
        await point.call("MeterValues", message)
        assert site.of(MeterValues)[-1].leg_a is not None
    assert [(one.transaction, one.context) for one in shelf.values] == [(101, "Transaction.Begin")]


@virtual
async def test_the_same_value_has_the_same_digest_however_often_it_is_told() -> None:
    async with signing() as (_, point, shelf):
        await started(point)
        message = {"connectorId": 1, "transactionId": 101, "meterValue": bucket(sample(RECORD))}
        await point.call("MeterValues", message)
        await point.call("StopTransaction", STOP | {"transactionData": bucket(sample(RECORD))})
        await point.call("StopTransaction", STOP | {"transactionData": bucket(sample(RECORD))})
    assert len(shelf.values) == 3
    assert len({one.digest for one in shelf.values}) == 1


@virtual
async def test_a_stop_of_nobody_s_transaction_is_kept_only_where_its_outlet_is_sure() -> None:
    for outlets, kept in ((1, 1), (2, 0)):
        async with signing(outlets) as (_, point, shelf):
            await point.call("StopTransaction", STOP | {"transactionId": 7, "transactionData": bucket(sample(RECORD))})
        assert len(shelf.values) == kept


@pytest.mark.parametrize(
    "told",
    [
        7, "x", [7], {}, [{"sampledValue": 7}], [{"sampledValue": [7, {"format": "SignedData"}]}], [[]], [None],
        bucket(sample("")), bucket(sample("   ")), bucket(sample(None)), bucket(sample({"a": 1})),
        bucket(sample("x" * (MAX_VALUE + 1))), bucket({"value": RECORD}), bucket({"value": RECORD, "format": "Raw"}),
    ],
)  # fmt: skip
@virtual
async def test_what_is_no_signed_value_is_left_out_and_the_stop_is_answered(told: object) -> None:
    async with signing() as (_, point, shelf):
        await started(point)
        assert (await point.call("StopTransaction", STOP | {"transactionData": told}))[2] == {}
    assert shelf.values == []


@virtual
async def test_a_station_that_signs_without_end_is_not_heard_for_the_rest_of_the_hour() -> None:
    async with signing() as (site, point, shelf):
        await started(point)
        for k in range(0, MOST_PER_HOUR + 200, 200):
            some = [sample(f"{RECORD}{k + i}") for i in range(200)]
            await point.call("MeterValues", {"connectorId": 1, "transactionId": 101, "meterValue": bucket(*some)})
        assert site.records["CP"].deviations["signed values without end"]
    assert len(shelf.values) == MOST_PER_HOUR
