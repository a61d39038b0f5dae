"""A tree invented for back-tests: one-phase outlets of 32 A round robin over the phases, panels of eighteen at 45 % of
what their outlets could draw together, and a grid connection that is too small for a busy day.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ems.domain.site import Site
from ems.settings.load import load

OUTLETS_PER_PANEL = 18
OUTLET_A = 32
AT_ONCE = 0.45


def wye_tree(folder: Path, stations: Sequence[str], root_a: int, timezone: str = "America/Los_Angeles") -> Site:
    """Write the site's folder and read it as any other: every station of a file of sessions, in that order."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"site: {{name: Wye tree {root_a} A, timezone: {timezone}, currency: EUR, voltage_v: 230}}",
        "circuits:",
        f"  grid: {{rating_a: {root_a}}}",
    ]
    panels = [stations[at : at + OUTLETS_PER_PANEL] for at in range(0, len(stations), OUTLETS_PER_PANEL)]
    for number, members in enumerate(panels):
        rating_a = round(AT_ONCE * OUTLET_A * -(-len(members) // 3))
        lines.append(f"  panel-{number}: {{parent: grid, rating_a: {rating_a}}}")
    lines.append("stations:")
    for k, station in enumerate(stations):
        outlet = f"{{max_a: {OUTLET_A}, phases: L{1 + k % 3}}}"
        lines.append(f"  {station}: {{circuit: panel-{k // OUTLETS_PER_PANEL}, fallback_a: 0, evses: {{1: {outlet}}}}}")
    (folder / "site.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = load(folder / "site.yaml")
    assert found.settings is not None, found.findings
    return found.settings.site
