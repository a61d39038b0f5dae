"""Batteries in site.yaml: how they are written, what is refused, and what `ems check` shows of them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from ems.domain.battery import Battery, Otherwise
from ems.domain.phases import Phase
from ems.settings.load import load
from ems.settings.report import check, render_json, render_text
from ems.settings.revision import load_or_last_good
from tests.settings.folder import GOOD, replaced, site_folder

METER = "  bat: {model: kostal-plenticore, host: 10.0.0.11, port: 1502, unit: 71, role: battery, circuit: row-a}\n"
STORE = "  store: {circuit: row-a, meter: bat, capacity_kwh: 60, charge_max_kw: 20, discharge_max_kw: 30}\n"
SITE = GOOD.replace("stations:\n", METER + "batteries:\n" + STORE + "stations:\n")


def written(*changes: tuple[str, str]) -> str:
    text = SITE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def findings(folder: Path, text: str) -> list[str]:
    return [f"{f.line}: {f.severity}: {f.message}" for f in load(site_folder(folder, text)).findings]


def battery(folder: Path, text: str = SITE) -> Battery:
    settings = load(site_folder(folder, text)).settings
    assert settings is not None
    return settings.site.batteries[0]


def test_what_is_not_written_has_a_usual_value(tmp_path: Path) -> None:
    assert findings(tmp_path, SITE) == []
    assert battery(tmp_path) == Battery(
        id="store", circuit="row-a", capacity_wh=60_000.0, charge_w=20_000.0, discharge_w=30_000.0, meter="bat",
        phases=tuple(Phase), efficiency=math.sqrt(0.9), steered=True, otherwise=Otherwise.OWN,
    )  # fmt: skip


def test_everything_can_be_written(tmp_path: Path) -> None:
    more = (
        "phases: L2, round_trip_efficiency: 0.81, soc_min_percent: 10, soc_max_percent: 90, reserve_percent: 30, "
        "wear_per_kwh: 0.04, export_max_kw: 5, steered: false, otherwise: self-consumption}"
    )
    known = battery(tmp_path, written(("discharge_max_kw: 30}", f"discharge_max_kw: 9, {more}")))
    assert (known.phases, known.floor, known.highest) == ((Phase.L2,), 0.3, 0.9)
    assert known.efficiency == pytest.approx(0.9)
    assert (known.wear_per_kwh, known.export_w, known.steered) == (0.04, 5000.0, False)
    assert known.otherwise is Otherwise.SELF_CONSUMPTION


SLIPS = [
    ("capacity_kwh", "capacity_kw", "capacity_kwh"),
    ("capacity_kwh: 60", "capacity_wh: 60000", "capacity_kwh"),
    ("charge_max_kw: 20", "charge_max_w: 20000", "charge_max_kw"),
    ("meter: bat", "metr: bat", "meter"),
]


@pytest.mark.parametrize(("old", "new", "meant"), SLIPS)
def test_a_misspelt_key_is_told_with_what_was_meant(tmp_path: Path, old: str, new: str, meant: str) -> None:
    key = new.partition(":")[0]
    assert findings(tmp_path, written((old, new)))[0] == f"9: error: unknown key '{key}': did you mean '{meant}'?"


def test_a_section_of_another_name_is_told_too(tmp_path: Path) -> None:
    text = written(("batteries:", "battery:"))
    assert findings(tmp_path, text)[0] == "8: error: unknown key 'battery': did you mean 'batteries'?"


def test_energy_in_another_unit_is_converted_in_the_remedy(tmp_path: Path) -> None:
    loaded = load(site_folder(tmp_path, written(("capacity_kwh: 60", "capacity_wh: 60000"))))
    assert loaded.findings[0].remedy == "capacity_kwh is in kilowatt-hours: write capacity_kwh: 60"


WRONG = [
    (("circuit: row-a, meter: bat", "circuit: row-b, meter: bat"),
     "the circuit 'row-b' of battery 'store' does not exist"),
    (("capacity_kwh: 60", "capacity_kwh: 60000000"), "battery 'store' would hold 60000000 kWh"),
    (("capacity_kwh: 60", "capacity_kwh: 0"), "capacity_kwh must be more than 0, not 0"),
    (("capacity_kwh: 60", "capacity_kwh: .nan"), "capacity_kwh must be a finite number"),
    (("meter: bat,", "meter: bat, soc_min_percent: 50, soc_max_percent: 40,"),
     "battery 'store' may be used from 50 % up and to 40 % only: that is nothing"),
    (("meter: bat,", "meter: bat, round_trip_efficiency: 92,"), "round_trip_efficiency must be at most 1, not 92"),
    (("discharge_max_kw: 30", "discharge_max_kw: 100"),
     "battery 'store' would give 144.9 A per phase, circuit 'row-a' carries 125 A"),
    (("meter: bat,", "meter: lost,"), "the meter 'lost' does not exist"),
    (("meter: bat,", "meter: main,"), "meter 'main' has role circuit, and is used here as battery"),
    (("role: battery, circuit: row-a", "role: battery, circuit: grid"),
     "meter 'bat' is at circuit 'grid', battery 'store' at 'row-a'"),
    (("meter: bat,", "meter: bat, otherwise: sleep,"), "otherwise cannot be 'sleep'"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_what_cannot_be_is_an_error_at_its_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    found = [line for line in findings(tmp_path, written(change)) if ": error:" in line]
    assert any(line.endswith(message) for line in found), found


DOUBTFUL = [
    (("charge_max_kw: 20", "charge_max_kw: 0.02"), "would take 3e+03 h from full to empty at charge_max_kw"),
    (("meter: bat,", "meter: bat, reserve_percent: 0.3,"), "reserve_percent of battery 'store' is 0.3 %"),
    (("meter: bat,", ""), "battery 'store' has no meter: nobody knows what it holds, and it is not told anything"),
    (("model: kostal-plenticore", "model: eastron-sdm630"),
     "battery 'store': model 'eastron-sdm630' does not tell its state of charge, so it is not planned with"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), DOUBTFUL)
def test_what_is_doubtful_is_a_warning(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    found = findings(tmp_path, written(change))
    assert len(found) == 1
    assert ": warning:" in found[0]
    assert found[0].endswith(message)


def test_what_a_battery_draws_counts_where_nobody_controls_it(tmp_path: Path) -> None:
    text = written(("charge_max_kw: 20", "charge_max_kw: 90"), ("capacity_kwh: 60", "capacity_kwh: 90"))
    (finding,) = load(site_folder(tmp_path, text)).findings
    assert str(finding).endswith(
        "circuit 'row-a', L1: fallback currents of 6 A, batteries that charge with 130.4 A, margin 0 A and worst base "
        "load 0 A make 136.43 A, more than the rating of 125 A (also L2 136.43 A, L3 136.43 A)"
    )
    assert finding.remedy.endswith("or base_load_max_a if it is too careful, or charge_max_kw")


def test_a_model_that_declares_no_registers_is_not_steered_and_nobody_may_ask_for_it(tmp_path: Path) -> None:
    own = "vendor: Nobody\npoints: {soc: [9, u16, 0.01]}\n"
    text = written(("model: kostal-plenticore", "model: own"))
    folder = site_folder(tmp_path, text, meters__own_yaml=own)
    settings = load(folder).settings
    assert settings is not None
    assert not settings.site.batteries[0].steered
    site_folder(tmp_path, text.replace("meter: bat,", "meter: bat, steered: true,"), meters__own_yaml=own)
    (finding,) = load(folder).findings
    assert finding.message == "battery 'store' cannot be steered: model 'own' declares no registers that may be written"
    assert finding.remedy == "remove the line; models that do: kostal-plenticore, victron-vebus"


def test_one_battery_is_steered(tmp_path: Path) -> None:
    second = METER.replace("bat:", "bat-2:").replace("unit: 71", "unit: 72")
    twin = STORE.replace("store:", "other:").replace("meter: bat", "meter: bat-2")
    text = SITE.replace(METER, METER + second).replace(STORE, STORE + twin)
    assert findings(tmp_path, text) == ["11: error: batteries 'store' and 'other' would both be steered"]
    assert findings(tmp_path, text.replace("meter: bat-2,", "meter: bat-2, steered: false,")) == []
    same = SITE.replace(
        STORE, STORE + STORE.replace("store:", "other:").replace("meter: bat,", "meter: bat, steered: false,")
    )
    assert findings(tmp_path, same) == ["10: error: meter 'bat' is also that of battery 'store'"]


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_tree_shows_it_with_what_it_may_draw_and_whether_it_is_steered(tmp_path: Path) -> None:
    lines = squeezed(render_text(check(site_folder(tmp_path, SITE))))
    assert "store battery 60 kWh +20/-30 kW steered, otherwise own 28.99 28.99 bat" in lines
    assert "grid 250 5 100 6 → 139.986 165.986 main" in lines, "what it draws is part of what the fuse must carry"
    lines = squeezed(render_text(check(site_folder(tmp_path, written(("meter: bat,", "meter: bat, steered: false,"))))))
    assert "store battery 60 kWh +20/-30 kW read only 28.99 28.99 bat" in lines


def test_the_json_form_says_the_same(tmp_path: Path) -> None:
    data = json.loads(render_json(check(site_folder(tmp_path, SITE))))
    row = data["site"]["circuits"][1]
    assert row["batteries"] == [{
        "id": "store", "capacity_wh": 60_000.0, "charge_w": 20_000.0, "discharge_w": 30_000.0,
        "phases": ["L1", "L2", "L3"], "meter": "bat", "steered": True, "otherwise": "own",
    }]  # fmt: skip


def test_another_battery_needs_a_restart(tmp_path: Path) -> None:
    folder = site_folder(tmp_path / "site", SITE)
    load_or_last_good(folder, tmp_path / "state")
    site_folder(folder, written(("capacity_kwh: 60", "capacity_kwh: 80")))
    assert "  battery store: capacity_wh 60000 → 80000 (needs a restart)\n" in render_text(
        check(folder, tmp_path / "state")
    )


def test_a_site_without_batteries_is_what_it_was(tmp_path: Path) -> None:
    settings = load(site_folder(tmp_path, replaced())).settings
    assert settings is not None
    assert settings.site.batteries == ()
