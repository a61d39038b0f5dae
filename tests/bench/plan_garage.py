"""The published comparison: eight days in the garage of Caltech behind a smaller transformer, March 2019.

Exact phasors on both sides of the transformer, departures and needs known on arrival, nothing known of arrivals,
vehicles that take any current up to 32 A: as in the published runs, so that only the planning is compared.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from ems.domain.phases import Phase
from ems.domain.strategy import Ladder
from ems.planning.arrays import Floats
from ems.planning.conductors import KINDS, Kind, kind_of, on_line, on_primary, volts
from ems.planning.horizon import Horizon
from ems.planning.optimiser import optimise
from ems.planning.problem import ChargingProblem, Economy, Line, Node, Request
from ems.settings.load import load
from ems.sim.session_record import SessionRecord
from ems.sim.sessions import read_sessions
from tests.bench.child import CHECKOUT

RECORDED = "sessions/caltech_2019-03_acnsim_events.json.gz"
BEGINS = datetime(2019, 3, 1, 8, tzinfo=UTC)
DAYS = 8
STEP_S = 300.0

VOLTAGE_V, LEG_V = 120.0, 208.0
PRIMARY_V, TURNS = 277.0, 4.0
POD_A, MOST_A = 80.0, 32.0

CLAIRVOYANT = Ladder(early=0.0)
CLAIRVOYANT_FACET_DEG = 4.0
QUICK_CHARGE = Ladder(early=1.0)


@dataclass(frozen=True, slots=True)
class Served:
    """What of all energy was delivered, %, and processor seconds of every plan."""

    percent: float
    seconds: tuple[float, ...]


def recorded() -> Path:
    """Where the sessions would be."""
    return Path(os.environ.get("EMS_DATA_DIR") or CHECKOUT.parent / "shared" / "data") / RECORDED


class Garage:
    """The recorded sessions that end within the days looked at, and where each of them is plugged in."""

    def __init__(self, days: int = DAYS) -> None:
        site = load("caltech").settings
        assert site is not None
        stations = {station.id: station.evses[0] for station in site.site.stations}
        self.ends = BEGINS + timedelta(days=days)
        inside = (r for r in read_sessions(recorded()).records if r.arrival >= BEGINS and r.departure <= self.ends)
        self.sessions = tuple(inside)
        self._outlet = {r.id: stations[r.station] for r in self.sessions}
        self.total_wh = sum(r.delivered_wh for r in self.sessions)

    def clairvoyant(self, cap_kw: float) -> Served:
        """One program over all days, with a step from each arrival or departure to the next."""
        moments = [moment for r in self.sessions for moment in (r.arrival, r.departure)]
        horizon = Horizon.at_changes(BEGINS, self.ends, moments)
        needs = [(r, r.delivered_wh) for r in self.sessions]
        began = time.process_time()
        schedule = optimise(self._problem(horizon, cap_kw, needs), CLAIRVOYANT, facet_deg=CLAIRVOYANT_FACET_DEG)
        took = time.process_time() - began
        return Served(100.0 * float(schedule.delivered_wh.sum()) / self.total_wh, (took,))

    def receding(self, cap_kw: float) -> Served:
        """A plan every five minutes, of which the first step is done."""
        got = dict.fromkeys((r.id for r in self.sessions), 0.0)
        seconds = []
        for k in range(int((self.ends - BEGINS).total_seconds() / STEP_S)):
            now = BEGINS + timedelta(seconds=STEP_S * k)
            present = [r for r in self.sessions if r.arrival <= now < r.departure and got[r.id] < r.delivered_wh - 1.0]
            if not present:
                continue
            needs = [(r, r.delivered_wh - got[r.id]) for r in present]
            began = time.process_time()
            schedule = optimise(self._problem(Horizon.standard(now), cap_kw, needs), QUICK_CHARGE)
            seconds.append(time.process_time() - began)
            for (r, need_wh), amps in zip(needs, schedule.amps[:, 0].tolist(), strict=True):
                got[r.id] += min(amps * LEG_V * STEP_S / 3600.0, need_wh)
        return Served(100.0 * sum(got.values()) / self.total_wh, tuple(seconds))

    def _problem(self, horizon: Horizon, cap_kw: float, needs: list[tuple[SessionRecord, float]]) -> ChargingProblem:
        requests = tuple(self._request(horizon, record, need_wh) for record, need_wh in needs)
        return ChargingProblem(
            horizon, _nodes(cap_kw, horizon.steps), requests, Economy.indifferent(horizon), volts(VOLTAGE_V)
        )

    def _request(self, horizon: Horizon, record: SessionRecord, need_wh: float) -> Request:
        outlet = self._outlet[record.id]
        return Request(
            session=record.id,
            evse=outlet.id,
            circuit=_POSITIONS[outlet.circuit],
            kinds=(kind_of(outlet.wiring.legs[0]),),
            available=horizon.share(record.arrival, record.departure),
            need_wh=need_wh,
            max_a=min(MOST_A, record.max_a or math.inf),
            min_a=0.0,
            watts_per_a=LEG_V,
        )


_POSITIONS = {"transformer": 0, "av-pod": 1, "cc-pod": 2}


def _nodes(cap_kw: float, steps: int) -> tuple[Node, ...]:
    """Both sides of the transformer at so many kW, and the two pods between A and B."""

    def capacity(amps: float) -> Floats:
        return np.full(steps, amps)

    secondary = capacity(1000.0 * cap_kw / (3.0 * VOLTAGE_V))
    primary = capacity(1000.0 * cap_kw / (3.0 * PRIMARY_V))
    lines = [Line(phase.name, on_line(phase), secondary) for phase in Phase]
    lines += [Line(f"primary {phase.name}", on_primary(phase, TURNS), primary) for phase in Phase]
    leg = np.zeros(KINDS, dtype=np.complex128)
    leg[Kind.L1_L2] = 1.0
    pods = (Node(name, 0, (Line("L1-L2", leg, capacity(POD_A)),)) for name in ("av-pod", "cc-pod"))
    return (Node("transformer", -1, tuple(lines)), *pods)
