"""Makes of stations as virtual ones: each behaves as its make was seen to, whatever is said of it elsewhere.

The names are those under which the program knows the makes. A make of which nothing is known that deviates is not here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ems.sim.quirks import AbsoluteSchedule, Clear, Composite, MeteringQuirks, Quirks, Zero


@dataclass(frozen=True, slots=True)
class StationKind:
    """How a make introduces itself, what it does with limits, and how it measures."""

    vendor: str = "EMS"
    model: str = "Virtual"
    quirks: Quirks = field(default_factory=Quirks)
    metering: MeteringQuirks = field(default_factory=MeteringQuirks)


CURRENT, POWER, ENERGY = "Current.Import", "Power.Active.Import", "Energy.Active.Import.Register"
AMPERES, WATTS = frozenset({"A"}), frozenset({"W"})

CONFORMING = StationKind()

KINDS: dict[str, StationKind] = {
    "generic": CONFORMING,
    "abb-terra-ac": StationKind(
        "ABB", "CDT_TACW22::NET_WIFI", Quirks(highest_level=0, reported_level=16, clear=Clear.ACCEPTED, step_a=1.0)
    ),
    "abb-terra-dc": StationKind(
        "ABB", "Terra 54 CJ", Quirks(units=WATTS), MeteringQuirks(dc_volts=669.0, per_phase=False)
    ),
    "alfen-eve": StationKind("Alfen BV", "NG910-60023"),
    "autel": StationKind("Autel", "MaxiChargerAC", metering=MeteringQuirks(watts_called_kw=True)),
    "beny": StationKind("ZJBENY", "BCP-B2N-L", Quirks(composite=Composite.EMPTY)),
    "delta-ac-max": StationKind(
        "Delta",
        "EIAW-E22KTSE6B04",
        Quirks(
            drops_tx_profile_while_suspended=True,
            tx_profile_locks=True,
            clear=Clear.UNKNOWN,
            zero=Zero.ENDS_SESSION,
            begins_unlimited_s=20.0,
        ),
        MeteringQuirks(measurands=(CURRENT, POWER, ENERGY)),
    ),
    "easee": StationKind("Easee", "Charge", metering=MeteringQuirks(measurands=(CURRENT, POWER, ENERGY), every_s=30.0)),
    "en-plus": StationKind("EN+", "Caro Series", Quirks(zero=Zero.ENDS_SESSION)),
    "entratek-power-dot": StationKind("Entratek", "Power Dot Pro", Quirks(composite=Composite.REJECTED)),
    "evbox-elvi": StationKind(
        "EV-BOX", "G4E-WBW-M7500E", Quirks(highest_level=0, station_max=False, number_phases=False)
    ),
    "garo-entity": StationKind("GARO", "Entity Pro", Quirks(zero=Zero.STAYS), MeteringQuirks(every_s=60.0)),
    "go-e": StationKind(
        "go-e",
        "go-eCharger_V4",
        Quirks(
            units=AMPERES,
            swallows_wrong_unit=True,
            first_period_only=True,
            first_after_zero_ignored=True,
            forgets_offline=True,
            step_a=1.0,
        ),
    ),
    "grizzl-e": StationKind(
        "United Chargers",
        "Grizzl-E",
        Quirks(forgets_at_boot=True),
        MeteringQuirks(measurands=(CURRENT, POWER, ENERGY), energy_from_zero=True),
    ),
    "heidelberg-amperfied": StationKind("Amperfied", "connect.business", Quirks(smart_charging=False)),
    "huawei-scharger": StationKind("", "ACChargePoint", Quirks(units=WATTS, zero=Zero.ENDS_SESSION)),
    "keba": StationKind("Keba AG", "KC-P30", metering=MeteringQuirks(on_connector_zero=True)),
    "mennekes-acu": StationKind(
        "Mennekes", "ACU", metering=MeteringQuirks(measurands=(POWER,), max_measurands=1, every_s=60.0)
    ),
    "necharge": StationKind(
        "NEcharge", "Wallbox", Quirks(steps_a=(6.0, 8.0, 10.0, 13.0, 16.0), zero=Zero.ENDS_SESSION)
    ),
    "schneider-evlink": StationKind(
        "Schneider Electric",
        "EVlink Smart Wallbox",
        Quirks(highest_level=8, reported_level=999, composite_in_other_unit=True),
    ),
    "starcharge": StationKind("StarCharge", "Aurora", Quirks(boot_trigger_kills=True)),
    "timxon-a0": StationKind("Timxon", "A0", Quirks(station_max=False, absolute=AbsoluteSchedule.UNANSWERED)),
    "wallbox": StationKind(
        "Wall Box Chargers",
        "PLP1-0-2-4",
        Quirks(highest_level=0, reported_level=8, absolute=AbsoluteSchedule.IGNORED, settle_s=3.0, step_a=1.0),
        MeteringQuirks(measurands=("Current.Offered", CURRENT, POWER, ENERGY), offered_a=32.0),
    ),
    "zaptec": StationKind("Zaptec", "Go", metering=MeteringQuirks(on_connector_zero=True)),
}
"""By the name of the make's file among the station models."""
