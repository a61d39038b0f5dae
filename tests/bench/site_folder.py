"""Made-up installations of any size: a grid connection, halls of 50 EVSEs with a meter each, rows of ten.

Wirings are mixed and rotated, vehicles of every row meet on the same phases, and what is rated does not suffice for
all at once: rows, halls and the grid connection each bind somewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ems.settings.build import SiteSettings
from ems.settings.load import load

HALL, ROW = 50, 10
WIRINGS = ("L1 L2 L3", "L2 L3 L1", "L3 L1 L2", "L1", "L2", "L3")
STEPS = (0, 3, 1, 0, 4, 2, 5, 0, 3, 1, 4)
"""The wiring of EVSE j is WIRINGS[STEPS[j % 11]]: eleven does not divide a row, so no two rows are alike."""

GRID_A, HALL_A, ROW_A = 8.5, 9.5, 11.0
"""Rating per EVSE behind a circuit; two thirds of the EVSEs load each phase."""

BASE_A = 2.0
"""The most that other loads draw at the grid connection, per EVSE."""


@dataclass(frozen=True, slots=True)
class MeterPlace:
    """Where the meters answer; all behind one gateway."""

    port: int = 502
    halls: bool = True
    """Whether the halls have a meter of their own, unit 2 and so on; the grid connection is unit 1."""


def stations(evses: int) -> Iterator[tuple[str, str]]:
    """(station id, phases) of every station; each has one outlet."""
    for j in range(evses):
        yield f"CP-{j:04d}", WIRINGS[STEPS[j % len(STEPS)]]


def site_text(evses: int, meters: MeterPlace, policy: str = "{}") -> str:
    """The `site.yaml` of an installation with so many EVSEs, a multiple of ten; `policy` as it stands in the file."""
    halls = range((evses + HALL - 1) // HALL)
    lines = ["site: {name: Bench, timezone: Europe/Berlin}", "circuits:"]
    lines.append(
        f"  grid: {{rating_a: {GRID_A * evses:.0f}, margin_a: 2, meter: main, base_load_max_a: {BASE_A * evses:.0f}}}"
    )
    for h in halls:
        amps = HALL_A * min(HALL, evses - h * HALL)
        meter = f", meter: hall-{h}" if meters.halls else ""
        lines.append(f"  hall-{h}: {{parent: grid, rating_a: {amps:.0f}, base_load_max_a: 10{meter}}}")
    for r in range(evses // ROW):
        lines.append(
            f"  row-{r}: {{parent: hall-{r * ROW // HALL}, rating_a: {ROW_A * ROW * (0.8 + 0.1 * (r % 4)):.0f}}}"
        )
    lines.append("meters:")
    named = ["main", *(f"hall-{h}" for h in halls if meters.halls)]
    for unit, name in enumerate(named, 1):
        place = f"host: 127.0.0.1, port: {meters.port}, unit: {unit}, every_s: 1"
        lines.append(f"  {name}: {{model: eastron-sdm630, {place}}}")
    lines.append("stations:")
    for j, (name, phases) in enumerate(stations(evses)):
        outlet = f"{{1: {{max_a: 32, phases: {phases}}}}}"
        lines.append(f"  {name}: {{circuit: row-{j // ROW}, model: generic, fallback_a: 6, evses: {outlet}}}")
    lines.append("limits:")
    lines.append(f"  - {{name: contract, circuit: grid, max_kw: {0.66 * GRID_A * evses:.0f}}}")
    lines.append(f"policy: {policy}")
    lines.append("ocpp: {host: 127.0.0.1, port: 9000}")
    return "\n".join(lines) + "\n"


def write_site(folder: Path, evses: int, meters: MeterPlace, policy: str = "{}") -> SiteSettings:
    """Write the site into `folder` and load it as the daemon does. Raises ValueError when it has findings."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "site.yaml").write_text(site_text(evses, meters, policy), encoding="utf-8")
    loaded = load(folder)
    if loaded.settings is None:
        raise ValueError("; ".join(str(finding) for finding in loaded.findings[:3]))
    return loaded.settings
