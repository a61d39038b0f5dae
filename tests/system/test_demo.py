"""`ems demo` shows what it promises: the first two minutes of the car park, as somebody sees them who watches."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.domain.phases import Phase
from ems.sim.demo import scenario_of
from tests.system.play import nothing, perform
from tests.system.sites import demo
from tests.system.stage import Play, Stage

HALL_A = 63 - 4
"""The hall's fuse without its lights, which no meter sees."""


def cars(stage: Stage) -> list[str]:
    """EVSEs with a vehicle."""
    return [
        f"{name}/{number}"
        for name, station in stage.world.stations.items()
        for number, connector in station.connectors.items()
        if connector.vehicle is not None
    ]


def known(stage: Stage) -> list[str]:
    """The same, as the controller knows it."""
    return [e.id for e, k in zip(stage.site.evses, stage.state.evses, strict=True) if k.session is not None]


def test_the_first_two_minutes(tmp_path: Path) -> None:
    settings = demo()

    async def act(stage: Stage) -> None:
        # The first car arrives and is known at once; soon it charges.
        await stage.until(3)
        assert cars(stage) == known(stage) == ["HALL-1/1"]
        await stage.until(10)
        assert stage.amps("HALL-1/1") >= 6
        assert len(cars(stage)) == 3
        # Five share the hall, and each reason names it.
        await stage.until(25)
        hall = [evse for evse in known(stage) if evse.startswith("HALL") and stage.amps(evse) > 0]
        assert len(hall) >= 4
        assert all("hall" in stage.reason(evse) for evse in hall)
        await stage.until(39)
        fullest = max(stage.judge.flows()["hall", phase] for phase in Phase)
        assert 0.85 * HALL_A <= fullest <= HALL_A
        # The building jumps; within seconds everybody has made room, and says for what.
        before = {evse: stage.amps(evse) for evse in known(stage) if stage.amps(evse) >= 6}
        said: set[str] = set()
        while stage.t < 54:
            await stage.until(stage.t + 1)
            said.update(evse for evse in before if "grid" in stage.reason(evse))
        assert said == set(before)
        assert sum(stage.amps(evse) < amps for evse, amps in before.items()) >= 5
        assert all(stage.amps(evse) <= amps for evse, amps in before.items())
        assert max(stage.judge.flows()["grid", phase] for phase in Phase) < 97
        # The first one leaves at 65 s, the others get its share.
        share = stage.amps("HALL-1/1")
        await stage.until(125)
        assert "HALL-5/1" not in cars(stage)
        assert share >= 6
        assert all(stage.amps(evse) >= 6 for evse in ("HALL-1/1", "YARD-1/1", "YARD-2/1", "HALL-3/1"))
        nothing(stage.troubles())

    perform(settings, Play(scenario_of(settings), hungry_s=60), tmp_path, act)


def test_the_story_goes_on(tmp_path: Path) -> None:
    """After five minutes it begins again, a little different, and no fuse has carried too much."""
    settings = demo()

    async def act(stage: Stage) -> None:
        await stage.until(290)
        first = stage.judge.longest_s()
        await stage.until(420)
        assert len(cars(stage)) >= 6
        assert stage.judge.worst_a() < 20
        assert stage.judge.longest_s() - first < 60

    perform(settings, Play(scenario_of(settings), hungry_s=60), tmp_path, act)


@pytest.mark.parametrize("seed", [2])
def test_another_seed_is_another_story(seed: int, tmp_path: Path) -> None:
    settings = demo()

    async def act(stage: Stage) -> None:
        await stage.until(120)
        nothing(stage.troubles())

    perform(settings, Play(scenario_of(settings), seed=seed, hungry_s=60), tmp_path, act)
