"""The catalogue of station models, and recognising a station when it boots."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.domain.station_model import LeaseForm, ProfileKind, RateUnit, StationModel, ZeroBehaviour
from ems.settings.load import load
from ems.settings.station_models import KnownModel, recognise, station_models
from tests.settings.folder import GOOD, replaced, site_folder

SHIPPED, PROBLEMS = station_models(Path("/nonexistent"))


def test_the_shipped_models_are_sound_and_many() -> None:
    assert PROBLEMS == ()
    assert len(SHIPPED) >= 15
    assert all(known.model.id == name for name, known in SHIPPED.items())


def test_the_generic_model_is_the_standard() -> None:
    generic = SHIPPED["generic"]
    assert generic == KnownModel(StationModel(id="generic"), configuration=generic.configuration)


QUIRKS = [
    ("wallbox", lambda m: m.kind is ProfileKind.RELATIVE and m.max_stack_level == 0),
    ("abb-terra-ac", lambda m: m.lease is LeaseForm.TWO_PERIODS and len(m.measurands) == 3),
    ("go-e", lambda m: m.rate_unit is RateUnit.AMPERE and m.repeat_after_zero and not m.keeps_offline),
    ("huawei-scharger", lambda m: m.rate_unit is RateUnit.WATT and m.zero is ZeroBehaviour.ENDS_SESSION),
    ("necharge", lambda m: m.allowed_a == (6.0, 8.0, 10.0, 13.0, 16.0)),
    ("heidelberg-amperfied", lambda m: not m.smart_charging),
    ("grizzl-e", lambda m: not m.keeps_over_boot),
    ("starcharge", lambda m: not m.trigger_boot),
    ("easee", lambda m: m.sample_interval_s == 30),
]


@pytest.mark.parametrize(("name", "holds"), QUIRKS, ids=[name for name, _ in QUIRKS])
def test_what_matters_for_currents_is_in_the_file(name: str, holds: object) -> None:
    assert callable(holds)
    assert holds(SHIPPED[name].model)


BOOTS = [
    ("Wall Box Chargers", "PLP1-0-2-3", "wallbox"),
    ("ABB", "CDT_TACW22::NET_WIFI", "abb-terra-ac"),
    ("ABB", "something else", None),
    ("EV-BOX", "G4E-WBW-M7500E", "evbox-elvi"),
    ("Alfen BV", "NG910-60023", "alfen-eve"),
    ("United Chargers", "GRS-*", "grizzl-e"),
    ("UnitedChargers", "Grizzl-E Smart Connect", "grizzl-e"),
    ("Keba AG", "KC-M20-E0LE02-020", "keba"),
    ("", "ACChargePoint", "huawei-scharger"),
    ("Schneider Electric", "EVlink Smart Wallbox", "schneider-evlink"),
    ("ZJBENY", "BCP-B2N-L", "beny"),
    ("go-e", "go-eCharger_V4", "go-e"),
    ("Autel", "MaxiChargerAC", "autel"),
    ("EN+", "37", "en-plus"),
    ("  keba \t ag ", "", "keba"),
    ("Orbis", "VIARIS COMBIPLUS", None),
    ("", "", None),
]


@pytest.mark.parametrize(("vendor", "model", "expected"), BOOTS)
def test_a_station_is_recognised_by_what_it_says_at_boot(vendor: str, model: str, expected: str | None) -> None:
    found = recognise(vendor, model, SHIPPED.values())
    assert (None if found is None else found.id) == expected


def test_the_closest_description_wins() -> None:
    def known(name: str, vendor: str, product: str = "") -> KnownModel:
        return KnownModel(StationModel(id=name), (vendor,), (product,) if product else ())

    models = [
        known("maker", "acme"),
        known("b", "acme", "box 2"),
        known("a", "acme", "box 2"),
        known("any", "acme", "box"),
    ]
    found = recognise("ACME Inc", "Box 2 plus", models)
    assert found is not None
    assert found.id == "a"


def test_a_site_may_bring_its_own_models(tmp_path: Path) -> None:
    text = replaced(("fallback_a: 6", "fallback_a: 6, model: keba"))
    loaded = load(site_folder(tmp_path, text, stations__keba_yaml="step_a: 0.5\nmatch: {vendor: [Keba]}"))
    assert loaded.settings is not None
    assert loaded.settings.site.stations[0].model.step_a == 0.5
    assert loaded.settings.recognisable == frozenset()


BAD = [
    ("stp_a: 2", "1: error: unknown key 'stp_a': did you mean 'step_a'?"),
    ("id: x", "1: error: unknown key 'id'"),
    ("lowest_a: 6", "1: error: unknown key 'lowest_a'"),
    ("step_a: '2'", "1: error: step_a must be a number, not '2'"),
    ("zero: stops", "1: error: zero cannot be 'stops'"),
    ("composite: no", "1: error: composite must be true or false, not 'no'"),
    ("step_a: 99", "1: error: step_a of station model generic must lie in 0.1 … 16 A, got 99"),
    (
        "kind: relative",
        "1: error: station model generic: a relative schedule counts from the transaction, so it cannot lease",
    ),
    ("match: abb", "1: error: match must be lists of words"),
    ("match: {vendor: abb}", "1: error: vendor must be a list of words"),
    ("match: {maker: [abb]}", "1: error: unknown key 'maker'"),
    (
        "a: [",
        "1: error: not valid YAML: expected the node content, but found '<stream end>' (while parsing a flow node)",
    ),
]


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_a_faulty_model_file_is_told_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    loaded = load(site_folder(tmp_path, GOOD, stations__own_yaml=text))
    assert loaded.settings is None
    assert expected in str(loaded.findings[0]).replace(str(tmp_path), "")
    assert "stations/own.yaml:" in str(loaded.findings[0])
