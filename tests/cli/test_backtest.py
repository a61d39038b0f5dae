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
        (("site",), "name the recorded sessions: --sessions FILE"),
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


def three_days(folder: Path) -> Path:
    """A vehicle on each of three mornings, one at a station that is not there, and two rows that are none."""
    rows = [f"CP-01,2024-05-{6 + d:02}T08:00:00+00:00,2024-05-{6 + d:02}T12:00:00+00:00,9" for d in range(3)]
    rows += ["elsewhere,2024-05-06T08:00:00+00:00,2024-05-06T09:00:00+00:00,3"]
    rows += ["CP-01,2024-05-09T08:00:00+00:00,2024-05-09T07:00:00+00:00,9", "CP-01,never,never,1"]
    (folder / "three.csv").write_text("\n".join([HEADER, *rows]))
    return folder / "three.csv"


def day_ahead(folder: Path) -> Path:
    """Hours with a negative price, without one, and with one that is none."""
    rows = [f"2024-05-{6 + h // 24:02}T{h % 24:02}:00:00+00:00,{-0.05 if h % 24 == 13 else 0.2}" for h in range(72)]
    rows[30], rows[31] = rows[30].split(",")[0] + ",", rows[31].split(",")[0] + ",dear"
    (folder / "prices.csv").write_text("\n".join(["time,price_eur_kwh", *rows]))
    return folder / "prices.csv"


@pytest.mark.usefixtures("site")
def test_strategies_are_held_against_the_clairvoyant_optimum(tmp_path: Path) -> None:
    ended = ems(
        "backtest", "site", "--sessions", three_days(tmp_path), "--prices", day_ahead(tmp_path),
        "--strategy", "equal,cheapest", "--departures", "perfect", "--days", "1", "--out", tmp_path / "out",
    )  # fmt: skip
    assert ended.status == 0
    for row in ("clairvoyant, most energy", "equal (stated)", "cheapest (perfect)"):
        assert any(line.startswith(row) for line in ended.out.splitlines())
    assert "at stations that the site does not have: elsewhere" in ended.out
    for wrong in (
        "departs 2024-05-09 07:00:00 but arrives 2024-05-09 08:00:00",
        "it has no price for",
        "'dear' is not a",
    ):
        assert wrong in ended.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "result.json", "gap.png", "schedule-equal-stated.png", "schedule-cheapest-perfect.png",
    }  # fmt: skip


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("site",), "name the recorded sessions: --sessions FILE"),
        (("site", "other", "--sessions", "three.csv"), "write `ems backtest SITE --sessions FILE`"),
        (("site", "--sessions", "three.csv", "--strategy", "cheap"), "unknown strategy 'cheap'"),
        (("site", "--sessions", "three.csv", "--departures", "guessed"), "unknown departures 'guessed'"),
        (("site", "--sessions", "none.csv"), "none.csv: cannot be read"),
        (("site", "--sessions", "three.csv", "--prices", "three.csv"), "three.csv holds no prices"),
        (("site", "--sessions", "three.csv", "--building", "three.csv"), "three.csv"),
        (("site", "--sessions", "three.csv", "--missing", "nan"), "--missing nan: write what a kWh counts"),
        (("site", "--sessions", "three.csv", "--missing", "-1"), "--missing -1: write what a kWh counts"),
        (("site", "--sessions", "three.csv", "--out", "three.csv"), "name another folder with --out"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_helps(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    three_days(tmp_path)
    ended = ems("backtest", *(str(tmp_path / word) if word.endswith(".csv") else word for word in words))
    assert ended.status == 2
    assert told in ended.err


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("command", ["backtest", "size"])
def test_a_folder_that_cannot_be_written_to_is_named_before_the_work(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits an hour for results that are then lost."""
    works = "ems.cli.backtest.held_against_the_best" if command == "backtest" else "ems.cli.sizing.compare"
    monkeypatch.setattr(works, lambda *_, **__: pytest.fail("it worked before it looked"))
    ended = ems(command, "site", "--sessions", three_days(tmp_path), "--out", tmp_path / "three.csv")
    assert ended.status == 2
    assert "three.csv: File exists; name another folder with --out" in ended.err


@pytest.mark.usefixtures("site")
def test_prices_that_are_not_known_are_said_with_what_was_assumed(tmp_path: Path) -> None:
    """A file of prices that ends too early, and hours of the night in which the clock is set back."""
    night = [f"2024-10-27 {clock},{price}" for clock, price in (("01:00", 0.1), ("02:00", 0.2), ("02:00", 0.3))]
    (tmp_path / "short.csv").write_text("\n".join(["time,price_eur_kwh", *night, "2024-10-27 03:00,-0.1"]))
    stays = "CP-01,2024-10-27T08:00:00+00:00,2024-10-27T12:00:00+00:00,9"
    (tmp_path / "one.csv").write_text(f"{HEADER}\n{stays}\n")
    files = "--sessions", tmp_path / "one.csv", "--prices", tmp_path / "short.csv"
    ended = ems("backtest", "site", *files, "--strategy", "equal")
    assert ended.status == 0
    assert "note: no price of the series 'prices' from 2024-10-27 04:00 to " in ended.out
    assert "the mean of all prices that are known is assumed" in ended.out


@pytest.mark.usefixtures("site")
def test_sizes_are_compared(tmp_path: Path) -> None:
    ended = ems(
        "size", "site", "--sessions", three_days(tmp_path), "--limit", "20:60:40", "--days", "1", "--json",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert ended.status == 0
    assert [(one["limit_a"], one["added"]) for one in ended.data] == [(20, 0), (60, 0)]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"sizes.json", "sizes.png"}


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    "words", [("--limit", "400:100:50"), ("--limit", "much"), ("--add", "-3"), ("--limit", "1:9e4:1")]
)
def test_sizes_that_make_no_sense_are_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = ems("size", "site", "--sessions", three_days(tmp_path), *words)
    assert ended.status == 2
