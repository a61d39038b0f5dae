"""A limit to five hundred stations at once: how long until the last has accepted it.

The ratio is of wall-clock time, because that is the promise: a feeder waits for the last answer, not for a processor.
The stations answer at once from another process on another core. Processor time of the servers is shown beside it: on
a busy machine it is the steadier of the two, and it would betray a server that merely waits.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.centrals import Served, both
from tests.bench.figure import Baseline, Figure, Measured, Rule

STATIONS = 500
ROUNDS = 12
TIMES = 4.0
MILLISECONDS = 1000.0
LOWEST_A, STEPS = 6.0, 20


def measure(quick: bool = False) -> Iterator[Figure]:
    """The figure."""
    evses, rounds = (50, 2) if quick else (STATIONS, ROUNDS)
    wall: tuple[list[float], list[float]] = ([], [])
    cpu: tuple[list[float], list[float]] = ([], [])
    with both(evses) as pair:
        for k in range(rounds + 1):
            for which, served in enumerate(pair):
                took = _push(served, LOWEST_A + k % STEPS, evses)
                if k:  # the first round fills caches
                    wall[which].append(took[0])
                    cpu[which].append(took[1])
    ours, stock = (Measured.of(samples, MILLISECONDS) for samples in wall)
    ours_cpu, stock_cpu = (Measured.of(samples, MILLISECONDS) for samples in cpu)
    yield Figure(
        f"SetChargingProfile to {evses} stations, until the last Accepted",
        "ms",
        ours,
        Rule.TIMES_LESS,
        TIMES,
        Baseline("package ocpp, gather of call()", stock),
        (
            f"wall clock; processor time of the server {ours_cpu.median:.0f} ms, of the stock one"
            f" {stock_cpu.median:.0f} ms ({stock_cpu.median / ours_cpu.median:.1f} x); every station was asked"
            " afterwards and holds the limit",
        ),
    )


def _push(served: Served, amps: float, evses: int) -> tuple[float, float]:
    """One round: wall and processor seconds. Raises AssertionError when a station does not hold the limit."""
    done = served.central.ask("push", amps=amps)
    assert done["accepted"] == evses, f"{done['accepted']} of {evses} stations accepted"
    held = served.farm.ask("limits")["limits"].values()
    assert all(limit == amps for limit in held), "a station holds another limit"
    return float(done["wall_s"]), float(done["cpu_s"])
