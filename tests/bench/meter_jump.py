"""From a jump of other load to the last answer of the stations that have to make room for it.

Everything is real: the daemon as a process, a meter that it reads over Modbus TCP every second, a hundred stations on
sockets. Meter and stations live in one process, so both ends are on one clock: from the moment at which the registers
show the jump, to the moment at which the last station answers of those whose cuts make the site fit under its rating
again. The daemon reads once a second at a phase that nobody here knows; the jumps are spread over it, and the worst is
shown. A jump comes to a site at rest: vehicles have followed their last raise, and the daemon has seen it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.centrals import layout
from tests.bench.child import Child
from tests.bench.daemon import HOST, running
from tests.bench.figure import Baseline, Figure, Measured, Rule
from tests.bench.site_folder import GRID_A

STATIONS = 100
JUMPS = 6
REST_S, WATCH_S = 4.0, 5.0
LIMIT_S = 1.5
MILLISECONDS = 1000.0
OTHER_A, JUMP_A = 0.5, 1.2
"""Per station: what else flows, and by how much it rises at a jump, on every phase."""

SAMPLE_S = 2.0
FULL, PATIENCE_S = 0.94, 90.0
"""A jump comes when the grid connection carries so much of its rating."""

POLICY = "{raise_every_s: 1, raise_hold_s: 1, min_off_s: 1, steady_s: 2}"
"""Raises are quicker than by default, so that the site is soon full again. That makes a jump harder, not easier: while
raises are under way, it is less certain what of a meter's reading is the vehicles'."""


def measure(quick: bool = False) -> Iterator[Figure]:
    """The figure."""
    evses, jumps = (20, 2) if quick else (STATIONS, JUMPS)
    read: list[float] = []
    last: list[float] = []
    cuts: list[int] = []
    later = 0
    with Child("station_farm") as farm:
        port = farm.ask("meter", other_a=OTHER_A * evses)["port"]
        with running(evses, port, POLICY) as daemon:
            farm.ask("connect", host=HOST, port=daemon.ocpp_port, stations=layout(evses))
            farm.ask("report", every_s=SAMPLE_S)
            for k in range(jumps):
                fill(farm, evses)
                time.sleep(REST_S + k / jumps)
                seen = farm.ask("jump", amps=JUMP_A * evses, rating_a=GRID_A * evses, watch_s=WATCH_S)
                read.append(seen["read_s"])
                last.append(seen["answered_s"])
                cuts.append(seen["cut"])
                later += seen["later"]
    share = Measured.of((after - before for after, before in zip(last, read, strict=True)), MILLISECONDS)
    yield Figure(
        f"meter jump to last answer, {evses} stations",
        "s",
        Measured.of(last),
        Rule.AT_MOST,
        LIMIT_S,
        Baseline("of it until the meter was read", Measured.of(read)),
        (
            f"{jumps} jumps of {JUMP_A * evses:.0f} A per phase on a full site, {min(cuts)} to {max(cuts)} stations"
            f" cut by each ({later} cuts more within {WATCH_S:g} s); from reading to last answer"
            f" {share.median:.0f} ms [{share.least:.0f} .. {share.most:.0f}]",
        ),
    )


def fill(farm: Child, evses: int) -> None:
    """Wait until the grid connection is full of charging vehicles. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        time.sleep(0.5)
        amps = farm.ask("flow")["amps"]
        if amps >= FULL * GRID_A * evses:
            return
    raise TimeoutError(f"only {amps:.0f} A flow through {GRID_A * evses:.0f} A after {PATIENCE_S:g} s")
