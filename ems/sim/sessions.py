"""Real charging sessions, as other people recorded them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ems.domain.foreign_text import text_of
from ems.sim.recorded_file import bytes_of
from ems.sim.session_forms import read_form
from ems.sim.session_record import Rejected, SessionRecord


@dataclass(frozen=True, slots=True)
class SessionFile:
    """All sessions of a source in order of arrival, and what was rejected."""

    name: str
    form: str
    records: tuple[SessionRecord, ...]
    rejected: tuple[Rejected, ...]

    def stations(self) -> dict[str, int]:
        """Sessions per station, in order of the first arrival."""
        return dict(Counter(record.station for record in self.records))

    def within(self, since: datetime, until: datetime) -> tuple[SessionRecord, ...]:
        """Sessions that arrive not before `since` and before `until`."""
        return tuple(record for record in self.records if since <= record.arrival < until)


def read_sessions(path: Path, zone: ZoneInfo | None = None) -> SessionFile:
    """Read a file of any known form, gzipped or not; `zone` is that of times without an offset.

    Raises ValueError, naming the file, when it cannot be read.
    """
    return parse_sessions(bytes_of(path), str(path), zone)


def parse_sessions(data: bytes, name: str, zone: ZoneInfo | None = None) -> SessionFile:
    """Read sessions from the text of a file called `name`. Raises ValueError when the form is unknown."""
    form, found = read_form(text_of(data), name, zone)
    records: dict[tuple[str, str, datetime], SessionRecord] = {}
    rejected: list[Rejected] = []
    for where, item in found:
        if isinstance(item, str):
            rejected.append(Rejected(where, item))
        elif (key := (item.id, item.station, item.arrival)) in records:
            rejected.append(Rejected(where, f"session {item.id} stands there a second time"))
        else:
            records[key] = item
    ordered = sorted(records.values(), key=lambda record: (record.arrival, record.station, record.id))
    return SessionFile(name, form, tuple(ordered), tuple(rejected))
