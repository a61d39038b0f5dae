"""Pictures of a simulation. Import this module only to draw: it loads matplotlib."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ems.domain.limit import LimitWindow
from ems.domain.site import Site
from ems.domain.units import PILOT_MIN_A
from ems.sim.core_tally import NO_VEHICLE
from ems.sim.simulation_result import SimulationResult

INCHES_WIDE, INCHES_HIGH, DPI = 13.0, 4.6, 110
INCHES_A_PANEL, INCHES_AN_EVSE, INCHES_LEAST = 2.4, 0.16, 3.0
PHASES = ("L1", "L2", "L3")
PHASE_LINES = (("#b5651d", 2.2), ("#1f2933", 1.3), ("#8aa0bd", 0.6))
"""Near the phase colours of IEC 60446, brown, black, grey; each thinner than the one below it, so that none hides."""

RED, INK, OTHER, VEHICLES, GREEN = "#c0392b", "#1f2933", "#c9ced6", "#4c9bd6", "#2e8b57"
CURRENTS = ("#c3dff2", "#8fc1e5", "#559fd3", "#2a77b8", "#0d4a86")


def draw(site: Site, result: SimulationResult, folder: Path) -> tuple[Path, ...]:
    """Write three pictures of a run into `folder`, made if it is not there, and return their paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, paint in (("power", _power), ("phases", _phases), ("occupancy", _occupancy)):
        path = folder / f"{name}-{result.strategy}.png"
        paint(site, result).savefig(path)
        made.append(path)
    return tuple(made)


def _power(site: Site, result: SimulationResult) -> Figure:
    figure, (axes,) = _figure(1, INCHES_HIGH)
    times, series = _times(result), result.series
    site_kw, evses_kw = np.array(series.site_kw), np.array(series.evses_kw)
    besides_kw = site_kw - evses_kw
    if np.abs(besides_kw).max(initial=0.0) > 0.05:
        axes.fill_between(times, besides_kw, step="post", color=OTHER, linewidth=0, label="everything else")
        axes.fill_between(
            times, besides_kw, site_kw, step="post", color=VEHICLES, alpha=0.6, linewidth=0, label="vehicles"
        )
        axes.step(times, site_kw, where="post", linewidth=0.8, color=INK, label="site")
    else:
        axes.fill_between(
            times, site_kw, step="post", color=VEHICLES, alpha=0.6, linewidth=0, label="site: vehicles alone"
        )
        axes.step(times, site_kw, where="post", linewidth=0.6, color=INK)
    root = site.circuits.root
    rating_kw = sum(root.rating_a) * site.voltage_v / 1000.0
    axes.axhline(rating_kw, color=RED, linewidth=1.2, label=f"rating of {root.id}: {rating_kw:.0f} kW")
    for window in site.limits:
        if window.scope == root.id and window.max_w is not None:
            _limit(axes, site, result, window, window.max_w / 1000.0)
    axes.set_ylabel("power, kW (mean of 5 min)")
    axes.set_ylim(
        bottom=min(0.0, 1.05 * float(site_kw.min(initial=0.0))),
        top=1.08 * max(rating_kw, float(site_kw.max(initial=0.0))),
    )
    _finish(figure, [axes], site, result, f"Power of the site under its limit (highest {result.peak_kw:.1f} kW)")
    return figure


def _limit(axes: Axes, site: Site, result: SimulationResult, window: LimitWindow, kw: float) -> None:
    """A limit where it holds, and nothing elsewhere."""
    holds = [window.limit_at(moment, site.zone) is not None for moment in result.times()]
    level = np.where(holds, kw, np.nan)
    axes.step(_times(result), level, where="post", color=RED, linewidth=1.6, linestyle=(0, (2, 1)),
              label=f"{window.source}: {kw:.0f} kW")  # fmt: skip


def _phases(site: Site, result: SimulationResult) -> Figure:
    """A panel per circuit: the grid connection, and those that came closest to their rating."""
    courses = result.series.circuit_a
    figure, panels = _figure(len(courses), INCHES_HIGH + INCHES_A_PANEL * (len(courses) - 1))
    times = _times(result)
    for axes, (name, amps) in zip(panels, courses.items(), strict=True):
        circuit, highest = site.circuits[name], 0.0
        for p, phase in enumerate(PHASES):
            if circuit.rating_a[p]:
                course = np.array([row[p] for row in amps])
                highest = max(highest, float(course.max(initial=0.0)))
                axes.step(
                    times, course, where="post", color=PHASE_LINES[p][0], linewidth=PHASE_LINES[p][1], label=phase
                )
        for rating in sorted({rating for rating in circuit.rating_a if rating}):
            axes.axhline(rating, color=RED, linewidth=1.2, label=f"rating {rating:g} A")
        axes.set_title(f"{name}, highest {highest:.1f} A", loc="left", fontsize=10)
        axes.set_ylabel("A per phase (highest in 5 min)", fontsize=8)
        axes.set_ylim(bottom=0.0, top=1.12 * max(highest, *circuit.rating_a))
    _finish(figure, panels, site, result, "Current of the grid connection and of the fullest circuits")
    return figure


