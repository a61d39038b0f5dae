"""Leaving: everybody at the fallback, cuts before raises, bounded in time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ems.domain.events import StationGone
from ems.domain.grant import Grant, Held, Layer
from ems.domain.state import SiteState
from ems.runtime.dispatcher import Dispatcher
from ems.runtime.farewell import leave_at_fallback, unreached, worded
from ems.runtime.loop import Core, Loop
from tests.adapters.ocpp.central import in_virtual_time
from tests.builders import circuit, evse, layout
from tests.runtime.world import LoopClock, RecordingLink, charging, core_of, site


def running(*session_a: float) -> Core:
    """Both stations charging, each at its session limit."""
    now = LoopClock().now()
    core = core_of(site(), *charging("A", now), *charging("B", now, 2))
    grants = (Grant(Held(6, 0), Held(0, 0, 900), Held(amps, 0, 900)) for amps in session_a)
    evses = tuple(replace(known, grant=grant) for known, grant in zip(core.state.evses, grants, strict=True))
    core.state = replace(core.state, evses=evses)
    return core


def farewell(*session_a: float, obeys: bool = True, lost: str = "") -> tuple[list[tuple[str, float]], float, float]:
    async def scenario() -> tuple[list[tuple[str, float]], float, float]:
        clock = LoopClock()
        loop = Loop(running(*session_a), clock, lambda _: None, lambda _: None)
        for station in lost:
            loop.inbox.put(StationGone(station, clock.now(), 1))
        link = RecordingLink(loop.inbox.put, clock, obeys)
        await leave_at_fallback(loop, Dispatcher(link), clock)
        told = [(order.evse, order.amps) for order in link.orders if order.layer is Layer.SESSION]
        grants = [known.grant.session for known in loop.core.state.evses]
        return told, asyncio.get_running_loop().time(), sum(held.amps for held in grants if held)

    return in_virtual_time(scenario)


@pytest.mark.parametrize(
    ("sentence", "session_a", "told"),
    [
        ("who is above the fallback is cut", (20, 6), [("A/1", 6)]),
        ("who is paused is lifted, after the cuts", (20, 0), [("A/1", 6), ("B/1", 6)]),
        ("who is at it is left alone", (6, 6), []),
    ],
)
def test_everybody_ends_at_the_fallback(
    sentence: str, session_a: tuple[float, float], told: list[tuple[str, float]]
) -> None:
    sent, _, total = farewell(*session_a)
    assert (sent, total) == (told, 12), sentence


def test_nobody_is_lifted_while_a_cut_is_unconfirmed_and_the_wait_ends() -> None:
    sent, took, _ = farewell(20, 0, obeys=False)
    assert sent == [("A/1", 6)]
    assert took < 6


@pytest.mark.parametrize(
    ("obeys", "lost", "said"),
    [
        (True, "", "farewell unreached=0 of 2"),
        (False, "", "farewell unreached=1 of 2: A"),
        (True, "B", "farewell unreached=1 of 2: B"),
        (False, "B", "farewell unreached=2 of 2: A, B"),
    ],
)
def test_it_says_who_was_not_reached(obeys: bool, lost: str, said: str, caplog: pytest.LogCaptureFixture) -> None:
    """A is above its fallback and must answer, B is at it; who is not connected cannot be told anything."""
    caplog.set_level("INFO", "ems.runtime.farewell")
    farewell(20, 6, obeys=obeys, lost=lost)
    assert caplog.messages == [said]


def test_of_many_it_names_a_handful() -> None:
    stations = [evse(f"S{j}", "grid") for j in range(7)]
    state = SiteState.initial(layout([circuit("grid", 400)], stations))
    assert worded(unreached(state), len(stations)) == "unreached=7 of 7: S0, S1, S2, S3, S4, …"
