"""What the installer's wizard needs, put together."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ems.adapters.ocpp.server import CentralSystem
from ems.adapters.store.store import Store
from ems.adapters.web.wizard.api import Desks
from ems.adapters.web.wizard.page import wizard_ways
from ems.assembly.backup import RECORDS
from ems.assembly.record_book import RecordBook, SiteRecords
from ems.assembly.site_desk import FileDesk, Running
from ems.control.memory import Memory
from ems.domain.decision import Decision
from ems.domain.events import Event
from ems.domain.remote.proof import Acceptance, CircuitPeak, Proof, Step, Verdict
from ems.domain.state import SiteState
from ems.ports.controller import Live
from ems.runtime.loop import Loop
from ems.runtime.proving import Prover
from ems.runtime.remote import RemoteControl
from ems.runtime.supervision import Supervision
from ems.settings.atomic import replace_file
from ems.settings.build import SiteSettings
from ems.settings.site_draft import FOLDER

log = logging.getLogger(__name__)

PROOFS, RUN = "proofs.json", "acceptance.json"

Held = TypeVar("Held", bound=Running)
Look = Callable[[Sequence[Event], SiteState, Memory, Decision], None]


class WizardParts(NamedTuple):
    """The parts of the wizard: its desks, its ways, and what watches every tick."""

    site: FileDesk
    prover: Prover
    routers: Sequence[Any]
    look: Look

    def held_by(self, running: Held) -> Held:
        """The daemon whose file is changed."""
        self.site.running = running
        return running


def wizard_parts(
    settings: SiteSettings,
    state_dir: Path,
    loop: Loop,
    store: Store,
    live: Live,
    line: CentralSystem,
    remote: RemoteControl,
) -> WizardParts:
    """The wizard of a site. What was proven earlier is known again."""
    folder, clock = state_dir / FOLDER, remote.clock
    site = FileDesk(settings.path, state_dir, clock, store.audit.add)

    def running() -> SiteSettings:
        return settings if site.running is None else site.running.settings

    supervision = Supervision(clock, lambda: running().revision, lambda run: _later(folder / RUN, asdict(run)))
    supervision.run = _read_run(folder / RUN)
    known = {(one.station, one.evse): one for one in _read_proofs(folder / PROOFS)}

    async def save(_: Proof) -> None:
        await asyncio.to_thread(_write, folder / PROOFS, [asdict(one) for one in prover.known.values() if one.is_over])

    prover = Prover(
        lambda: loop.core.state, loop.inbox.put, line, remote, clock, store.audit.add, save, supervision, known
    )
    records = SiteRecords(RecordBook(state_dir / RECORDS), running, clock, store.audit.add)
    return WizardParts(site, prover, wizard_ways(live, clock, Desks(site, prover, records)), supervision.look)


def _later(path: Path, told: Any) -> None:
    """Write beside the loop, which must not wait for a disk."""
    asyncio.get_running_loop().run_in_executor(None, _write, path, told)


def _write(path: Path, told: Any) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, json.dumps(told, default=str, indent=1).encode())
    except OSError as failed:
        log.warning("wizard.not-kept file=%s: %s", path, failed.strerror)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as failed:
        log.warning("wizard.not-read file=%s: %s", path, failed)
        return None


def _read_proofs(path: Path) -> list[Proof]:
    try:
        return [_proof(one) for one in _read(path) or []]
    except (KeyError, TypeError, ValueError) as wrong:
        log.warning("wizard.not-read file=%s: %r", path, wrong)
        return []


def _proof(told: Any) -> Proof:
    steps = tuple(Step(s["name"], Verdict(s["verdict"]), s["words"], s["seconds"]) for s in told["steps"])
    times = [datetime.fromisoformat(told[name]) for name in ("began", "ended")]
    return Proof(told["station"], told["evse"], told["who"], times[0], steps, times[1], told["maker"])


def _read_run(path: Path) -> Acceptance | None:
    told = _read(path)
    if told is None:
        return None
    try:
        times = {name: datetime.fromisoformat(told[name]) for name in ("began", "ends")}
        peaks = tuple(CircuitPeak(**one) for one in told["peaks"])
        return Acceptance(**{**told, **times, "peaks": peaks, "alarms": tuple(told["alarms"])})
    except (KeyError, TypeError, ValueError) as wrong:
        log.warning("wizard.not-read file=%s: %r", path, wrong)
        return None
