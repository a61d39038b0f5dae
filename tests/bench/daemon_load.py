"""What the whole daemon costs with five hundred charging stations that report every ten seconds.

Read from /proc over windows after the start-up: processor time of all its threads as a share of one core, and the
resident memory at the end of each window. Beside it, in the same windows and with the same stations, a central system
of the package `ocpp` that does nothing but keep the values: it reads no meter, decides nothing and stores nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.centrals import layout
from tests.bench.child import Child
from tests.bench.daemon import HOST, running
from tests.bench.figure import Baseline, Figure, Measured, Rule
from tests.bench.process_usage import cpu_s, rss_mb

STATIONS = 500
SAMPLE_S = 10.0
WINDOWS, WINDOW_S = 3, 10.0
CPU_PERCENT, RSS_MB = 15.0, 200.0
OTHER_A = 1.0
PATIENCE_S, QUIET_S = 150.0, 5.0


def measure(quick: bool = False) -> Iterator[Figure]:
    """Two figures: processor and memory."""
    evses, windows, window_s = (20, 2, 2.0) if quick else (STATIONS, WINDOWS, WINDOW_S)
    with (
        Child("station_farm") as farm,
        Child("stock_central") as stock,
        Child("station_farm") as stock_farm,
        running(evses, farm.ask("meter", other_a=OTHER_A * evses)["port"]) as daemon,
    ):
        for f, port in ((farm, daemon.ocpp_port), (stock_farm, stock.ask("where")["port"])):
            f.ask("connect", host=HOST, port=port, stations=layout(evses))
            f.ask("report", every_s=SAMPLE_S)
        settle(farm, evses)
        ours, theirs = _Watch(daemon.pid), _Watch(stock.pid)
        for _ in range(windows):
            time.sleep(window_s)
            ours.look()
            theirs.look()
        traffic = farm.ask("traffic")
    assert traffic["connected"] == evses, f"{evses - traffic['connected']} stations lost their link"
    seconds = windows * window_s
    orders = traffic["heard"].get("SetChargingProfile", 0) / seconds
    yield Figure(
        f"daemon with {evses} stations at {SAMPLE_S:g} s: processor",
        "%",
        Measured.of(ours.percent),
        Rule.AT_MOST,
        CPU_PERCENT,
        Baseline("package ocpp, only keeping the values", Measured.of(theirs.percent)),
        (
            f"{seconds:g} s after start-up, of one core: {traffic['reports'] / seconds:.0f} MeterValues/s,"
            f" {orders:.1f} SetChargingProfile/s, a meter and a tick every second, everything stored",
        ),
    )
    yield Figure(
        f"daemon with {evses} stations at {SAMPLE_S:g} s: resident memory",
        "MiB",
        Measured.of(ours.rss_mb),
        Rule.AT_MOST,
        RSS_MB,
        Baseline("package ocpp, only keeping the values", Measured.of(theirs.rss_mb)),
    )


def settle(farm: Child, evses: int) -> None:
    """Wait until the start-up is over: every station may charge, and none is asked for its composite schedule any more.
    Raises TimeoutError.
    """
    deadline = time.monotonic() + PATIENCE_S
    quiet_since = time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(1.0)
        traffic, now = farm.ask("traffic"), time.monotonic()
        if traffic["charging"] < evses or set(traffic["heard"]) - {"SetChargingProfile"}:
            quiet_since = now
        elif now - quiet_since >= QUIET_S:
            return
    raise TimeoutError(f"{traffic['charging']} of {evses} stations charge after {PATIENCE_S:g} s")


class _Watch:
    """What a process used from one look to the next."""

    def __init__(self, pid: int) -> None:
        self.percent: list[float] = []
        self.rss_mb: list[float] = []
        self._pid = pid
        self._before = (time.monotonic(), cpu_s(pid))

    def look(self) -> None:
        """Take one window."""
        (began, used), now = self._before, (time.monotonic(), cpu_s(self._pid))
        self.percent.append(100.0 * (now[1] - used) / (now[0] - began))
        self.rss_mb.append(rss_mb(self._pid))
        self._before = now
