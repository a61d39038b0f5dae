"""Stations with the odd and wrong ways of real makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ems.sim.faults import FaultKind, FaultPlan
from ems.sim.quirks import QUIRKS, MeteringQuirks
from tests.system.play import FAULT_AT_S, at, nothing, perform
from tests.system.sites import busy, settings_of
from tests.system.stage import Play, Stage

STEERABLE = (
    ("conforming", "auto"),
    ("single-level", "auto"),
    ("single-level", "abb-terra-ac"),
    ("swallows-high-levels", "abb-terra-ac"),
    ("watts-only", "auto"),
    ("watts-only-swallowing", "auto"),
    ("watts-only", "huawei-scharger"),
    ("whole-amperes", "auto"),
    ("coarse-steps", "necharge"),
    ("coarse-steps", "auto"),
    ("no-tx-profile", "auto"),
    ("no-tx-profile", "delta-ac-max"),
    ("tx-profile-only", "auto"),
    ("per-connector", "auto"),
    ("relative-only", "auto"),
    ("relative-only", "timxon-a0"),
    ("no-validity-with-relative", "timxon-a0"),
    ("silent-to-absolute", "auto"),
    ("silent-to-absolute", "wallbox"),
    ("one-period", "auto"),
    ("few-profiles", "auto"),
    ("zero-ends-session", "en-plus"),
    ("ignores-first-after-zero", "go-e"),
    ("forgets-at-boot", "grizzl-e"),
    ("forgets-offline", "go-e"),
    ("no-composite", "auto"),
    ("composite-minus-one", "auto"),
    ("composite-empty", "beny"),
    ("composite-other-unit", "auto"),
    ("slow", "auto"),
)
METERING = {
    "one-current": MeteringQuirks(per_phase=False),
    "power-only": MeteringQuirks(measurands=("Power.Active.Import",)),
    "power-in-kw": MeteringQuirks(
        measurands=("Power.Active.Import", "Energy.Active.Import.Register"), power_in_kw=True
    ),
    "no-unit": MeteringQuirks(unit_missing=True),
    "phases-with-n": MeteringQuirks(phase_names=("L1-N", "L2-N", "L3-N")),
    "placeholders": MeteringQuirks(placeholder_phases=True),
    "from-zero": MeteringQuirks(energy_from_zero=True),
    "energy-only": MeteringQuirks(measurands=("Energy.Active.Import.Register",), energy_in_kwh=True),
    "nothing": MeteringQuirks(measurands=()),
}


def test_stations_that_are_odd_are_steered_all_the_same(tmp_path: Path) -> None:
    """One of each on a common connection: they share what there is, and each makes room when the building jumps."""
    rows = {f"{quirk}.{model}": (quirk, model) for quirk, model in STEERABLE}
    outlets = {name: ("grid", 32.0, "L1 L2 L3") for name in (*rows, *METERING)}
    models = {name: model for name, (_, model) in rows.items()}
    settings = settings_of("museum", tmp_path, models=models, outlets=outlets)
    quirks = {name: QUIRKS[quirk] for name, (quirk, _) in rows.items()}
    step = FaultPlan((at(60, FaultKind.BUILDING_STEP, "grid", 60, 100),))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S + 60)
        nothing(stage.troubles())
        before = {name: stage.amps(f"{name}/1") for name in outlets}
        assert {name: amps for name, amps in before.items() if amps < 6} == {}
        await stage.until(FAULT_AT_S + 115)
        kept = {name: stage.amps(f"{name}/1") for name in rows}
        assert {name: amps for name, amps in kept.items() if not 6 <= amps < before[name]} == {}
        await stage.until(FAULT_AT_S + 180)
        again = {name: stage.amps(f"{name}/1") for name in rows}
        assert {name: amps for name, amps in again.items() if amps < before[name] - 1} == {}
        nothing(stage.troubles())

    perform(
        settings,
        Play(busy(settings.site, every_s=1, single=100), step, quirks=quirks, metering=METERING),
        tmp_path,
        act,
    )


@pytest.mark.parametrize("model", ["auto", "huawei-scharger"])
def test_a_station_that_is_told_watts_serves_a_vehicle_on_one_phase(model: str, tmp_path: Path) -> None:
    """Without a number of phases it divides by three (OCPP 1.6, section 7.12), and a third of too little is nothing."""
    settings = settings_of("garage", tmp_path, models={"B1": model})

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S + 30)
        assert stage.amps("B1/1") >= 6

    everybody = busy(settings.site)
    one_phase = tuple(replace(a, legs=1 if a.evse == "B1/1" else 3) for a in everybody.arrivals)
    play = Play(replace(everybody, arrivals=one_phase), quirks={"B1": QUIRKS["watts-only"]})
    perform(settings, play, tmp_path, act)


DETECTED_S = 60.0
WEAK = frozenset({"heidelberg-amperfied"})
"""Counts in full from the start: the fuse of the garage has room for one such station of 16 A."""


@pytest.mark.parametrize(
    ("quirk", "model", "draws"),
    [
        ("disobedient", "auto", 32.0),
        ("stuck", "auto", 9.0),
        ("swallows-high-levels", "auto", 6.0),
        ("minimum-of-both", "auto", 0.0),
        ("spiking", "auto", 0.0),
        ("zero-ignored", "auto", 0.0),
        ("zero-ends-session", "auto", 0.0),
        ("never-answers", "auto", 0.0),
        ("answers-late", "auto", 0.0),
        ("clock-ahead", "auto", 0.0),
        ("conforming", "heidelberg-amperfied", 16.0),
    ],
)
def test_a_station_that_cannot_be_steered_harms_nobody(quirk: str, model: str, draws: float, tmp_path: Path) -> None:
    """Whatever it does, the others leave it what it takes, also when the building jumps; only until it is known for
    what it is may a fuse carry more, for a minute.
    """
    odd = "B2" if model in WEAK else "B1"
    settings = settings_of("garage", tmp_path, models={odd: model})
    step = FaultPlan((at(0, FaultKind.BUILDING_STEP, "grid", 60, 20),))

    async def act(stage: Stage) -> None:
        await stage.until(FAULT_AT_S - 1)
        assert stage.amps(f"{odd}/1") >= draws
        await stage.until(FAULT_AT_S + 130)

    play = Play(busy(settings.site), step, quirks={odd: QUIRKS[quirk]}, tolerated_s=DETECTED_S, hungry_s=300)
    perform(settings, play, tmp_path, act)