def _occupancy(site: Site, result: SimulationResult) -> Figure:
    """A row per EVSE, sorted by circuit; above it how many are in use."""
    paths = site.circuits.path
    order = sorted(range(len(site.evses)), key=lambda j: (paths(site.evses[j].circuit)[::-1], site.evses[j].id))
    high = max(INCHES_LEAST, INCHES_AN_EVSE * len(order))
    figure, (above, axes) = _figure(2, high + 3.0, (1.6, high))
    times, series = _times(result), result.series
    for values, colour, name in (
        (series.occupied, OTHER, "with a vehicle"),
        (series.charging, VEHICLES, "with a current"),
    ):
        above.fill_between(times, values, step="post", color=colour, linewidth=0, label=name)
    above.set_ylabel("EVSEs")
    above.set_ylim(0, max(1, *series.occupied) * 1.1)
    above.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    _rows(axes, site, result, order)
    axes.set_yticks(np.arange(len(order)) + 0.5, [site.evses[j].id for j in order], fontsize=7)
    _circuit_lines(axes, site, order)
    title = f"Who stood where: {result.sessions} vehicles at {result.evses} EVSEs"
    _finish(figure, [above], site, result, title, below=axes)
    return figure


def _rows(axes: Axes, site: Site, result: SimulationResult, order: list[int]) -> None:
    """White: nobody there; else grey, red, or blue by current."""
    bands, series = len(CURRENTS), result.series
    edges_a = np.linspace(PILOT_MIN_A, max((evse.max_a for evse in site.evses), default=PILOT_MIN_A) + 1, bands + 1)
    shown = series.evse_a[:, order].T.astype(np.float64)
    band = np.clip(np.digitize(shown, edges_a), 1, bands) + 2
    colour = np.where(shown > 0, band, shown - NO_VEHICLE)
    colours = ListedColormap(["#ffffff", RED, OTHER, *CURRENTS])
    times = _times(result)
    edges = np.append(times, times[-1:] + series.step_s / 86_400.0)
    axes.pcolormesh(
        edges, np.arange(len(order) + 1), colour, cmap=colours, vmin=-0.5, vmax=bands + 2.5, rasterized=True
    )
    axes.invert_yaxis()
    patches = [Patch(color=OTHER, label="vehicle, no current"), Patch(color=RED, label="waits for a current")]
    for k, shade in enumerate(CURRENTS):
        patches.append(Patch(color=shade, label=f"{np.ceil(edges_a[k]):.0f} to {np.ceil(edges_a[k + 1]) - 1:.0f} A"))
    axes.figure.legend(handles=patches, loc="outside lower left", frameon=False, ncols=len(patches), fontsize=8)


def _circuit_lines(axes: Axes, site: Site, order: list[int]) -> None:
    for row in range(1, len(order)):
        if site.evses[order[row]].circuit != site.evses[order[row - 1]].circuit:
            axes.axhline(row, color=INK, linewidth=0.8)
    for name in dict.fromkeys(site.evses[j].circuit for j in order):
        rows = [row for row, j in enumerate(order) if site.evses[j].circuit == name]
        axes.text(1.005, (rows[0] + rows[-1] + 1) / 2, name, transform=axes.get_yaxis_transform(), rotation=90,
                  va="center", fontsize=8)  # fmt: skip


def _figure(panels: int, inches_high: float, heights: tuple[float, ...] | None = None) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(INCHES_WIDE, inches_high), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(panels, sharex=True, squeeze=False, height_ratios=heights)
    return figure, [row[0] for row in grid]


def _finish(
    figure: Figure, axes: list[Axes], site: Site, result: SimulationResult, title: str, below: Axes | None = None
) -> None:
    """Titles, legends beside the panels' titles, and the site's own time below."""
    span = f"{result.days:g} days from {result.begins.astimezone(site.zone):%d %B %Y}"
    figure.suptitle(f"{title}\n{site.name}, strategy {result.strategy}, {span}", x=0.01, ha="left", fontsize=12)
    locator = AutoDateLocator(tz=site.zone, minticks=4, maxticks=14)  # type: ignore[no-untyped-call]  # matplotlib types none of its dates
    formatter = ConciseDateFormatter(locator, tz=site.zone)  # type: ignore[no-untyped-call]  # as above
    every = axes if below is None else [*axes, below]
    for each in every:
        each.margins(x=0)
        each.grid(visible=True, alpha=0.25)
        each.xaxis.set_major_locator(locator)
        each.xaxis.set_major_formatter(formatter)
    for each in axes:
        each.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, ncols=5, fontsize=9)
    every[-1].set_xlabel(f"time in {site.timezone}")


def _times(result: SimulationResult) -> NDArray[np.float64]:
    """Days as matplotlib counts them."""
    return np.asarray(date2num(result.times()), dtype=np.float64)  # type: ignore[no-untyped-call]  # as above
