"""Pictures of a back-test. Import this module only to draw: it loads matplotlib."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from ems.planning.arrays import Floats
from ems.sim.backtest_result import Backtest, Row
from ems.sim.core_tally import BIN_S
from ems.sim.pictures import DPI, GREEN, INCHES_WIDE, INK, OTHER, RED

HEIGHTS = (4.0, 2.4, 1.0)
KW = 1000.0


def draw_backtest(found: Backtest, folder: Path) -> tuple[Path, ...]:
    """Write a picture of every run, and one of how the gaps grew, into `folder`; their paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for row in found.rows:
        kind = "" if row.knowledge is None else f"-{row.knowledge}"
        path = folder / f"schedule-{row.strategy}{kind}.png"
        _schedule(found, row).savefig(path)
        made.append(path)
    path = folder / "gap.png"
    _gaps(found).savefig(path)
    return (*made, path)


def _schedule(found: Backtest, row: Row) -> Figure:
    """What every vehicle had, stacked under the limit; the clairvoyant schedule; the price. Where a battery is steered,
    what flowed into it and what should have.
    """
    figure, (above, middle, below) = _figure(HEIGHTS)
    times = _times(found, len(row.site_w))
    site_kw, evses_kw = np.array(row.site_w) / KW, np.array(row.evses_w) / KW
    _stacked(above, times, site_kw - evses_kw, _by_evse(row, evses_kw))
    above.step(times, site_kw, where="post", color=INK, linewidth=0.7, label="site")
    best = np.array(found.cheapest.evses_w[: len(times)]) / KW
    middle.fill_between(times[: len(best)], best, step="post", color=OTHER, linewidth=0, label=found.cheapest.strategy)
    middle.step(times, evses_kw, where="post", color=INK, linewidth=0.8, label=f"vehicles, {row.name}")
    for axes, one in ((above, row), (middle, found.cheapest)):
        if one.battery_w:
            into_kw = np.array(one.battery_w[: len(times)]) / KW
            axes.step(times[: len(into_kw)], into_kw, where="post", color=GREEN, linewidth=1.1, label="into battery")
    _limit(found, above)
    _prices(found, below, times)
    for axes, text in ((above, "kW, stacked by vehicle"), (middle, "kW of vehicles")):
        axes.set_ylabel(text)
        axes.legend(loc="upper right", frameon=False, fontsize=8, ncols=4)
    gap = found.cost_gap(row)
    told = f"{100 * row.service.share:.1f} % of what was wanted, {found.energy_gap(row):.1f} points below the possible"
    cost = "" if gap is None else f", total {gap:+.1f} % beside the least possible"
    _titled(figure, found, f"{row.name}: {told}{cost}")
    return figure


def _gaps(found: Backtest) -> Figure:
    """Energy behind the clairvoyant schedule so far, and what grid energy cost more."""
    figure, (above, below) = _figure((3.4, 3.0))
    bins = min(len(row.site_w) for row in (found.most, found.cheapest, *found.rows))
    times = _times(found, bins)
    least = paid(found, found.cheapest, bins)
    for row in found.rows:
        behind = np.cumsum(np.array(found.most.evses_w[:bins]) - np.array(row.evses_w[:bins])) * BIN_S / 3.6e6
        above.plot(times, behind, linewidth=1.1, label=row.name)
        below.plot(times, np.cumsum(paid(found, row, bins) - least), linewidth=1.1, label=row.name)
    above.set_ylabel("kWh behind the clairvoyant")
    below.set_ylabel("more paid for energy")
    above.legend(loc="upper left", frameon=False, fontsize=8, ncols=3)
    _titled(figure, found, "Gap to the clairvoyant optimum over time (below nothing: ahead of it for a while)")
    return figure


def paid(found: Backtest, row: Row, bins: int) -> Floats:
    """What energy from the grid cost in each of the first bins, less what was paid for energy into it."""
    kwh = np.array(row.site_w[:bins]) * BIN_S / 3.6e6
    import_, feed_in = _price(found, bins)
    return np.asarray(kwh * np.where(kwh > 0.0, import_, feed_in))


def _by_evse(row: Row, evses_kw: Floats) -> Floats:
    """Power by EVSE and bin: what all had, divided as the currents at the end of the bin were."""
    if row.result is None:
        return evses_kw[None, :]
    amps = np.maximum(row.result.series.evse_a.T.astype(np.float64), 0.0)
    total = amps.sum(axis=0)
    used = np.flatnonzero(amps.any(axis=1))
    return np.asarray(amps[used] / np.where(total > 0.0, total, 1.0) * evses_kw)


def _stacked(axes: Axes, times: Floats, besides: Floats, parts: Floats) -> None:
    low = besides.copy()
    if np.abs(besides).max(initial=0.0) > 0.05:
        axes.fill_between(times, besides, step="post", color=OTHER, linewidth=0, label="everything else")
    colours = colormaps["tab20"]
    for k, part in enumerate(parts):
        axes.fill_between(times, low, low + part, step="post", color=colours(k % 20), linewidth=0, alpha=0.9)
        low = low + part


def _limit(found: Backtest, axes: Axes) -> None:
    site = found.task.task.site
    root = site.circuits.root
    kw = sum(root.rating_a) * site.voltage_v / KW
    axes.axhline(kw, color=RED, linewidth=1.2, label=f"rating of {root.id}: {kw:.0f} kW")
    axes.set_ylim(top=1.12 * kw)


def _price(found: Backtest, bins: int) -> tuple[Floats, Floats]:
    """Per kWh and bin, from the grid and into it."""
    tariff, begins = found.task.beside.tariff, found.task.task.begins
    if tariff is None or not bins:
        return np.zeros(bins), np.zeros(bins)
    edges = [begins + timedelta(seconds=BIN_S * k) for k in range(bins + 1)]
    prices = tariff.prices_over(edges)
    return np.array(prices.import_per_kwh), np.array(prices.feed_in_per_kwh)


def _prices(found: Backtest, axes: Axes, times: Floats) -> None:
    prices, _ = _price(found, len(times))
    axes.step(times, prices, where="post", color=INK, linewidth=0.9)
    axes.fill_between(times, prices, step="post", color=OTHER, alpha=0.6, linewidth=0)
    axes.set_ylabel("per kWh", fontsize=8)


def _times(found: Backtest, bins: int) -> Floats:
    begins = found.task.task.begins
    moments = [begins + timedelta(seconds=BIN_S * k) for k in range(bins)]
    return np.asarray(date2num(moments), dtype=np.float64)  # type: ignore[no-untyped-call]  # matplotlib types none of its dates


def _figure(heights: tuple[float, ...]) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(INCHES_WIDE, sum(heights)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)
    return figure, [row[0] for row in grid]


def _titled(figure: Figure, found: Backtest, title: str) -> None:
    zone = found.task.task.site.zone
    figure.suptitle(f"{found.task.task.site.name}\n{title}", x=0.01, ha="left", fontsize=11)
    locator = AutoDateLocator(tz=zone, minticks=4, maxticks=14)  # type: ignore[no-untyped-call]  # as above
    for axes in figure.axes:
        axes.margins(x=0)
        axes.grid(visible=True, alpha=0.25)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]  # as above
