"""From a table row to a verdict: one play on one site, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ems.settings.build import SiteSettings
from ems.sim.faults import Fault, FaultKind
from tests.system.clocks import in_virtual_time
from tests.system.stage import Play, Stage, on_stage

Act = Callable[[Stage], Awaitable[None]]

FAULT_AT_S = 115.0
"""By then everybody has arrived and shares what there is."""


def perform(settings: SiteSettings, play: Play, folder: Path, act: Act) -> Stage:
    """Run a play to the end of `act`; nobody who watches may complain."""

    async def whole() -> Stage:
        async with on_stage(settings, play, folder) as stage:
            await act(stage)
            return stage

    stage = in_virtual_time(whole)
    nothing(stage.faults())
    return stage


async def recovered(stage: Stage, within_s: float) -> float:
    """Wait until everything is as it should be again; seconds. Fails with what is not."""
    begin = stage.t
    while stage.t < begin + within_s:
        if not stage.unrecovered():
            return stage.t - begin
        await stage.until(stage.t + 1.0)
    nothing(stage.unrecovered())
    return within_s


def nothing(complaints: list[str]) -> None:
    """Fails with every complaint on a line of its own."""
    if complaints:
        pytest.fail("\n".join(complaints[:30]), pytrace=False)


def at(seconds: float, kind: FaultKind, target: str = "", lasts_s: float = 60.0, value: float = 0.0) -> Fault:
    """A fault so long after everybody has arrived."""
    return Fault(FAULT_AT_S + seconds, kind, target, lasts_s, value)
