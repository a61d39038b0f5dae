"""A copy of the database as it is at one moment, while it is written to; and whether such a copy can be used."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ems.adapters.store.database import open_for_reading
from ems.adapters.store.migration import revisions


def copy_database(source: Path, target: Path) -> None:
    """Write a copy that stands alone, without a log beside it. Whoever writes meanwhile is not held up. Blocks; raises
    sqlite3.Error or OSError.
    """
    with closing(open_for_reading(source)) as from_, closing(sqlite3.connect(target)) as to:
        from_.backup(to)
        to.execute("PRAGMA journal_mode=DELETE")


def conclude(path: Path) -> None:
    """Let the run that was copied while it ran end where the copy does: whoever goes on from there saw no crash.
    Blocks; raises sqlite3.Error.
    """
    last = "started = (SELECT max(started) FROM start)"
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(f"UPDATE start SET ended = alive WHERE ended IS NULL AND {last}")  # noqa: S608 - our own words


def troubles_of(path: Path) -> Iterator[str]:
    """Why a copy cannot be used, in words. Blocks."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw:
            for (told,) in raw.execute("PRAGMA quick_check(5)"):
                if told != "ok":
                    yield f"the database is damaged: {told}"
            known = revisions()
            found = [row[0] for row in raw.execute("SELECT version_num FROM alembic_version")]
            if not found or found[0] not in known:
                name = found[0] if found else "none"
                yield f"the database is of revision {name}, which this program does not know: install the newer one"
    except sqlite3.Error as error:
        yield f"the database cannot be read: {error}"
