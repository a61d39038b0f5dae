"""How the parts of a running daemon are doing, and what its machine can be asked for."""

from __future__ import annotations

import asyncio
import os
import platform
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ems import __version__
from ems.adapters.store.access import reason
from ems.adapters.store.database import WRITE_ERRORS
from ems.adapters.store.store import Store
from ems.adapters.web.picture import picture
from ems.assembly.backup import FOLDER, BackupError, backup_path, backups, make_backup
from ems.assembly.opening import DATABASE
from ems.assembly.support import bundle
from ems.domain.system_status import BackupFile, ClockStatus, Condition, DiskStatus, LogLine, PartStatus, StationAnswer
from ems.ports.controller import Clock, Live, NotStoredError
from ems.ports.past import Past
from ems.ports.system import NoBackupError
from ems.runtime.clock_discipline import clock_status
from ems.runtime.recent_log import RecentLog

LATE_S = 5.0
SLOW_S = 1.0
METER_LATE = 3.0
"""So many times its interval after the last reading a meter is late."""

JOURNAL, UPLOADS = "journal", "uploads"
GOOD, WAITS, BAD = Condition


class SiteSystem:
    """The `SystemDesk` of a running daemon. `waiting`: what the site file says and waits for a restart, in words."""

    def __init__(
        self,
        live: Live,
        clock: Clock,
        store: Store,
        past: Past,
        folder: Path,
        state_dir: Path,
        answers: Callable[[], Iterable[StationAnswer]] = tuple,
    ) -> None:
        self._live, self._clock, self._store, self._past = live, clock, store, past
        self._folder, self._state_dir, self._answers = folder, state_dir, answers
        self._recent = RecentLog().listen()
        self._began = clock.now()
        self._making = asyncio.Lock()
        self.waiting: Sequence[str] = ()

    @property
    def versions(self) -> Sequence[tuple[str, str]]:
        """Of this program, and of what it runs on."""
        return (
            ("ems", __version__),
            ("Python", platform.python_version()),
            ("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
            ("host", platform.node()),
            ("running since", f"{self._began.utc:%Y-%m-%d %H:%M} UTC"),
        )

    def command(self, word: str) -> str:
        """As the port says. Another account than the daemon's has its state elsewhere, unless it is told."""
        beside = Path(sys.executable).with_name("ems")
        program = str(beside) if beside.is_file() else "ems"
        place = shlex.quote(str(self._state_dir.resolve()))
        return f"EMS_STATE_DIR={place} {shlex.quote(program)} {word} {shlex.quote(str(self._folder.resolve()))}"

    async def parts(self) -> Sequence[PartStatus]:
        """Every part as it is now."""
        return (
            self._controller(),
            self._file(),
            self._stations(),
            *self._meters(),
            self._planner(),
            await self._database(),
            self._by_log("web", "serves this page", "ems.adapters.web"),
            self._by_log("uploads", "no trouble is known", "ems.runtime.uploads", "ems.adapters.ftp"),
            self._by_log("payments", "no trouble is known", "ems.adapters.payment", "ems.runtime.cashier"),
            self._by_log("services", "no service had to be restarted", "ems.runtime.supervisor"),
        )

    def answers(self) -> Sequence[StationAnswer]:
        """How quickly stations answered last."""
        return tuple(self._answers())

    async def clock(self) -> ClockStatus:
        """The machine's clock."""
        return await asyncio.to_thread(clock_status)

    async def disk(self) -> DiskStatus | None:
        """The disk; None when it cannot be looked at."""
        try:
            return await asyncio.to_thread(_disk, self._state_dir)
        except OSError:
            return None

    def log(self) -> Sequence[LogLine]:
        """The last warnings and errors, newest first."""
        return self._recent.lines

    async def back_up(self, with_secrets: bool, who: str) -> BackupFile:
        """Make a backup."""
        if self._making.locked():
            raise NoBackupError("a backup is being made already; wait until it is done")
        async with self._making:
            now, site = self._clock.now().utc, self._live.state.site.name
            where = self._store.database.path or str(self._store.database)
            try:
                path = await asyncio.to_thread(
                    make_backup, site, self._folder, where, self._state_dir, now, with_secrets
                )
            except BackupError as failed:
                raise NoBackupError(str(failed)) from None
            size = path.stat().st_size
            self._store.audit.add(now, who, "BackupMade", {"name": path.name, "bytes": size, "secrets": with_secrets})
            return BackupFile(path.name, size, now, with_secrets)

    async def backups(self) -> Sequence[BackupFile]:
        """Those that lie here, newest first."""
        found = await asyncio.to_thread(backups, self._state_dir)
        return [BackupFile(one.name, one.size, one.made, one.with_secrets) for one in found]

    async def backup(self, name: str) -> Path | None:
        """Where one lies."""
        return await asyncio.to_thread(backup_path, self._state_dir, name)

    async def forget(self, name: str, who: str) -> bool:
        """Delete one."""
        path = await self.backup(name)
        if path is None:
            return False
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._store.audit.add(self._clock.now().utc, who, "BackupForgotten", {"name": name})
        return True

    async def support_bundle(self, who: str) -> bytes:
        """An archive with what somebody needs who helps from afar."""
        now = self._clock.now()
        about = {
            "made": now.utc.isoformat(),
            "versions": dict(self.versions),
            "clock": (await self.clock())._asdict(),
            "disk": None if (disk := await self.disk()) is None else disk._asdict(),
            "parts": [one._asdict() for one in await self.parts()],
        }
        try:
            audits = await self._past.audits(None, 200, "", None, None)
        except NotStoredError:
            audits = ()
        seen = picture(self._live.state, self._live.decision, now, self._live.knocks(), self._live.version)
        made = await asyncio.to_thread(bundle, self._folder, about, self._recent.lines, audits, seen)
        self._store.audit.add(now.utc, who, "SupportBundleMade", {"bytes": len(made)})
        return made

    def _controller(self) -> PartStatus:
        decision, now = self._live.decision, self._clock.now()
        if decision is None:
            return self._told("controller", WAITS, "has not decided anything yet", "ems.runtime.loop")
        age_s = now.monotonic_s - decision.at.monotonic_s
        words = f"decides every second, level {decision.level.name.lower()}"
        blocked = self._live.state.blocked
        if blocked is not None:
            words += f"; was held up for {blocked.seconds:.1f} s, {(now.monotonic_s - blocked.at) / 60:.0f} min ago"
        return self._told("controller", BAD if age_s > LATE_S else GOOD, words, "ems.runtime.loop", age_s=age_s)

    def _file(self) -> PartStatus:
        if trouble := self._live.state.settings_trouble:
            return self._told("site file", BAD, f"it has errors, an earlier revision runs: {trouble}")
        if self.waiting:
            return self._told("site file", WAITS, f"waits for a restart: {'; '.join(self.waiting)}")
        return self._told("site file", GOOD, "counts as it is written")

    def _stations(self) -> PartStatus:
        state = self._live.state
        away = [
            station.id
            for station, known in zip(state.site.stations, state.stations, strict=True)
            if not known.connected
        ]
        total = len(state.stations)
        words = f"{total - len(away)} of {total} online"
        if away:
            words += f"; not there: {', '.join(away[:8])}{' …' if len(away) > 8 else ''}"
        skews = [abs(known.clock_skew_s) for known in state.stations if known.connected]
        if skews and max(skews) >= 2:
            words += f"; a clock is {max(skews):.0f} s off"
        condition = GOOD if not away else BAD if len(away) == total else WAITS
        return self._told("stations", condition, words, "ems.adapters.ocpp")

    def _meters(self) -> Iterator[PartStatus]:
        state, now = self._live.state, self._clock.now().monotonic_s
        for meter, known in zip(state.site.meters, state.meters, strict=True):
            if known.reading is None:
                words = known.fault or "has not answered yet"
                yield self._told(f"meter {meter.id}", BAD, words, "ems.adapters.modbus")
                continue
            age_s = now - known.at
            late = age_s > METER_LATE * meter.every_s + 1.0
            words = f"read every {meter.every_s:g} s" + (f"; {known.fault} ({known.failures}×)" if known.fault else "")
            yield self._told(f"meter {meter.id}", BAD if late else GOOD, words, age_s=age_s)

    def _planner(self) -> PartStatus:
        state = self._live.state
        if state.plan is None:
            words = state.plan_trouble or f"no plan; the strategy is {state.strategy.value}"
            return self._told("planner", BAD if state.plan_trouble else GOOD, words, "ems.runtime.replan")
        age_s = self._clock.now().monotonic_s - state.planned_at
        words = state.plan_trouble or f"planned for the strategy {state.plan.strategy.value}"
        return self._told("planner", BAD if state.plan_trouble else GOOD, words, "ems.runtime.replan", age_s=age_s)

    async def _database(self) -> PartStatus:
        health, began = self._store.health, time.monotonic()
        waits = f"{health.rows_waiting} rows and {health.samples_waiting} samples wait"
        lost = health.samples_dropped + health.rows_refused
        try:
            await self._store.asked(lambda _: None, fresh=True)
        except (TimeoutError, *WRITE_ERRORS) as error:
            words = health.trouble or f"cannot be read: {reason(error)}"
            return self._told("database", BAD, words, "ems.adapters.store")
        took_s = time.monotonic() - began
        words = health.trouble or (f"{waits}; {lost} were lost" if lost else waits)
        condition = BAD if health.trouble else WAITS if lost or took_s > SLOW_S else GOOD
        return self._told("database", condition, words, "ems.adapters.store", latency_s=took_s)

    def _by_log(self, name: str, words: str, *sources: str) -> PartStatus:
        return self._told(name, GOOD, words, *sources)

    def _told(
        self,
        name: str,
        condition: Condition,
        words: str,
        *sources: str,
        age_s: float | None = None,
        latency_s: float | None = None,
    ) -> PartStatus:
        line = self._recent.last_of(*sources) if sources else None
        error, at = ("", None) if line is None else (line.text, line.at)
        return PartStatus(name, condition, words, age_s, latency_s, error, at)


def _disk(state_dir: Path) -> DiskStatus:
    used = shutil.disk_usage(state_dir)
    database = sum(path.stat().st_size for path in state_dir.glob(f"{DATABASE}*") if path.is_file())
    return DiskStatus(
        used.total, used.free, database, *(_size(state_dir / name) for name in (JOURNAL, UPLOADS, FOLDER))
    )


def _size(folder: Path) -> int:
    total = 0
    for at, _, files in os.walk(folder):
        for name in files:
            try:
                total += Path(at, name).stat().st_size
            except OSError:
                continue
    return total
