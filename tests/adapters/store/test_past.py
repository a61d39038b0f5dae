"""What pages look back at: offers with their reasons, what was drawn, energies, peaks, and what people did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from ems.adapters.store.batch import Sample
from ems.adapters.store.moment import to_ms
from ems.adapters.store.past import find_audits, read_energies, read_evse, read_quarters, read_stays
from ems.adapters.store.retention import Retention
from ems.adapters.store.store import Store
from ems.domain.decision import Binding, Decision, Reason, Setpoint
from tests.adapters.store.clocks import BEGIN

Opened = Callable[[], Store]
DAY = timedelta(days=1)
CIRCUIT, FULL, FREE = (
    Reason(Binding.CIRCUIT, "hall"),
    Reason(Binding.EVSE),
    Reason(Binding.NO_VEHICLE),
)


def offered(store: Store, *steps: tuple[float, float, Reason]) -> list[tuple[float, float, str]]:
    """What is stored of (second, amps, reason), as (second, amps, words)."""
    for second, amps, reason in steps:
        store.offers.tick(Decision(BEGIN.later(second), (Setpoint("A/1", amps, amps, reason),), ()))
    asyncio.run(store.flush())
    past = asyncio.run(store.asked(partial(read_evse, evse="A/1", since=BEGIN.utc, until=BEGIN.utc + DAY)))
    return [((one.at - BEGIN.utc).total_seconds(), one.amps, one.text) for one in past.offered]


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([(0, 0, FREE)], [(0, 0, "no vehicle")]),
        ([(0, 16, CIRCUIT), (1, 16, CIRCUIT), (300, 16.4, CIRCUIT)], [(0, 16, "shared: hall is full")]),
        (
            [(0, 16, CIRCUIT), (5, 20, CIRCUIT), (59, 20, CIRCUIT), (60, 24, CIRCUIT)],
            [(0, 16, "shared: hall is full"), (60, 24, "shared: hall is full")],
        ),
        (
            [(0, 16, CIRCUIT), (5, 32, FULL), (10, 32, FULL)],
            [(0, 16, "shared: hall is full"), (10, 32, "full current of this outlet")],
        ),
        (
            [(0, 16, Reason(Binding.LIMIT, "grid (63 A)")), (30, 16, Reason(Binding.LIMIT, "grid (61 A)"))],
            [(0, 16, "limited by grid (63 A)")],
        ),
        (
            [(0, 16, CIRCUIT), (12, 0, CIRCUIT)],
            [(0, 16, "shared: hall is full"), (12, 0, "shared: hall is full")],
        ),
    ],
)
def test_an_offer_is_written_when_it_changes_but_not_with_every_ampere(
    opened: Opened, steps: list[tuple[float, float, Reason]], kept: list[tuple[float, float, str]]
) -> None:
    assert offered(opened(), *steps) == kept


def test_the_offer_before_the_time_that_is_asked_for_is_told_too(reopened: Opened) -> None:
    store = reopened()
    offered(store, (0, 16, CIRCUIT), (7200, 32, FULL))
    later = BEGIN.utc + timedelta(hours=1)
    past = asyncio.run(store.asked(partial(read_evse, evse="A/1", since=later, until=later + DAY)))
    assert [one.amps for one in past.offered] == [16, 32]


def test_a_thousand_evses_that_change_at_once_are_written_within_seconds(reopened: Opened) -> None:
    store = reopened()
    for second in range(20):
        setpoints = tuple(Setpoint(f"S{k}/1", 6.0, 6.0, FULL) for k in range(1000))
        store.offers.tick(Decision(BEGIN.later(second), setpoints, ()))
    assert len(store.offers._written) == 1000


def test_offers_are_deleted_with_the_samples(reopened: Opened) -> None:
    store = reopened()
    offered(store, *((86_400.0 * day, 10.0 + day, FULL) for day in range(4)))
    store._retention = Retention(sample_days=2)
    assert asyncio.run(store.purge()) == 2


def test_what_was_drawn_is_the_current_of_the_leg_with_the_most_of_it(reopened: Opened) -> None:
    store = reopened()
    store._writer.sample([Sample(to_ms(BEGIN.later(s).utc), "evse", "A/1", 1600, 1550, None, 7200) for s in (1, 2)])
    asyncio.run(store.flush())
    past = asyncio.run(store.asked(partial(read_evse, evse="A/1", since=BEGIN.utc, until=BEGIN.utc + DAY)))
    assert [(one.amps, one.power_w) for one in past.drawn] == [(16.0, 7200), (16.0, 7200)]
    assert asyncio.run(store.asked(partial(read_stays, evse="A/1", most=5))) == ()


def test_quarters_that_are_over_and_the_one_that_runs(opened: Opened) -> None:
    store = opened()
    quarters = [(0, 10_000), (900, 20_000), (1800, 40_000)]
    store._writer.sample(
        Sample(to_ms(BEGIN.later(begin + s).utc), "circuit", "grid", 1000, 1000, 1000, watts, None)
        for begin, watts in quarters
        for s in range(0, 300 if begin == 1800 else 900, 10)
    )
    now = BEGIN.later(2100).utc

    async def work() -> None:
        await store.flush()
        await store.aggregate(now)

    asyncio.run(work())
    begin = BEGIN.utc - timedelta(seconds=BEGIN.utc.timestamp() % 900)
    found = asyncio.run(store.asked(partial(read_quarters, circuit="grid", since=begin, now=now, voltage_v=230.0)))
    assert [watts for _, watts in found.means][:2] == [10_000, 20_000]
    assert (found.open_s, found.open_w) == (300.0, 40_000.0)
    energies = asyncio.run(store.asked(partial(read_energies, root="grid", pv=(), since=begin, until=now)))
    assert (energies.grid_wh, energies.vehicles_wh, energies.pv_wh) == (7500.0, None, None)
    assert energies.until == found.open_since


def test_audits_are_found_by_words_and_time(opened: Opened) -> None:
    store = opened()
    for k, (who, what) in enumerate([("anna", "limit-set"), ("otto", "vehicle"), ("anna", "vehicle")]):
        store.audit.add(BEGIN.later(3600 * k).utc, who, what, {"after": "100%_"})

    def found(words: str, since: float | None = None, until: float | None = None) -> list[str]:
        span = [None if s is None else BEGIN.later(s).utc for s in (since, until)]
        query = partial(find_audits, before=None, most=50, words=words, since=span[0], until=span[1])
        return [f"{one.who} {one.what}" for one in asyncio.run(store.asked(query, fresh=True))]

    assert found("") == ["anna vehicle", "otto vehicle", "anna limit-set"]
    assert found("ANNA vehicle") == ["anna vehicle"]
    assert found("100%_") == ["anna vehicle", "otto vehicle", "anna limit-set"]
    assert found("%%") == []
    assert found("", 3600) == ["anna vehicle", "otto vehicle"]
    assert found("", 0, 3600) == ["anna limit-set"]
