"""A daemon that plans: everything real, the planner in its process; only the wall clock waits where it matters."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ems.adapters.store.replay import replay
from ems.adapters.store.segment import Tick, read, segments
from ems.assembly import daemon as assembled
from ems.assembly.daemon import Daemon
from ems.assembly.planning import ChildPlanning, setup_of
from ems.domain.energy.price_push import Pushed
from ems.domain.events import NeedStated, PlanMade
from ems.domain.instant import Instant
from ems.domain.session import Need
from ems.runtime.child_process import ChildProcess
from ems.runtime.clock import SystemClock
from ems.runtime.patience import Patience
from ems.settings.build import SiteSettings
from tests.assembly.charge_point import ChargePoint
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import alarms, running

CHEAPEST = ("policy: {", "policy: {strategy: cheapest, min_on_s: 0, ")
TARIFF = "name: market\nenergy: {procurement: {series: day-ahead, markup_per_kwh: 0.05}}\n"
STEP = timedelta(minutes=5)


class StandingClock:
    """The machine's clocks, but the wall clock stands still until it may go on: slow machines need patience."""

    def __init__(self, shows: datetime) -> None:
        self._shows = shows
        self._goes_since: float | None = None

    def go(self) -> None:
        """Time goes on."""
        self._goes_since = SystemClock().now().monotonic_s

    def now(self) -> Instant:
        t = SystemClock().now().monotonic_s
        return Instant(t, self._shows + timedelta(seconds=0.0 if self._goes_since is None else t - self._goes_since))


@pytest.fixture
def cheaper_at() -> datetime:
    """The next moment at which a step of a plan ends."""
    now = SystemClock().now().utc.timestamp()
    return datetime.fromtimestamp((now // STEP.total_seconds() + 1) * STEP.total_seconds(), UTC)


@pytest.fixture
def site(tmp_path: Path, cheaper_at: datetime) -> Installation:
    """Energy is dear until `cheaper_at`, for a day after that it is cheap."""
    here = Installation.at(tmp_path)
    here.write(CHEAPEST, more="tariff: {file: tariff.yaml}\n")
    (here.folder / "tariff.yaml").write_text(TARIFF, encoding="utf-8")
    (here.folder / "prices").mkdir()
    begins = [cheaper_at + k * STEP for k in range(-12, 300)]
    rows = [f"{begin:%Y-%m-%dT%H:%MZ};{0.10 if begin >= cheaper_at else 0.90}" for begin in begins]
    (here.folder / "prices" / "day-ahead.csv").write_text("\n".join(["begin;EUR/kWh", *rows]), encoding="utf-8")
    return here


def planned(daemon: Daemon) -> set[str]:
    """For whom there is a plan."""
    found = daemon.live.state.plan
    return set() if found is None else {charge.evse for charge in found.charges}


def test_vehicles_wait_for_the_cheap_hour_and_charge_on_when_the_planner_is_killed(
    site: Installation, cheaper_at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with grid_meter(site.modbus, 5.0, 5.0, 5.0), running(site) as daemon:
            first, second = ChargePoint("CP-01"), ChargePoint("CP-02")
            async with first.connected(site.central), second.connected(site.central):
                await first.start("A")
                await second.start("B")
                leaves = daemon.clock.now().utc + timedelta(hours=12)
                for evse in ("CP-01/1", "CP-02/1"):
                    daemon.loop.inbox.put(NeedStated(evse, Need(5_000.0, leaves)))
                await eventually(lambda: planned(daemon) == {"CP-01/1", "CP-02/1"}, 20.0, "a plan for both")
                await eventually(lambda: first.allowed_a == second.allowed_a == 0.0, what="both wait")
                clock.go()
                await eventually(lambda: min(first.allowed_a, second.allowed_a) >= 6.0, 12.0, "both charge")
                assert daemon.clock.now().utc >= cheaper_at
                told = len(first.limits)
                pid = await eventually(lambda: daemon.planning.pid, 12.0, "a planner")
                os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(1.0)
                assert all(a >= 6.0 for a in first.limits[told:])
                assert min(first.allowed_a, second.allowed_a) >= 6.0
                assert "planner" not in alarms(daemon)

    clock = StandingClock(cheaper_at - timedelta(seconds=1.0))
    monkeypatch.setattr(assembled, "SystemClock", lambda: clock)
    asyncio.run(scenario())
    recorded = site.state / "journal"
    again = replay(recorded)
    assert (again.difference, again.missing, again.damage) == (None, 0, ()), "the plans are part of the record"
    events = [event for file in segments(recorded) for entry in read(file)[1] if isinstance(entry, Tick)
              for event in entry.events]  # fmt: skip
    assert any(isinstance(event, PlanMade) and event.plan is not None for event in events)


WORSE = """
import os, signal, sys
count = len(os.listdir(sys.argv[1]))
open(os.path.join(sys.argv[1], str(count)), "w").close()
sys.stdin.buffer.read(4)
if count == 0: os.write(1, b"plan " * 1000)
if count == 1: os.kill(os.getpid(), signal.SIGSTOP)
sys.exit("out of ideas")
"""
"""A planner that talks nonsense at first, then freezes, then dies, again and again."""


def test_a_planner_that_only_gets_worse_is_an_alarm_and_nobody_else_notices(
    site: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives = tmp_path / "lives"
    lives.mkdir()

    def planning(settings: SiteSettings, database: str | Path, _pushed: Callable[[], Pushed]) -> ChildPlanning:
        process = ChildProcess((sys.executable, "-S", "-c", WORSE, str(lives)), "the planner")
        return ChildPlanning(setup_of(settings, database), process, Patience(0.5, 0.5, start_s=0.5))

    async def scenario() -> None:
        async with grid_meter(site.modbus, 5.0, 5.0, 5.0), running(site) as daemon:
            station = ChargePoint("CP-01")
            async with station.connected(site.central):
                await station.start()
                await eventually(lambda: station.allowed_a == 32.0, what="it charges")
                ticks, began, told = daemon.live.version, daemon.clock.now().monotonic_s, len(station.limits)
                alarm = await eventually(lambda: alarms(daemon).get("planner"), 15.0, "an alarm")
                assert alarm.text == "no plan can be made: the planner ended with status 1: out of ideas"
                passed = daemon.clock.now().monotonic_s - began
                assert daemon.live.version - ticks >= passed - 2.0, "a tick each second"
                assert all(a >= 32.0 for a in station.limits[told:])
                assert len(list(lives.iterdir())) == 3

    monkeypatch.setattr(assembled, "planning_of", planning)
    monkeypatch.setattr("ems.runtime.agenda.BACK_OFF_S", (0.5, 0.5, 60.0))
    asyncio.run(scenario())
