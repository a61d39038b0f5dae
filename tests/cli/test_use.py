"""Wrong use is told with what helps, and ends with status 2; nothing ends with a trace."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ems import __version__
from ems.cli.site import day
from tests.assembly.daemon_process import surroundings
from tests.assembly.installation import PATIENT, Installation
from tests.cli.typed import ems, process

WRONG = {
    "": "the following arguments are required: COMMAND",
    "dance": "invalid choice: 'dance'",
    "run": "say which site: a folder that holds site.yaml, or set EMS_SITE",
    "check": "say which site",
    "check nowhere": "nowhere/site.yaml: No such file or directory; give a folder that holds site.yaml",
    "check nowhere --json": "nowhere/site.yaml: No such file or directory",
    "check odd": "odd/site.yaml: Is a directory",
    "password site": "site is a folder: name a file in it, for example site/cp-01",
    "simulate site --from 2026-03-01": "--from is for recorded sessions: name their file with --sessions",
    "simulate site --map-unknown": "--map-unknown is for recorded sessions",
    "run nowhere": "nowhere/site.yaml: No such file or directory; give a folder that holds site.yaml, or",
    "demo nowhere": "shipped site: caltech, demo",
    "simulate nowhere": "nowhere/site.yaml: No such file or directory",
    "export sessions nowhere": "nowhere/site.yaml: No such file or directory",
    "run bad": "site bad has errors; `ems check bad` shows them",
    "simulate bad": "bad/site.yaml:1: error: the file is empty",
    "explain site": "the following arguments are required: evse|no daemon answers|say which site",
    "explain site CP-01/1": "no daemon answers at http://127.0.0.1:{web}/api/v1/state (",
    "probe ocpp site": "no daemon answers at http://127.0.0.1:{web}/api/v1/state (",
    "simulate site --strategy fastest": "unknown strategy 'fastest': choose all, uncontrolled, equal, first-come",
    "simulate site --days 0": "at least one day",
    "simulate site --days many": "invalid _days value: 'many'",
    "simulate site --sessions gone.csv": "gone.csv",
    "simulate site --faults gone.yaml": "gone.yaml:1: error: cannot be read: No such file or directory",
    "simulate site --days 1 --out site/site.yaml": "cannot write to site/site.yaml: File exists",
    "replay gone": "gone: no journal here",
    "replay site/site.yaml": "site/site.yaml is not a journal of ems",
    "export sessions site": "state/ems.sqlite3: nothing has been recorded yet; a daemon makes it",
    "export sessions site --format xml": "invalid choice: 'xml'",
    "export dreams site": "invalid choice: 'dreams'",
    "export sessions site --from soon": "'soon' is not a date: write for example 2026-03-01",
    "export sessions site --from 2026-03-02 --to 2026-03-01": "--from 2026-03-02 does not lie before --to 2026-03-01",
    "probe modbus 127.0.0.1 --port 70000": "port must be 1 to 65535, got 70000",
    "probe modbus 127.0.0.1 --unit 999": "--unit 999: units are 1 to 247",
    "probe modbus 127.0.0.1 --model abacus": "unknown meter model 'abacus': choose one of abb-",
    "probe modbus 127.0.0.1 --framer smoke": "invalid choice: 'smoke'",
    "password site/site.yaml": "site/site.yaml exists already and is not overwritten",
    "password site/site.yaml/x": "cannot write site/site.yaml/x: ",
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_use(words: str, site: Installation) -> None:
    (site.folder.parent / "odd" / "site.yaml").mkdir(parents=True)
    (site.folder.parent / "bad").mkdir()
    (site.folder.parent / "bad" / "site.yaml").touch()
    ended = ems(*words.split())
    told = WRONG[words].format(web=site.web).split("|")
    assert ended.status == 2, ended
    assert any(text in ended.err for text in told), ended.err
    assert ended.out == ""


@pytest.mark.parametrize("port", ["abc", "-1", "65536", "9000 ", "9²9", "0x10"])
@pytest.mark.parametrize("variable", ["EMS_OCPP_PORT", "EMS_HTTP_PORT"])
def test_a_port_that_is_none(variable: str, port: str, site: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, port)
    ended = ems("run", site.folder)
    assert (ended.status, ended.err) == (2, f"ems run: {variable} is {port!r}: write a port number\n")
    assert not site.state.exists()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01", "2026-02-28T23:00:00+00:00"),
        ("2026-07-01", "2026-06-30T22:00:00+00:00"),
        ("2026-03-01T10:00", "2026-03-01T09:00:00+00:00"),
        ("2026-03-01T10:00Z", "2026-03-01T10:00:00+00:00"),
        ("2026-03-01T10:00+05:30", "2026-03-01T04:30:00+00:00"),
    ],
)
def test_a_day_begins_where_the_site_is(written: str, meant: str) -> None:
    assert day(written, ZoneInfo("Europe/Berlin")).isoformat() == meant


def test_the_site_of_the_environment(site: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write(PATIENT)
    monkeypatch.setenv("EMS_SITE", str(site.folder))
    assert ems("check").out.startswith("Yard: 1 circuit, 2 EVSEs")
    assert "no daemon answers" in ems("explain", "CP-01/1").err


def test_a_user_without_a_home_is_told_to_name_a_state_folder(
    site: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("EMS_STATE_DIR")
    monkeypatch.setattr(Path, "home", homeless)
    ended = ems("run", site.folder)
    assert ended.status == 2
    assert "this user has no home directory: set EMS_STATE_DIR to a folder it may write" in ended.err


@pytest.mark.parametrize(
    ("words", "shown"), [("--version", f"ems {__version__}\n"), ("probe --help", "usage: ems probe")]
)
def test_what_can_be_asked_of_the_command_line_itself(
    words: str,
    shown: str,
) -> None:
    ended = ems(*words.split())
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(shown)


def test_every_command_says_in_its_help_what_it_does() -> None:
    listed = ems("--help").out
    for command in ("demo", "run", "check", "explain", "simulate", "replay", "probe", "export", "password"):
        assert f"\n    {command} " in listed
        assert ems(command, "--help").status == 0


def test_a_port_in_use_ends_a_process_with_one_line(site: Installation) -> None:
    site.write(PATIENT)
    with socket.create_server(("127.0.0.1", site.ocpp)):
        ended = process("run", site.folder, environment=surroundings(site))
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"ems run: cannot listen for stations on 127.0.0.1:{site.ocpp}: Address already in use")
    assert ended.err.count("\n") == 1


def test_a_reader_that_leaves_early_is_no_error(site: Installation) -> None:
    """`ems check site | head -0`."""
    readable, writable = os.pipe()
    os.close(readable)
    done = subprocess.run(
        [sys.executable, "-m", "ems", "check", str(site.folder)],
        env=surroundings(site), stdout=writable, stderr=subprocess.PIPE, text=True, timeout=30, check=False,
    )  # fmt: skip
    os.close(writable)
    assert (done.returncode, done.stderr) == (0, "")
