"""A site with a roof and a battery, back-tested from the command line with real files."""

from __future__ import annotations

import itertools
import json
import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.typed import Ended, ems

SITE = """\
site: {name: Roof, timezone: Europe/Berlin, currency: EUR}
circuits:
  grid: {rating_a: 50, meter: main, margin_a: 1, base_load_max_a: 20, generation_max_a: 20}
meters:
  main: {model: eastron-sdm630, host: 10.0.0.10, unit: 1}
  sun: {model: eastron-sdm630, host: 10.0.0.10, unit: 2, role: pv, circuit: grid}
  bat: {model: kostal-plenticore, host: 10.0.0.11, port: 1502, unit: 71, role: battery, circuit: grid}
batteries:
  store: {circuit: grid, meter: bat, capacity_kwh: 20, charge_max_kw: 8, discharge_max_kw: 6, wear_per_kwh: 0.05}
stations:
  CP-01: {circuit: grid, fallback_a: 6, evses: {1: {max_a: 32, phases: L1 L2 L3}}}
"""
MIDNIGHT = datetime(2024, 5, 5, 22, tzinfo=UTC)
HOURS = range(-24, 48)
SUN = range(10, 16)
SUN_KW, BUILDING_KW = 9.0, 1.0
CHARGE_KW, DISCHARGE_KW, CAPACITY_KWH = 8.0, 6.0, 20.0
EFFICIENCY = math.sqrt(0.90)
"""Each way, where the site does not say how much survives both."""

WEAR, DEAR, FAIR = 0.05, 0.40, 0.20
EVENING = range(17, 22)
BINS_H = 12


class Run(NamedTuple):
    """What the command said and what it wrote."""

    ended: Ended
    result: dict[str, Any]
    pictures: set[str]

    def row(self, strategy: str) -> dict[str, Any]:
        """One run, or a bound."""
        return next(one for one in (*self.result["bounds"], *self.result["runs"]) if one["strategy"] == strategy)


def written(folder: Path, name: str, value: str, series: dict[int, float]) -> Path:
    """An hourly series."""
    rows = [f"{(MIDNIGHT + timedelta(hours=h)).isoformat()},{series[h]}" for h in HOURS]
    (folder / name).write_text("\n".join([f"time,{value}", *rows]))
    return folder / name


@pytest.fixture(scope="module")
def roof(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One day: sun from ten to four, and a vehicle that wants 12 kWh in the evening, when a kWh is dear."""
    folder = tmp_path_factory.mktemp("roof")
    (folder / "site.yaml").write_text(SITE)
    arrival, departure = (MIDNIGHT + timedelta(hours=h) for h in (17, 21))
    session = f"CP-01,{arrival.isoformat()},{departure.isoformat()},12"
    (folder / "sessions.csv").write_text(f"station_id,arrival,departure,delivered_energy (kWh)\n{session}\n")
    ended = ems(
        "backtest", folder, "--sessions", folder / "sessions.csv",
        "--prices", written(folder, "p.csv", "price_eur_kwh", {h: DEAR if h % 24 in EVENING else FAIR for h in HOURS}),
        "--building", written(folder, "b.csv", "load [kW]", dict.fromkeys(HOURS, BUILDING_KW)),
        "--pv", written(folder, "pv.csv", "pv [kW]", {h: SUN_KW if h % 24 in SUN else 0.0 for h in HOURS}),
        "--strategy", "equal,cheapest", "--departures", "perfect", "--days", "1", "--out", folder / "out",
    )  # fmt: skip
    assert ended.status == 0, ended.err
    pictures = {path.name for path in (folder / "out").glob("*.png") if path.read_bytes().startswith(b"\x89PNG")}
    return Run(ended, json.loads((folder / "out" / "result.json").read_text()), pictures)


def test_the_table_shows_what_the_battery_cost_beside_the_bound(roof: Run) -> None:
    head, *rows = [line for line in roof.ended.out.splitlines() if re.match(r"\s+kWh|clairvoyant|equal|cheapest", line)]
    assert "battery" in head
    assert [row.split("  ")[0] for row in rows] == [
        "clairvoyant, most energy",
        "clairvoyant, least cost",
        "equal (stated)",
        "cheapest (perfect)",
    ]
    assert "note: battery: its wear" in roof.ended.out
    assert roof.pictures == {"gap.png", "schedule-equal-stated.png", "schedule-cheapest-perfect.png"}


def test_the_least_cost_is_what_a_pencil_finds(roof: Run) -> None:
    """The battery begins half full, at 10 kWh. Before the sun it gives them to the building, for the sun fills it from
    empty for nothing: it makes 8 kW more than the building draws for six hours. In the dear hours it gives what vehicle
    and building draw, 12 + 5 kWh; in the fair ones after that nothing, because a kWh costs less than it is worth at the
    end. What it lacks then is counted with what it would save at the mean price.
    """
    best = roof.row("clairvoyant, least cost")
    mean = (5 * DEAR + 19 * FAIR) / 24
    early_kwh, late_kwh = 10.0 * EFFICIENCY, 12.0 + len(EVENING)
    bought_kwh = 24.0 - len(SUN) - len(EVENING) - early_kwh
    through_kwh = early_kwh + late_kwh + CAPACITY_KWH / EFFICIENCY
    lacks_kwh = late_kwh / EFFICIENCY - 10.0
    cost = bought_kwh * FAIR + WEAR * through_kwh / 2.0 + lacks_kwh * EFFICIENCY * mean
    assert best["total"] == pytest.approx(cost, abs=0.002)


def test_nothing_is_cheaper_than_the_bound_and_a_plan_comes_near(roof: Run) -> None:
    best, planned, equal = (roof.row(name) for name in ("clairvoyant, least cost", "cheapest", "equal"))
    for row in (planned, equal):
        assert row["share"] == pytest.approx(1.0, abs=1e-3)
        assert row["overload_own_a"] == 0.0
        assert row["total"] >= best["total"] - 1e-3
    assert planned["total"] < best["total"] * 1.15 < equal["total"]
    assert planned["pv_share"] > 0.3
    assert equal["pv_share"] == 0.0


@pytest.mark.parametrize("name", ["cheapest", "clairvoyant, least cost", "equal"])
def test_the_battery_does_what_a_battery_can(roof: Run, name: str) -> None:
    """From half full it stays within what it holds, it is no stronger than it is, and gives nothing into the grid."""
    row = roof.row(name)
    kw = row["battery_kw"][: 24 * BINS_H]
    kept = itertools.accumulate(p * (EFFICIENCY if p > 0 else 1 / EFFICIENCY) / BINS_H for p in kw)
    held = [CAPACITY_KWH / 2 + kwh for kwh in kept]
    assert -0.1 <= min(held) <= max(held) <= CAPACITY_KWH + 0.1
    assert -DISCHARGE_KW - 0.01 <= min(kw) <= max(kw) <= CHARGE_KW + 0.01
    for into, through in zip(kw, row["site_kw"], strict=False):
        assert into >= -0.05 or through >= -0.05
    if name == "equal":
        assert not any(kw), "nobody steers it without a plan, and its own program is taken to do nothing"
    else:
        assert sum(kw[h] for h in range(10 * BINS_H, 16 * BINS_H)) / BINS_H > 5.0, "it takes the sun"
        assert sum(kw[h] for h in range(17 * BINS_H, 22 * BINS_H)) / BINS_H < -12.0, "and gives it in the evening"
