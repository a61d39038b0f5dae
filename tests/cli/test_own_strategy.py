"""Somebody adds two strategies: in one file, as its docstring says, and every command knows them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.typed import Ended, process

CHECKOUT = Path(__file__).parents[2]

ORDER = '''

def by_need(session: Session, _full_w: float, _now: Instant) -> float:
    """Who wants least."""
    return session.missing_wh() or 0.0

'''
SITE = """\
site: {{name: Yard, timezone: Europe/Berlin}}
circuits: {{grid: {{rating_a: 11, base_load_max_a: 0}}}}
stations:
  CP-01: {{circuit: grid, fallback_a: 0, evses: {{1: {{max_a: 32, phases: L1 L2 L3}}}}}}
  CP-02: {{circuit: grid, fallback_a: 0, evses: {{1: {{max_a: 32, phases: L1 L2 L3}}}}}}
policy: {{strategy: {strategy}}}
"""
SESSIONS = """\
station_id,arrival,departure,delivered_energy (kWh)
CP-01,2024-05-06T08:00:00+00:00,2024-05-06T09:00:00+00:00,9
CP-02,2024-05-06T08:01:00+00:00,2024-05-06T09:00:00+00:00,4
"""
PRICES = "time,price_eur_kwh\n2024-05-05T00:00:00+00:00,0.2\n2024-05-08T00:00:00+00:00,0.2\n"


class Copy(NamedTuple):
    """The program with one file changed, and a site that is run by one of the new strategies."""

    folder: Path

    def ems(self, *words: str | Path) -> Ended:
        """A command of the changed program."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "EMS_STATE_DIR": str(self.folder / "state")}
        return process(*words, environment=environment)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    folder = tmp_path_factory.mktemp("own")
    for room in ("ems", "config"):
        shutil.copytree(CHECKOUT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "ems" / "domain" / "strategy.py"
    text = file.read_text()
    for mark, line in (
        ("\n\nclass Strategy(StrEnum):", None),
        ('    BALANCED = "balanced"\n', '    SMALL_FIRST = "small-first"\n    GENTLE = "gentle"\n'),
        (
            "WAYS: Mapping[Strategy, Way] = {\n",
            '    Strategy.SMALL_FIRST: Way("Small first", "who wants least is served first", by_need),\n'
            '    Strategy.GENTLE: Way("Gentle", "ready in time, and flat", Ladder(even=1.0)),\n',
        ),
    ):
        assert text.count(mark) == 1, mark
        text = text.replace(mark, ORDER.rstrip("\n") + "\n" + mark if line is None else mark + line)
    file.write_text(text)
    (folder / "site").mkdir()
    (folder / "site" / "site.yaml").write_text(SITE.format(strategy="small-first"))
    (folder / "s.csv").write_text(SESSIONS)
    (folder / "p.csv").write_text(PRICES)
    return Copy(folder)


def test_the_site_may_be_run_by_it(copy: Copy) -> None:
    ended = copy.ems("check", copy.folder / "site")
    assert ended.status == 0, ended.err


@pytest.mark.timeout(120)
def test_it_is_compared_with_the_others_and_does_what_it_says(copy: Copy) -> None:
    """7.6 kW for an hour, and one at a time: whoever came second gets nothing unless who wants less goes first."""
    files = ("--sessions", copy.folder / "s.csv", "--prices", copy.folder / "p.csv", "--days", "1")
    ended = copy.ems(
        "backtest", copy.folder / "site", *files,
        "--strategy", "first-come,small-first,gentle", "--departures", "perfect", "--json",
    )  # fmt: skip
    assert ended.status == 0, ended.err
    first, small, gentle = ended.data["runs"]
    assert first["worst"] < 0.1 < 0.3 < small["worst"]
    assert gentle["plans"] > 0
    assert gentle["plans_failed"] == 0
