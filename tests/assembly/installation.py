"""A small site on loopback: one grid connection with a meter, two stations; quick, so that a test need not wait."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_ports

TEXT = """\
site: {{name: Yard, timezone: Europe/Berlin}}
circuits:
  grid: {{rating_a: 63, meter: main, margin_a: 1, base_load_max_a: 20}}
meters:
  main: {{model: eastron-sdm630, host: 127.0.0.1, port: {modbus}, unit: 1, every_s: 0.5}}
stations:
  CP-01: {{circuit: grid, fallback_a: 6, evses: {{1: {{max_a: 32, phases: L1 L2 L3}}}}}}
  CP-02: {{circuit: grid, fallback_a: 6, evses: {{1: {{max_a: 32, phases: L1 L2 L3}}}}}}
policy: {{raise_every_s: 0, raise_hold_s: 1, raise_step_a: 40, steady_s: 0, restart_hold_s: 0, min_off_s: 0,
         idle_a: 6}}
ocpp: {{host: 127.0.0.1, port: {ocpp}}}
web: {{host: 127.0.0.1, port: {web}}}
"""

QUICK = """\
match: {vendor: [ems], model: [virtual]}
sample_interval_s: 1
"""
"""What is known of the make of virtual stations, as a model of one's own."""

PATIENT = ("raise_hold_s: 1,", "raise_hold_s: 10,")
"""Without this change `ems check` warns: a real site waits until room for a raise is proven."""


@dataclass(frozen=True)
class Installation:
    """The folder of a site, with the ports it uses and a state folder beside it."""

    folder: Path
    modbus: int
    ocpp: int
    web: int

    @classmethod
    def at(cls, tmp_path: Path) -> Installation:
        """A site that nobody has started yet."""
        here = cls(tmp_path / "site", *free_ports(3))
        here.folder.mkdir()
        here.write()
        return here

    def with_quick_stations(self) -> Installation:
        """The same, where virtual stations say each second what they draw."""
        (self.folder / "stations").mkdir()
        (self.folder / "stations" / "quick.yaml").write_text(QUICK, encoding="utf-8")
        return self

    @property
    def file(self) -> Path:
        return self.folder / "site.yaml"

    @property
    def state(self) -> Path:
        return self.folder.parent / "state"

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.web}"

    @property
    def central(self) -> str:
        return f"ws://127.0.0.1:{self.ocpp}/ocpp"

    def text(self, *changes: tuple[str, str]) -> str:
        """The site file with some of it replaced; each piece must occur."""
        text = TEXT.format(modbus=self.modbus, ocpp=self.ocpp, web=self.web)
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        return text

    def write(self, *changes: tuple[str, str], more: str = "") -> None:
        """Write the site file, changed, with `more` at its end."""
        self.file.write_text(self.text(*changes) + more, encoding="utf-8")
