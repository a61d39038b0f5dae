"""The interface between people and the machine that the controller runs on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ems.domain.system_status import BackupFile, ClockStatus, DiskStatus, LogLine, PartStatus, StationAnswer


class NoBackupError(Exception):
    """There is no backup; the text says why, and what helps."""


class SystemDesk(Protocol):
    """What is known of the machine, and what it can be asked for."""

    @property
    def versions(self) -> Sequence[tuple[str, str]]:
        """Of this program, and of what it runs on."""
        ...

    async def parts(self) -> Sequence[PartStatus]:
        """Every part as it is now."""
        ...

    def answers(self) -> Sequence[StationAnswer]:
        """How quickly each station that is connected answered last, by name; of those that were asked nothing there is
        none.
        """
        ...

    async def clock(self) -> ClockStatus:
        """The machine's clock."""
        ...

    async def disk(self) -> DiskStatus | None:
        """The disk; None when it cannot be looked at."""
        ...

    def log(self) -> Sequence[LogLine]:
        """The last warnings and errors, newest first."""
        ...

    def command(self, word: str) -> str:
        """A command of the program about this site, as somebody types it at this machine, whoever that is."""
        ...

    async def back_up(self, with_secrets: bool, who: str) -> BackupFile:
        """Make a backup. Raises NoBackupError."""
        ...

    async def backups(self) -> Sequence[BackupFile]:
        """Those that lie here, newest first."""
        ...

    async def backup(self, name: str) -> Path | None:
        """Where one lies; None when there is none of that name."""
        ...

    async def forget(self, name: str, who: str) -> bool:
        """Delete one; False when there is none of that name."""
        ...

    async def support_bundle(self, who: str) -> bytes:
        """An archive with what somebody needs who helps from afar; secrets, tags and names are masked."""
        ...
