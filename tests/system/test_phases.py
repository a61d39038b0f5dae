"""One phase or three, over real sockets: what a station says of itself, is told, and then does."""

from __future__ import annotations

from pathlib import Path

from ems.sim.quirks import QUIRKS
from tests.system.play import nothing, perform
from tests.system.sites import OUTLETS, busy, settings_of
from tests.system.stage import Play, Stage

HUNGRY_S = 900.0
"""Until everybody has been switched, each waits for its turn."""


def told(stage: Stage) -> list[str]:
    """Every number of phases that the stations were told last, as the controller knows it."""
    return [f"{evse.id}: {known.switch.told}" for evse, known in zip(stage.site.evses, stage.state.evses, strict=True)]


def in_use(stage: Stage) -> list[int]:
    """How many legs carry current at each outlet."""
    return [sum(a > 0 for a in stage.world.stations[name].leg_amps(1)) for name in OUTLETS["narrow"]]


def test_where_three_phases_are_too_many_each_charges_on_one(tmp_path: Path) -> None:
    """The feeder has 7 A; each begins on another phase. Nobody is switched while current flows."""
    settings = settings_of("narrow", tmp_path, fallback_a=0)
    quirks = dict.fromkeys(OUTLETS["narrow"], QUIRKS["switches-phases"])

    async def act(stage: Stage) -> None:
        await stage.until(300)
        while in_use(stage) != [1, 1, 1] and stage.t < 1500:
            await stage.until(stage.t + 10)
        assert in_use(stage) == [1, 1, 1], told(stage)
        assert [s.connectors[1].switched_under_load for s in stage.world.stations.values()] == [0, 0, 0]
        nothing(stage.troubles())

    perform(settings, Play(busy(settings.site, single=100), quirks=quirks, hungry_s=HUNGRY_S), tmp_path, act)


def test_a_station_that_only_says_so_overloads_nothing_and_is_named(tmp_path: Path) -> None:
    settings = settings_of("narrow", tmp_path, fallback_a=0)
    quirks = dict.fromkeys(OUTLETS["narrow"], QUIRKS["only-says-it-switches-phases"])

    async def act(stage: Stage) -> None:
        await stage.until(120)
        while not any(alarm.key.startswith("phases:") for alarm in stage.decision.alarms) and stage.t < 1200:
            await stage.until(stage.t + 10)
        assert [text for text in stage.troubles() if "no longer switched" in text]
        await stage.until(stage.t + 60)
        assert sorted(in_use(stage)) in ([0, 0, 0], [0, 0, 3])

    perform(settings, Play(busy(settings.site, single=100), quirks=quirks, hungry_s=HUNGRY_S), tmp_path, act)
