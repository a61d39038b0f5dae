"""A site in virtual time, from the command line: what is printed, written, and read."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.assembly.installation import Installation
from tests.cli.typed import ems

DATA = Path(os.environ.get("EMS_DATA_DIR") or Path(__file__).resolve().parents[3] / "shared" / "data")
BOULDER = DATA / "sessions" / "boulder_public.csv"
CALTECH = DATA / "sessions" / "caltech_2019-05-01_2019-08-31.csv.gz"


@pytest.mark.parametrize("words", [(), ("--out", "out/here")])
def test_a_made_up_day_is_told_as_a_table_and_written_down(words: tuple[str, ...], site: Installation) -> None:
    ended = ems("simulate", "site", "--days", "1", *words)
    assert (ended.status, ended.err) == (0, "")
    assert "energy delivered, kWh" in ended.out
    assert re.search(r"^largest own overload, A +0\.0$", ended.out, re.MULTILINE)
    assert "made up from seed 1" in ended.out
    folder = words[-1] if words else "out"
    assert ended.out.endswith(f"{folder}: result.json and pictures\n")
    written = site.folder.parent / folder
    assert [run["strategy"] for run in json.loads((written / "result.json").read_text())["runs"]] == ["equal"]
    assert len(list(written.glob("*.png"))) >= 3


def test_nothing_is_written_for_who_does_not_want_it(site: Installation) -> None:
    ended = ems("simulate", "site", "--days", "1", "--no-out", "--json")
    assert (ended.status, ended.err) == (0, "")
    assert [run["strategy"] for run in ended.data] == ["equal"]
    assert {path.name for path in site.folder.parent.iterdir()} == {"site"}


def test_programs_read_nothing_but_json_beside_the_files(site: Installation) -> None:
    ended = ems("simulate", "site", "--days", "1", "--json")
    assert [run["strategy"] for run in ended.data] == ["equal"]
    assert ended.err == "out: result.json and pictures\n"
    assert (site.folder.parent / "out" / "result.json").is_file()


@pytest.mark.usefixtures("site")
def test_a_folder_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file of somebody")
    ended = ems("simulate", "site", "--days", "1")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.endswith("cannot write to out: File exists; name another folder with --out, or say --no-out\n")


@pytest.mark.usefixtures("site")
def test_all_strategies_stand_side_by_side_also_when_something_fails(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text("faults:\n  - {target: main, kind: meter-silent, at_s: 100, lasts_s: 9000}\n")
    ended = ems("simulate", "site", "--days", "1", "--strategy", "all", "--faults", "faults.yaml", "--no-out")
    assert ended.status == 0
    for strategy in ("uncontrolled", "equal", "first-come", "earliest-deadline", "least-laxity"):
        assert strategy in ended.out


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("command", ["simulate site --days 1", "demo site"])
def test_a_fault_that_is_none_is_told_with_its_file(command: str, tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text("faults:\n  - {target: main, kind: explodes, at_s: 100}\n")
    ended = ems(*command.split(), "--faults", "faults.yaml")
    assert (ended.status, ended.out) == (2, "")
    assert "faults.yaml: faults[1]: " in ended.err
    assert "explodes" in ended.err


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {target: main, kind: meter-silent, at_s: 100}\n", "faults.yaml:1: error: must hold keys with values"),
        ("fault:\n- {target: main}\n", "faults.yaml: the key 'faults' is needed, found 'fault'"),
        ("", "faults.yaml: the key 'faults' is needed, the file is empty"),
    ],
)
def test_a_file_of_other_things_than_faults_is_told_what_one_looks_like(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text(text)
    ended = ems("simulate", "site", "--days", "1", "--faults", "faults.yaml")
    assert (ended.status, ended.out) == (2, "")
    assert told in ended.err
    assert "write for example 'faults: [{at_s: 60, kind: meter-silent, target: main}]'" in ended.err


@pytest.mark.skipif(not CALTECH.is_file(), reason=f"no recorded sessions at {CALTECH}: set EMS_DATA_DIR")
def test_a_recorded_day_is_replayed_on_the_site_it_was_recorded_at() -> None:
    ended = ems("simulate", "caltech", "--sessions", CALTECH, "--from", "2019-06-03", "--days", "1", "--json")
    assert ended.status == 0
    run = ended.data[0]
    assert run["begins"].startswith("2019-06-03T07:00:00"), "midnight in California"
    assert run["sessions"] > 20
    assert run["overload_own_a"] <= 0.05


@pytest.mark.usefixtures("site")
@pytest.mark.skipif(not BOULDER.is_file(), reason=f"no recorded sessions at {BOULDER}: set EMS_DATA_DIR")
def test_sessions_of_another_place_need_to_be_put_somewhere() -> None:
    alone = ems("simulate", "site", "--sessions", BOULDER, "--days", "1")
    assert (alone.status, alone.out) == (2, "")
    assert "--map-unknown" in alone.err
