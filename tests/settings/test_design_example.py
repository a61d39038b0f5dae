"""The example of the design is taken as it stands, and becomes what it says."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from ems.domain.meter import MeterRole, OnLoss
from ems.domain.phases import Phase
from ems.domain.station_model import StationModel
from ems.domain.strategy import Strategy
from ems.settings.build import Framer, Listen, SiteSettings, WebAccess
from ems.settings.finding import Severity
from ems.settings.load import load
from ems.settings.password import new_password
from tests.settings.folder import site_folder

EXAMPLE = """\
site: {name: Depot North, timezone: Europe/Berlin, currency: EUR, voltage_v: 230}
circuits:
  grid:  {rating_a: 250, meter: main, margin_a: 5}
  row-a: {parent: grid, rating_a: 125}
meters:
  main: {model: janitza-umg96, host: 10.0.0.10, port: 502, unit: 1, every_s: 1, on_loss: fallback}
stations:
  CP-01: {circuit: row-a, fallback_a: 6, password_file: secrets/cp-01,
          evses: {1: {max_a: 32, phases: L1 L2 L3}}}
limits:
  - {circuit: grid, max_kw: 80, when: "Mon-Fri 17:00-20:00"}
policy: {strategy: cheapest, guarantee: minimum-first, departure_default: "17:00"}
tariff: {file: tariff.yaml}
"""

SHORTEST = """\
site: {name: Yard, timezone: Europe/Berlin}
circuits: {grid: {rating_a: 63, base_load_max_a: 20}}
stations: {CP-01: {circuit: grid, evses: {1: {max_a: 32, phases: L1 L2 L3}}}}
ocpp: {host: 127.0.0.1}
"""

TARIFF = "name: fixed\nenergy: {supply: {per_kwh: 0.31}}\n"
PASSWORD, HASH = new_password()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return site_folder(tmp_path, EXAMPLE, secrets__cp01=HASH, tariff_yaml=TARIFF).joinpath("secrets", "cp01").rename(
        tmp_path / "secrets" / "cp-01"
    ).parents[1]  # fmt: skip


@pytest.fixture
def settings(folder: Path) -> SiteSettings:
    loaded = load(folder)
    assert loaded.settings is not None
    return loaded.settings


def test_it_has_no_error_and_says_what_is_missing(folder: Path) -> None:
    found = load(folder).findings
    assert {finding.severity for finding in found} == {Severity.WARNING}
    assert [finding.line for finding in found] == [3]


def test_the_site_is_what_was_written(settings: SiteSettings) -> None:
    site = settings.site
    assert (site.name, site.timezone, site.currency, site.voltage_v) == ("Depot North", "Europe/Berlin", "EUR", 230.0)
    assert [(c.id, c.parent, c.rating_a, c.margin_a, c.meter) for c in site.circuits] == [
        ("grid", None, (250.0, 250.0, 250.0), 5.0, "main"),
        ("row-a", "grid", (125.0, 125.0, 125.0), 0.0, None),
    ]
    (evse,) = site.evses
    assert (evse.id, evse.circuit, str(evse.wiring), evse.max_a, evse.fallback_a) == (
        "CP-01/1", "row-a", "L1 L2 L3", 32.0, 6.0,
    )  # fmt: skip
    assert site.stations[0].model == StationModel(id="generic")
    assert settings.recognisable == {"CP-01"}


def test_the_limit_holds_on_weekday_evenings(settings: SiteSettings) -> None:
    (limit,) = settings.site.limits
    assert (limit.scope, limit.max_w, limit.max_a) == ("grid", 80_000.0, None)
    assert (limit.days, limit.since, limit.until) == (frozenset(range(5)), time(17), time(20))


def test_the_strategy_is_the_one_that_is_written(settings: SiteSettings) -> None:
    assert settings.site.policy.strategy is Strategy.CHEAPEST
    assert settings.site.policy.departure_default == "17:00"


def test_the_meter_is_reached_as_written(settings: SiteSettings) -> None:
    (meter,), (connection,) = settings.site.meters, settings.meters
    assert (meter.id, meter.role, meter.on_loss, meter.every_s) == ("main", MeterRole.CIRCUIT, OnLoss.FALLBACK, 1.0)
    assert (connection.model, connection.host, connection.port) == ("janitza-umg96", "10.0.0.10", 502)
    assert (connection.unit, connection.framer, connection.device) == (1, Framer.TCP, None)
    assert connection.phases == (Phase.L1, Phase.L2, Phase.L3)


def test_password_listeners_and_tariff(settings: SiteSettings, folder: Path) -> None:
    known = settings.access["CP-01"]
    assert known is not None
    assert known.verify(PASSWORD)
    assert (settings.ocpp, settings.web) == (Listen("0.0.0.0", 9000), WebAccess("127.0.0.1", 8080))
    assert settings.tariff_file == folder / "tariff.yaml"
    assert settings.tariff is not None
    assert (settings.tariff.name, settings.tariff.currency, settings.tariff.timezone) == (
        "fixed",
        "EUR",
        "Europe/Berlin",
    )


def test_the_shortest_useful_site(tmp_path: Path) -> None:
    """Whatever has a default may be left out."""
    loaded = load(site_folder(tmp_path, SHORTEST))
    assert loaded.findings == ()
    assert loaded.settings is not None
