"""The sites of these tests, written as an installer writes them and read as the daemon reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ems.domain.phases import PhaseAmps
from ems.domain.site import Site
from ems.settings.build import SiteSettings
from ems.settings.load import load
from ems.sim.load_course import LoadCourse
from ems.sim.scenario import Arrival, Scenario

QUICK = """
policy: {lease_s: 300, raise_every_s: 4, raise_hold_s: 12, min_on_s: 60, rotation_s: 120, restart_hold_s: 60}
"""

ON_LOOPBACK = """
ocpp: {host: 127.0.0.1, port: 9000}
web: {host: 127.0.0.1, port: 8080}
"""

SITE = """
site: {name: Test, timezone: Europe/Berlin, voltage_v: 230}
"""

METER = """
meters:
  main: {model: eastron-sdm630, host: 127.0.0.1, port: 5020, unit: 1}
"""

HEADS = {
    # A row that no meter sees, and outlets at the connection itself.
    "garage": """
circuits:
  grid: {rating_a: 80, margin_a: 3, meter: main, base_load_max_a: 30}
  row: {parent: grid, rating_a: 50, margin_a: 1}
""",
    # Room for everybody, but phases may differ by 4.6 kVA only.
    "balanced": """
circuits:
  grid: {rating_a: 200, margin_a: 3, meter: main, base_load_max_a: 60, unbalance_max_a: 20}
  row: {parent: grid, rating_a: 100, margin_a: 1}
""",
    # Four rows of ten below a transformer: the defaults of the policy.
    "depot": """
circuits:
  grid: {rating_a: 400, margin_a: 5, meter: main, base_load_max_a: 80}
  row-a: {parent: grid, rating_a: 125, margin_a: 1}
  row-b: {parent: grid, rating_a: 125, margin_a: 1}
  row-c: {parent: grid, rating_a: 125, margin_a: 1}
  row-d: {parent: grid, rating_a: 125, margin_a: 1}
""",
    # Old houses: everybody on one phase, most on the same, and fuses that differ.
    "one-phase": """
circuits:
  grid: {rating_a: {L1: 80, L2: 50, L3: 35}, margin_a: 2, meter: main, base_load_max_a: 12}
""",
    # A contract for power beside fuses that are far from it, and three minutes in which the row may take less.
    "contract": """
circuits:
  grid: {rating_a: 80, margin_a: 3, meter: main, base_load_max_a: 30}
  row: {parent: grid, rating_a: 50, margin_a: 1}
limits:
  - {name: contract, circuit: grid, max_kw: 36}
  - {name: noon, circuit: row, max_kw: 11, when: "Sun 13:02-13:05"}
""",
    # One of each: see `test_models`.
    "museum": """
circuits:
  grid: {rating_a: 500, margin_a: 5, meter: main, base_load_max_a: 110}
""",
    # Room for one vehicle on three phases, or for three on one each.
    "narrow": """
circuits:
  grid: {rating_a: 63, margin_a: 3, meter: main, base_load_max_a: 20}
  feeder: {parent: grid, rating_a: 8, margin_a: 1}
""",
    # More outlets than the feeder has minimum currents for.
    "crowd": """
circuits:
  grid: {rating_a: 63, margin_a: 3, meter: main, base_load_max_a: 20}
  feeder: {parent: grid, rating_a: 26, margin_a: 1}
""",
}

GARAGE = {
    "A1": ("row", 32.0, "L1 L2 L3"),
    "A2": ("row", 32.0, "L2 L3 L1"),
    "A3": ("row", 32.0, "L1"),
    "B1": ("grid", 32.0, "L1 L2 L3"),
    "B2": ("grid", 16.0, "L3 L1 L2"),
    "B3": ("grid", 32.0, "L2"),
}

OUTLETS: dict[str, dict[str, tuple[str, float, str]]] = {
    "garage": GARAGE,
    "balanced": GARAGE,
    "contract": GARAGE,
    "depot": {
        f"{row.upper()}{k:02}": (f"row-{row}", 32, ("L1 L2 L3", "L2 L3 L1", "L3 L1 L2", "L1", "L2")[k % 5])
        for row in "abcd"
        for k in range(10)
    },
    "one-phase": {
        f"{phase}-{k}": ("grid", 32, phase) for phase, count in (("L1", 7), ("L2", 3), ("L3", 2)) for k in range(count)
    },
    "narrow": {f"N{k}": ("feeder", 32, phases) for k, phases in enumerate(("L1 L2 L3", "L2 L3 L1", "L3 L1 L2"))},
    "crowd": {f"C{k}": ("feeder", 32, "L1 L2 L3") for k in range(10)},
}


def settings_of(
    name: str,
    folder: Path,
    *,
    models: Mapping[str, str] | None = None,
    policy: str = QUICK,
    fallback_a: float = 6,
    ports: tuple[int, int, int] = (9000, 8080, 5020),
    outlets: Mapping[str, tuple[str, float, str]] | None = None,
) -> SiteSettings:
    """A site of these tests; `models` names the model of some stations, the others introduce themselves in vain."""
    (folder / "site.yaml").write_text(text_of(name, models, policy, fallback_a, ports, outlets))
    loaded = load(folder)
    assert loaded.settings is not None, "\n".join(map(str, loaded.findings))
    return loaded.settings


def text_of(
    name: str,
    models: Mapping[str, str] | None = None,
    policy: str = QUICK,
    fallback_a: float = 6,
    ports: tuple[int, int, int] = (9000, 8080, 5020),
    outlets: Mapping[str, tuple[str, float, str]] | None = None,
) -> str:
    """The same as text."""
    stations = "stations:\n" + "".join(
        f"  {station}: {{circuit: {circuit}, fallback_a: {fallback_a:g}, model: {(models or {}).get(station, 'auto')},"
        f" evses: {{1: {{max_a: {amps:g}, phases: {phases}}}}}}}\n"
        for station, (circuit, amps, phases) in (outlets or OUTLETS[name]).items()
    )
    text = SITE + HEADS[name] + METER + stations + policy + ON_LOOPBACK
    for usual, wanted in zip((9000, 8080, 5020), ports, strict=True):
        text = text.replace(f"port: {usual}", f"port: {wanted}")
    return text


def demo() -> SiteSettings:
    """The site of `ems demo`, as it is shipped."""
    settings = load("demo").settings
    assert settings is not None
    return settings


def busy(
    site: Site,
    *building: tuple[float, float | PhaseAmps],
    every_s: float = 2.0,
    stay_s: float = 7000.0,
    single: int = 3,
) -> Scenario:
    """A vehicle at every EVSE, one after the other, that wants more than it can get; the building at the connection
    draws what `building` says (at_s, ampere), 10 A if it says nothing. Every `single`th vehicle uses one phase only.
    """
    arrivals = tuple(
        Arrival(
            1.0 + every_s * k,
            evse.id,
            40_000.0,
            stay_s,
            evse.max_a,
            legs=1 if k % single == single - 1 else 3,
            tag=f"CARD-{k}",
        )
        for k, evse in enumerate(site.evses)
    )
    points = tuple((at, amps if isinstance(amps, tuple) else (amps,) * 3) for at, amps in building or ((0.0, 10.0),))
    course = LoadCourse(site.circuits.root.id, points)
    return Scenario(arrivals, (course,), repeat_s=stay_s + 200.0, noise_a=0.2)
