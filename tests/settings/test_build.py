"""What the keys of the file become."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ems.domain.phases import Phase
from ems.settings.build import Framer, SiteSettings
from ems.settings.load import load
from tests.settings.folder import replaced, site_folder


def built(folder: Path, *changes: tuple[str, str]) -> SiteSettings:
    loaded = load(site_folder(folder, replaced(*changes)))
    assert loaded.settings is not None, loaded.findings
    return loaded.settings


def test_a_one_phase_circuit_has_its_rating_on_that_phase_only(tmp_path: Path) -> None:
    settings = built(tmp_path, ("rating_a: 125", "rating_a: 125, phases: L2"), ("phases: L1 L2 L3", "phases: L2"))
    assert settings.site.circuits["row-a"].rating_a == (0.0, 125.0, 0.0)


def test_ratings_may_differ_per_phase(tmp_path: Path) -> None:
    settings = built(tmp_path, ("rating_a: 125", "rating_a: {L1: 63, L2: 63, L3: 50}"))
    assert settings.site.circuits["row-a"].rating_a == (63.0, 63.0, 50.0)


def test_a_parent_carries_the_base_loads_below_it_unless_it_states_its_own(tmp_path: Path) -> None:
    below = ("rating_a: 125}", "rating_a: 125, base_load_max_a: 20}\n  row-b: {parent: grid, rating_a: 63, base_load_max_a: {L1: 1, L2: 2, L3: 3}}")  # fmt: skip  # noqa: E501
    assert built(tmp_path, below).site.circuits["grid"].base_load_max_a == (100.0, 100.0, 100.0)
    inherited = built(tmp_path, below, (", base_load_max_a: 100", ""))
    assert inherited.site.circuits["grid"].base_load_max_a == (21.0, 22.0, 23.0)


@pytest.mark.parametrize(
    ("written", "legs", "watts_per_amp"),
    [("L2 L3 L1", 3, 690.0), ("L3", 1, 230.0), ("L3-L1", 1, 230.0 * 3**0.5), ("l1-l2", 1, 230.0 * 3**0.5)],
)
def test_wiring_is_kept(tmp_path: Path, written: str, legs: int, watts_per_amp: float) -> None:
    (evse,) = built(tmp_path, ("phases: L1 L2 L3", f"phases: {written}")).site.evses
    assert str(evse.wiring) == written.upper()
    assert len(evse.wiring.legs) == legs
    assert evse.wiring.watts_per_amp(230.0) == pytest.approx(watts_per_amp)


def test_a_dc_outlet_draws_what_its_power_takes_from_the_grid(tmp_path: Path) -> None:
    (evse,) = built(tmp_path, ("max_a: 32", "max_kw: 50, dc_efficiency: 0.94")).site.evses
    assert evse.dc_efficiency == 0.94
    assert evse.max_a == pytest.approx(50_000 / 0.94 / 690)


def test_an_outlet_overrides_its_station(tmp_path: Path) -> None:
    text = ("evses: {1: {max_a: 32", "priority: 1, evses: {2: {max_a: 16, phases: L1, fallback_a: 0, priority: 3, circuit: grid}, 1: {max_a: 32")  # fmt: skip  # noqa: E501
    second, first = built(tmp_path, text).site.evses
    assert (second.id, second.fallback_a, second.priority, second.circuit) == ("CP-01/2", 0.0, 3, "grid")
    assert (first.id, first.fallback_a, first.priority, first.circuit) == ("CP-01/1", 6.0, 1, "row-a")


@pytest.mark.parametrize(
    "where", [("fallback_a: 6", "fallback_a: 6, enabled: false"), ("{max_a", "{enabled: false, max_a")]
)
def test_a_station_without_an_enabled_outlet_is_left_out(tmp_path: Path, where: tuple[str, str]) -> None:
    settings = built(tmp_path, where)
    assert settings.site.stations == ()
    assert settings.access == {}


def test_what_is_disabled_does_not_count_in_the_fallback_sum(tmp_path: Path) -> None:
    settings = built(tmp_path, ("{max_a", "{enabled: false, max_a"), ("margin_a: 5", "margin_a: 149"))
    assert settings.site.evses == ()


def test_ids_stay_as_written(tmp_path: Path) -> None:
    assert built(tmp_path, ("CP-01", "0012")).site.stations[0].id == "0012"


def test_a_limit_without_a_time_holds_always(tmp_path: Path) -> None:
    (limit,) = built(tmp_path, (', when: "Mon-Fri 17:00-20:00"', ", name: contract")).site.limits
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2024, 3, 30, tzinfo=UTC)
    held = [limit.limit_at(start + timedelta(minutes=15 * i), zone) for i in range(4 * 48)]
    assert all(known is not None and known.max_w == 80_000 and known.source == "contract" for known in held)


def test_a_serial_meter_speaks_rtu(tmp_path: Path) -> None:
    change = ("host: 10.0.0.10, port: 502, unit: 1", "device: /dev/ttyUSB0, unit: 7, baud: 19200, frame: 8e1, phases: L2 L3 L1, invert: true, ct_ratio: 40")  # fmt: skip  # noqa: E501
    (meter,) = built(tmp_path, change).meters
    assert (meter.framer, meter.device, meter.host, meter.unit) == (Framer.RTU, "/dev/ttyUSB0", None, 7)
    assert (meter.baud, meter.frame, meter.invert, meter.ct_ratio) == (19200, "8E1", True, 40.0)
    assert meter.phases == (Phase.L2, Phase.L3, Phase.L1)


@pytest.mark.parametrize("frame", ["8E1", "8E2", "7E1", "8N1", "8o1", "'8E1'"])
def test_a_serial_frame_may_look_like_a_number(tmp_path: Path, frame: str) -> None:
    """YAML reads 8E1 as eighty."""
    (meter,) = built(tmp_path, ("host: 10.0.0.10, port: 502", f"device: /dev/ttyUSB0, frame: {frame}")).meters
    assert meter.frame == frame.strip("'").upper()


def test_a_gateway_may_pass_serial_frames_through(tmp_path: Path) -> None:
    (meter,) = built(tmp_path, ("port: 502", "framer: rtu")).meters
    assert (meter.framer, meter.port, meter.baud) == (Framer.RTU, 502, None)


def test_the_revision_follows_the_sites_own_files_and_nothing_else(tmp_path: Path) -> None:
    first = built(tmp_path).revision
    assert built(tmp_path).revision == first
    assert built(tmp_path, ("rating_a: 125", "rating_a: 100")).revision != first
    built(tmp_path)
    (tmp_path / "meters" / "m1.yaml").write_text("vendor: other\n")
    loaded = load(tmp_path)
    assert loaded.settings is not None
    assert loaded.settings.revision != first
