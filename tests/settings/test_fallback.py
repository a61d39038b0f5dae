"""What flows when nobody controls must fit every circuit and phase."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.settings.load import load
from tests.settings.folder import site_folder

SITE = """\
site: {{name: x, timezone: UTC}}
circuits:
  grid: {{rating_a: 100, base_load_max_a: 0}}
  feeder: {{parent: grid, rating_a: {rating}}}
stations:
{stations}
ocpp: {{host: 127.0.0.1}}
"""


def messages(folder: Path, rating: str, *stations: str) -> list[str]:
    rows = "\n".join(f"  S{i}: {{circuit: feeder, {row}}}" for i, row in enumerate(stations, 1))
    return [f.message for f in load(site_folder(folder, SITE.format(rating=rating, stations=rows))).findings]


ONE = "evses: {{1: {{max_a: 32, phases: {}}}}}"


def one(phases: str, extra: str = "") -> str:
    return f"{extra}evses: {{1: {{max_a: 32, phases: {phases}}}}}"


FITS = [
    ("18", [one("L1")] * 3),
    ("18", [one("L1"), one("L2"), one("L3")] * 3),
    ("12", [one("L1-L2"), one("L2-L3"), one("L3-L1")]),
    ("{L1: 18, L2: 6, L3: 6}", [one("L1 L2 L3"), one("L1"), one("L1")]),
    ("10", [one("L1", "fallback_a: 0, ")] * 9),
    ("10", [one("L1"), one("L1", "enabled: false, ")]),
]


@pytest.mark.parametrize(("rating", "stations"), FITS)
def test_it_fits(tmp_path: Path, rating: str, stations: list[str]) -> None:
    assert not [message for message in messages(tmp_path, rating, *stations) if "fallback" in message]


FITS_NOT = [
    ("17", [one("L1")] * 3, "circuit 'feeder', L1: fallback currents of 18 A"),
    ("11", [one("L1-L2"), one("L2-L3"), one("L3-L1")], "(also L2 12 A, L3 12 A)"),
    ("{L1: 18, L2: 6, L3: 5}", [one("L1 L2 L3")], "circuit 'feeder', L3: fallback currents of 6 A"),
    ("31", [one("L2", "model: wallbox, ")], "circuit 'feeder', L2: fallback currents of 32 A"),
    ("31", [one("L2", "model: go-e, ")], "circuit 'feeder', L2: fallback currents of 32 A"),
    ("31", [one("L2", "model: heidelberg-amperfied, ")], "circuit 'feeder', L2: fallback currents of 32 A"),
]


@pytest.mark.parametrize(("rating", "stations", "part"), FITS_NOT)
def test_it_does_not_fit(tmp_path: Path, rating: str, stations: list[str], part: str) -> None:
    assert any(part in message for message in messages(tmp_path, rating, *stations))


def test_every_circuit_up_to_the_grid_is_checked(tmp_path: Path) -> None:
    found = messages(tmp_path, "200", *[one("L1")] * 20)
    assert [m.partition(":")[0] for m in found if "fallback currents" in m] == ["circuit 'grid', L1"]


def test_the_largest_contributors_are_named(tmp_path: Path) -> None:
    rows = [one("L1"), one("L1", "fallback_a: 10, "), *[one("L1")] * 4]
    text = SITE.format(
        rating="30", stations="\n".join(f"  S{i}: {{circuit: feeder, {row}}}" for i, row in enumerate(rows))
    )
    (finding,) = (f for f in load(site_folder(tmp_path, text)).findings if "fallback" in f.message)
    assert "most: S1 10 A, S0 6 A, S2 6 A and 3 more" in finding.remedy


def test_a_station_that_ignores_zero_cannot_fall_back_to_it(tmp_path: Path) -> None:
    folder = site_folder(tmp_path, SITE.format(rating="63", stations="  A: {circuit: feeder, model: own, fallback_a: 0, evses: {1: {max_a: 32, phases: L1}}}"), stations__own_yaml="zero: ignored")  # fmt: skip  # noqa: E501
    assert [f.message for f in load(folder).findings] == [
        "A/1 cannot fall back to 0 A: model 'own' ignores a limit of 0"
    ]
