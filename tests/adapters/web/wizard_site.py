"""A site file with its desk, before a picture of another site that runs; and tests of outlets that nobody makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ems.adapters.web.wizard.api import Desks
from ems.adapters.web.wizard.page import wizard_ways
from ems.assembly.backup import RECORDS
from ems.assembly.record_book import RecordBook, SiteRecords
from ems.assembly.site_desk import FileDesk
from ems.domain.remote.proof import Acceptance, CircuitPeak, Proof, Step, Verdict
from ems.settings.blank import init_site
from ems.settings.build import SiteSettings
from ems.settings.load import load
from ems.settings.revision import reload
from tests.adapters.web.scene import Scene


@dataclass
class Controller:
    """What runs, as far as its file concerns it."""

    settings: SiteSettings
    state: Path
    may_restart: bool = True
    reloads: int = 0
    restarts: int = 0

    def reload(self) -> None:
        self.reloads += 1
        self.settings = reload(self.settings.path, self.settings, self.state).settings

    def restart(self) -> None:
        self.restarts += 1


@dataclass
class Workshop:
    """The `ProofDesk` port with what it is told to show."""

    moment: datetime
    known: list[Proof] = field(default_factory=list)
    run: Acceptance | None = None

    async def begin(self, station: str, evse: int, offline: bool, who: str) -> Proof:
        del offline
        proof = Proof(station, evse, who, self.moment)
        self.known.append(proof)
        return proof

    def proofs(self) -> Sequence[Proof]:
        return self.known

    async def stop(self, station: str, who: str) -> None:
        del who
        self.known = [one for one in self.known if one.station != station]

    def watch(self, minutes: float, who: str) -> Acceptance:
        self.run = Acceptance(who, self.moment, self.moment + timedelta(minutes=minutes))
        return self.run

    def acceptance(self) -> Acceptance | None:
        return self.run

    def now(self) -> datetime:
        return self.moment


class WizardSite:
    """The wizard of a site that was just begun."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        self.file = init_site(folder / "site", "Yard", "Europe/Berlin", 63)
        self.state, self.noted = folder / "state", list[tuple[Any, ...]]()
        settings = load(self.file).settings
        assert settings is not None
        self.controller = Controller(settings, self.state)
        self.desk = FileDesk(self.file, self.state, scene, lambda *told: self.noted.append(told))
        self.desk.running = self.controller
        self.workshop = Workshop(scene.now().utc)
        self.book = RecordBook(self.state / RECORDS)
        self.records = SiteRecords(
            self.book, lambda: self.controller.settings, scene, lambda *told: self.noted.append(told)
        )
        self.ways = wizard_ways(scene, scene, Desks(self.desk, self.workshop, self.records))

    @property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    def shows_everything(self) -> None:
        """Tests with every verdict, one that runs, and a supervised run."""
        now = self.workshop.moment
        steps = tuple(Step(f"step {verdict}", verdict, "what <b>was</b> seen", 3.2) for verdict in Verdict)
        self.workshop.known = [
            Proof("CP-01", 1, "anna", now, steps),
            Proof("CP-02", 1, "anna", now, steps[:1], now, "Maker <i>Model</i> 1.0"),
        ]
        peaks = (CircuitPeak("grid", 61.0, 63.0), CircuitPeak("row-a", None, 32.0, 3.0))
        self.workshop.run = Acceptance("anna", now, now, 900.0, peaks, ("a meter <is> silent",), 5000.0, 3, True, True)
