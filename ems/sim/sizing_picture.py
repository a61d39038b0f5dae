"""The picture of sizes. Import this module only to draw: it loads matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ems.sim.pictures import DPI, INCHES_WIDE, INK, OTHER
from ems.sim.sizing import Sized

LINES = ("-", "--", ":", "-.")


def draw_sizes(found: Sequence[Sized], title: str, path: Path) -> Path:
    """Service and cost over the size of the connection, a line for every number of added EVSEs. Raises OSError."""
    figure = Figure(figsize=(INCHES_WIDE, 5.0), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for k, added in enumerate(sorted({one.size.added for one in found})):
        of = sorted((one for one in found if one.size.added == added), key=lambda one: one.kw)
        kw, line, name = [one.kw for one in of], LINES[k % len(LINES)], f"{added} EVSEs added"
        left.plot(kw, [100 * one.possible for one in of], line, color=OTHER, marker="o", label=f"possible, {name}")
        left.plot(kw, [100 * one.share for one in of], line, color=INK, marker="o", label=f"delivered, {name}")
        right.plot(kw, [one.total for one in of], line, color=INK, marker="o", label=f"with what is missing, {name}")
        right.plot(
            kw, [one.energy_cost + one.demand_cost for one in of], line, color=OTHER, marker="o", label=f"paid, {name}"
        )
    left.set_ylabel("of the wanted energy, %")
    right.set_ylabel("cost of the time looked at")
    for axes in (left, right):
        axes.set_xlabel("size of the grid connection, kW")
        axes.grid(visible=True, alpha=0.25)
        axes.legend(frameon=False, fontsize=8)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    figure.savefig(path)
    return path
