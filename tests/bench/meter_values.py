"""How many MeterValues one core can take: a hundred stations that report nine samples as fast as they are answered.

The rate is messages per second of processor time of the server's process, which is what one core can do: it does not
depend on how fast the stations are, nor on who else uses the machine. The rate by the clock, which the stations'
process limits too, is shown beside it. A message counts when its values are where they are used: here in the
`SiteState`, there as floats kept per station; both are asked afterwards for the last register of each station.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.bench.centrals import Served, both
from tests.bench.figure import Baseline, Figure, Measured, Rule

STATIONS = 100
ROUNDS, SECONDS = 6, 1.5
TIMES = 10.0
NEAR_WH = 0.002


def measure(quick: bool = False) -> Iterator[Figure]:
    """The figure."""
    evses, rounds, seconds = (20, 2, 0.3) if quick else (STATIONS, ROUNDS, SECONDS)
    per_core: tuple[list[float], list[float]] = ([], [])
    by_clock: tuple[list[float], list[float]] = ([], [])
    with both(evses) as pair:
        for _ in range(rounds):
            for which, served in enumerate(pair):
                core, clock = _pump(served, seconds)
                per_core[which].append(core)
                by_clock[which].append(clock)
    ours, stock = (Measured.of(samples) for samples in per_core)
    ours_clock, stock_clock = (Measured.of(samples).median for samples in by_clock)
    yield Figure(
        f"MeterValues handled on one core, {evses} stations, 9 samples each",
        "/s",
        ours,
        Rule.TIMES_MORE,
        TIMES,
        Baseline("package ocpp, values kept as floats", stock),
        (
            f"per second of processor time: {1e6 / ours.median:.0f} us a message against {1e6 / stock.median:.0f} us;"
            f" by the clock {ours_clock:.0f} /s against {stock_clock:.0f} /s",
            "every message was applied to SiteState, and the last register of each station is the one it sent",
        ),
    )


def _pump(served: Served, seconds: float) -> tuple[float, float]:
    """One round: messages per processor second and per second. Raises AssertionError when a value was not used."""
    before = served.central.ask("usage")
    pumped = served.farm.ask("pump", seconds=seconds)
    after = served.central.ask("usage")
    messages = after["messages"] - before["messages"]
    assert messages == pumped["reports"], f"{pumped['reports']} messages were sent, {messages} were used"
    _same(served.farm.ask("registers")["registers"], served.central.ask("registers")["registers"])
    return messages / (after["cpu_s"] - before["cpu_s"]), messages / float(pumped["seconds"])


def _same(sent: Mapping[str, float], known: Mapping[str, float]) -> None:
    wrong = [name for name, value in sent.items() if known.get(name) is None or abs(known[name] - value) > NEAR_WH]
    assert not wrong, f"the value of {wrong[0]} is {known.get(wrong[0])}, it sent {sent[wrong[0]]}"
