"""Faults in a run without event loop: what each kind does to the plant and to what the controller hears of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ems.sim.core_daemon import CoreDaemon
from ems.sim.core_plant import CorePlant
from ems.sim.faults import NOTHING_READ, Fault, FaultKind


class Struck(Protocol):
    """What of a run faults can strike."""

    plant: CorePlant
    daemon: CoreDaemon

    def restart(self) -> None:
        """The controller is back, without its memory."""
        ...

    def reboot(self, station: str) -> None:
        """A station begins anew: its transactions have ended, and its drivers start again."""
        ...


Change = Callable[[Fault], None]


class CoreFaults:
    """Strikes and heals. Of several faults that do the same to the same thing the last one heals it."""

    def __init__(self, run: Struck) -> None:
        self._run = run
        self._depth: dict[tuple[str, str], int] = {}
        daemon, plant = run.daemon, run.plant
        reports = daemon.reports
        self._effects: dict[str, tuple[Change, Change]] = {
            "unread": (lambda f: reports.silent.add(f.target), lambda f: reports.silent.discard(f.target)),
            "frozen": (lambda f: reports.freeze(f.target, daemon.now()), lambda f: reports.thaw(f.target)),
            "offline": (
                lambda f: reports.lose(f.target, daemon.now(), daemon.generation(f.target)),
                lambda f: reports.connect(f.target, daemon.now()),
            ),
            "power": (lambda f: plant.power(f.target, on=False), self._powered),
            "mute": (lambda f: daemon.mute(f.target), lambda f: daemon.unmute(f.target)),
            "refuses": (lambda f: daemon.refusing.add(f.target), lambda f: daemon.refusing.discard(f.target)),
            "disobeys": (
                lambda f: plant.disobey(f.target, f.value or None),
                lambda f: plant.obey(f.target),
            ),
            "trips": (
                lambda f: plant.fails(f.target, trips=True),
                lambda f: plant.fails(f.target, trips=False),
            ),
            "unwritten": (
                lambda f: plant.fails(f.target, refuses=True),
                lambda f: plant.fails(f.target, refuses=False),
            ),
            "lying": (lambda f: reports.lying.add(f.target), lambda f: reports.lying.discard(f.target)),
            "dead": (lambda _: daemon.die(), lambda _: run.restart()),
        }

    def strike(self, fault: Fault) -> bool:
        """A fault begins; true, since the controller should look."""
        self._run.daemon.looks_closely()
        for part in _parts(fault.kind):
            key = (part, fault.target)
            self._depth[key] = self._depth.get(key, 0) + 1
            if self._depth[key] == 1:
                self._effects[part][0](fault)
        self._shift(fault, fault.value)
        return True

    def heal(self, fault: Fault) -> bool:
        """A fault ends; true, since the controller should look."""
        self._run.daemon.looks_closely()
        for part in reversed(_parts(fault.kind)):
            key = (part, fault.target)
            self._depth[key] -= 1
            if not self._depth[key]:
                self._effects[part][1](fault)
        self._shift(fault, -fault.value)
        return True

    def _powered(self, fault: Fault) -> None:
        self._run.plant.power(fault.target, on=True)
        self._run.reboot(fault.target)

    def _shift(self, fault: Fault, value: float) -> None:
        """Effects that add up."""
        run = self._run
        if fault.kind is FaultKind.BUILDING_STEP:
            run.plant.besides(fault.target, value)
        elif fault.kind is FaultKind.PV_CLOUD:
            run.plant.shade(fault.target, value)
        elif fault.kind is FaultKind.STATION_CLOCK:
            run.plant.skew(fault.target, value)
            run.daemon.reports.clock(fault.target, run.plant.skew_s(fault.target))
        elif fault.kind is FaultKind.CLOCK_STEP:
            run.daemon.step_clock(value)


def _parts(kind: FaultKind) -> tuple[str, ...]:
    """What a kind does, in the order in which it begins; the end is in reverse."""
    if kind in NOTHING_READ:
        return ("unread",)
    return {
        FaultKind.METER_FROZEN: ("frozen",),
        FaultKind.STATION_LOST: ("offline",),
        FaultKind.STATION_REBOOT: ("power", "offline"),
        FaultKind.STATION_MUTE: ("mute",),
        FaultKind.STATION_REFUSES: ("refuses",),
        FaultKind.STATION_DISOBEYS: ("disobeys",),
        FaultKind.BATTERY_STOPS: ("trips",),
        FaultKind.BATTERY_REFUSES: ("unwritten",),
        FaultKind.BATTERY_HOLDS_LESS: ("unwritten",),
        FaultKind.BATTERY_WRONG_SOC: ("lying",),
        FaultKind.CONTROLLER_DEAD: ("dead",),
    }.get(kind, ())
