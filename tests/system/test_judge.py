"""Who watches must be able to complain: each broken controller is found out, and by the right one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from ems.control.memory import Memory
from ems.control.tick import Controller
from ems.domain.circuit import CircuitTree
from ems.domain.decision import Decision, Setpoint
from ems.domain.instant import Instant
from ems.domain.state import SiteState
from ems.sim.faults import FaultKind, FaultPlan
from tests.system.clocks import in_virtual_time
from tests.system.controller import Decides
from tests.system.play import FAULT_AT_S, at
from tests.system.sites import busy, settings_of
from tests.system.stage import Play, Stage, on_stage

STEP = FaultPlan((at(0, FaultKind.BUILDING_STEP, "grid", 60, 20),))
SILENT = FaultPlan((at(0, FaultKind.METER_SILENT, "main", 120), at(2, FaultKind.BUILDING_STEP, "grid", 110, 20)))
QUIET = FaultPlan()


@dataclass
class Spoilt:
    """A controller whose state or decision somebody has tampered with."""

    right: Decides
    last: Decision | None = None

    def decide(self, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
        decision, memory = self.right.decide(self.sees(state, now), memory, now)
        decision = replace(decision, setpoints=tuple(self.says(k, s) for k, s in enumerate(decision.setpoints)))
        self.last = decision
        return decision, memory

    def sees(self, state: SiteState, _now: Instant) -> SiteState:
        return state

    def says(self, _index: int, setpoint: Setpoint) -> Setpoint:
        return setpoint


class IgnoresBaseLoad(Spoilt):
    """Believes that nothing but vehicles draws: the meter always shows 0."""

    def sees(self, state: SiteState, _now: Instant) -> SiteState:
        meters = tuple(
            known if known.reading is None else replace(known, reading=replace(known.reading, amps=(0.0, 0.0, 0.0)))
            for known in state.meters
        )
        return replace(state, meters=meters)


class NeverCuts(Spoilt):
    """Only ever gives more."""

    def says(self, index: int, setpoint: Setpoint) -> Setpoint:
        before = 0.0 if self.last is None else self.last.setpoints[index].amps
        return setpoint._replace(amps=max(before, setpoint.amps))


class TrustsAnOldReading(Spoilt):
    """Takes what a meter said last for what it says now."""

    def sees(self, state: SiteState, now: Instant) -> SiteState:
        meters = tuple(
            known
            if known.reading is None
            else replace(known, reading=replace(known.reading, at=now.monotonic_s), unchanged_since=now.monotonic_s)
            for known in state.meters
        )
        return replace(state, meters=meters)


class GivesTooMuch(Spoilt):
    """Five ampere more for everybody."""

    def says(self, _index: int, setpoint: Setpoint) -> Setpoint:
        return setpoint._replace(amps=setpoint.amps + 5 if setpoint.amps else 0.0)


class ForgetsPower(Spoilt):
    """Knows of no limit."""

    def sees(self, state: SiteState, _now: Instant) -> SiteState:
        return replace(state, site=replace(state.site, limits=()))


class LearnsLate(ForgetsPower):
    """Learns of limits when they have held for half a minute."""

    def sees(self, state: SiteState, now: Instant) -> SiteState:
        then = [window.limit_at(now.utc - timedelta(seconds=30), state.site.zone) for window in state.site.limits]
        known = super().sees(state, now)
        return replace(known, limits=tuple(limit for limit in then if limit is not None))


class ForgetsBalance(Spoilt):
    """Looks at fuses alone."""

    def decide(self, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
        circuits = CircuitTree(tuple(replace(circuit, unbalance_max_a=None) for circuit in state.site.circuits))
        free = replace(state.site, circuits=circuits)
        return Controller.of(free).decide(replace(state, site=free), memory, now)


class GivesTooLittle(Spoilt):
    """Less than any vehicle takes."""

    def says(self, _index: int, setpoint: Setpoint) -> Setpoint:
        return setpoint._replace(amps=min(setpoint.amps, 4.0))


class ForgetsOne(Spoilt):
    """Nobody at the first outlet gets anything, ever."""

    def says(self, index: int, setpoint: Setpoint) -> Setpoint:
        return setpoint._replace(amps=0.0) if index == 0 else setpoint


class Raises(Spoilt):
    """Fails at every tick."""

    def decide(self, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
        raise ArithmeticError(f"at {now.monotonic_s}")


def found_out(site: str, spoilt: type[Spoilt], plan: FaultPlan, folder: Path) -> set[str]:
    """The rules of which somebody complains within the first three minutes."""
    settings = settings_of(site, folder)

    async def whole() -> Stage:
        async with on_stage(settings, Play(busy(settings.site), plan, spoilt=spoilt, hungry_s=60), folder) as stage:
            await stage.until(FAULT_AT_S + 100)
            return stage

    return {line.split()[2].rstrip(":") for line in in_virtual_time(whole).faults()}


@pytest.mark.parametrize(
    ("spoilt", "plan", "rules"),
    [
        (Spoilt, STEP, set()),
        (IgnoresBaseLoad, STEP, {"own"}),
        (NeverCuts, STEP, {"fuse", "own"}),
        (TrustsAnOldReading, SILENT, {"fuse", "own"}),
        (GivesTooMuch, QUIET, {"own"}),
        (GivesTooLittle, QUIET, {"wire"}),
        (ForgetsOne, QUIET, {"hunger"}),
        (Raises, QUIET, {"log"}),
    ],
)
def test_a_broken_controller_is_found_out(
    spoilt: type[Spoilt], plan: FaultPlan, rules: set[str], tmp_path: Path
) -> None:
    """At least one of these rules is broken; a sound one breaks none at all."""
    found = found_out("garage", spoilt, plan, tmp_path)
    assert found & rules if rules else not found


@pytest.mark.parametrize("spoilt", [Spoilt, ForgetsPower, LearnsLate])
def test_too_much_power_is_found_out_where_every_fuse_is_fine(spoilt: type[Spoilt], tmp_path: Path) -> None:
    """One limit holds always, and one from the third minute on; nobody else has anything to complain of."""
    assert found_out("contract", spoilt, QUIET, tmp_path) == (set() if spoilt is Spoilt else {"own"})


@pytest.mark.parametrize("spoilt", [Spoilt, ForgetsBalance])
def test_phases_that_differ_too_much_are_found_out_where_every_fuse_is_fine(
    spoilt: type[Spoilt], tmp_path: Path
) -> None:
    """By the judge, and by the law that forbids the raise."""
    assert found_out("balanced", spoilt, STEP, tmp_path) == (set() if spoilt is Spoilt else {"balance", "I17"})
