"""Forecasts held against recorded data, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.assembly.installation import Installation
from tests.cli.typed import ems

HEADER = "station_id,arrival,departure,delivered_energy (kWh)"


def sessions(folder: Path, days: int) -> Path:
    """One a day."""
    rows = [
        f"A,2024-{1 + day // 28:02}-{1 + day % 28:02}T08:{day % 60:02}:00+00:00,"
        f"2024-{1 + day // 28:02}-{1 + day % 28:02}T1{day % 8}:00:00+00:00,{5 + day % 7}"
        for day in range(days)
    ]
    (folder / "sessions.csv").write_text("\n".join([HEADER, *rows, "A,never,never,1"]))
    return folder / "sessions.csv"


def building(folder: Path) -> Path:
    rows = [f"2024-01-{1 + hour // 24:02} {hour % 24:02}:00,{10 + hour % 24}" for hour in range(31 * 24)]
    rows[100] = "2024-01-05 04:00,NaN"
    (folder / "building.csv").write_text("\n".join(["time,load [kWh]", *rows]))
    return folder / "building.csv"


@pytest.mark.usefixtures("site")
def test_a_table_shows_every_forecast_beside_naive_and_what_was_left_out(tmp_path: Path) -> None:
    ended = ems("backtest", "forecast", "site", "--sessions", sessions(tmp_path, 56), "--building", building(tmp_path))
    assert ended.status == 0
    lines = ended.out.splitlines()
    head = "forecast n MAE naive stated pinball naive skill in 80 % naive unsure if sure"
    assert lines[0].split() == head.split()
    for name in ("building, next hour", "departure, at plug-in", "energy, at plug-in", "arriving energy, a day"):
        assert any(line.startswith(name) for line in lines)
    assert "building.csv: line 102: NaN is no value" in ended.err
    assert "sessions.csv: line 58: " in ended.err


@pytest.mark.usefixtures("site")
def test_a_program_gets_the_figures(tmp_path: Path) -> None:
    ended = ems("backtest", "forecast", "site", "--building", building(tmp_path), "--json")
    assert ended.status == 0
    assert ended.data[0]["what"] == "building, next hour"
    assert set(ended.data[0]["forecast"]) == {"error", "pinball", "coverage"}
    assert "NaN" not in ended.out


@pytest.mark.usefixtures("site")
def test_a_file_of_a_few_days_is_said_to_be_too_short(tmp_path: Path) -> None:
    ended = ems("backtest", "forecast", "site", "--sessions", sessions(tmp_path, 9))
    assert ended.status == 0
    assert "nothing could be scored: that begins 21 days after the first row" in ended.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("forecast", "site"), "name what to forecast"),
        (("site",), "write `ems backtest forecast SITE`"),
        (("forecast", "site", "more"), "write `ems backtest forecast SITE`"),
        (("forecast", "site", "--sessions", "nowhere.csv"), "cannot be read"),
        (("forecast", "site", "--pv", "nowhere.csv"), "cannot be read"),
    ],
)
def test_wrong_use_says_what_helps(site: Installation, words: tuple[str, ...], reason: str) -> None:
    ended = ems("backtest", *words)
    assert (ended.status, ended.out) == (2, "")
    assert reason in ended.err
    assert site.folder.exists()
