"""The commissioning records of a site: a file in the state folder to which lines are only ever added."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ems.assembly.record_chain import as_data, faults, follows, from_data
from ems.assembly.seldom import record_pdf_of
from ems.domain.remote.commissioning import CommissioningRecord, Handover, Part
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, NotStoredError
from ems.ports.site import NotPossibleError
from ems.settings.build import SiteSettings


class RecordBook:
    """One record per line. Blocks; whoever asks sees to it that one adds at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[tuple[CommissioningRecord, ...], tuple[str, ...]]:
        """Every record, and in words where the chain does not hold. Raises OSError."""
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return (), ()
        records, damaged = [], []
        for number, line in enumerate(lines, 1):
            try:
                records.append(from_data(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError):
                damaged.append(f"line {number} of {self._path.name} cannot be read")
        return tuple(records), (*damaged, *faults(records))

    def add(self, at: datetime, who: str, told: Handover) -> CommissioningRecord:
        """One more record; it is on the disk when this returns. Raises OSError."""
        records, _ = self.read()
        record = follows(records[-1] if records else None, at, who, told)
        line = json.dumps(as_data(record)).encode("ascii") + b"\n"
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "r+b") as file:
            if file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                line = b"\n" + line  # the last one was cut off by a crash: it must not spoil this one
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        return record


@dataclass(slots=True)
class SiteRecords:
    """The `RecordDesk` port."""

    book: RecordBook
    settings: Callable[[], SiteSettings]
    clock: Clock
    note: Callable[..., None]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def records(self) -> tuple[Sequence[CommissioningRecord], Sequence[str]]:
        """Every record, and where their chain does not hold."""
        try:
            return await asyncio.to_thread(self.book.read)
        except OSError as failed:
            raise NotPossibleError(f"the records cannot be read: {failed.strerror}") from failed

    async def add(self, is_complete: bool, parts: Sequence[Part], note: str, who: str) -> CommissioningRecord:
        """Record what was seen; the audit names the digest, so that there is a second place that knows it."""
        settings = self.settings()
        sha256 = hashlib.sha256(settings.text.encode()).hexdigest()
        site = settings.site
        told = Handover(site.name, site.timezone, settings.revision, sha256, is_complete, note, tuple(parts))
        now = self.clock.now().utc
        async with self._turn:
            try:
                record = await asyncio.to_thread(self.book.add, now, who, told)
            except OSError as failed:
                raise NotStoredError(f"{failed.filename}: {failed.strerror}") from failed
        self.note(now, who, "SiteCommissioned", {"record": record.number, "sha256": record.digest})
        return record

    async def printed(self, number: int) -> bytes:
        """A record as PDF."""
        records, _ = await self.records()
        record = next((one for one in records if one.number == number), None)
        if record is None:
            raise UnknownError(f"there is no record {number}")
        return await asyncio.to_thread(record_pdf_of, record)
