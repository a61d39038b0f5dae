"""The folder that a command writes its results into."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ems.cli.outcome import UsageError

OTHER_NAME = "name another folder with --out"


def make_folder(folder: Path | None, remedy: str = OTHER_NAME) -> None:
    """Before the work, so that an hour of it is not lost to a wrong name; nothing where none is named. Raises
    UsageError where nothing can be written there.
    """
    if folder is None:
        return
    with writing_to(folder, remedy):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


@contextmanager
def writing_to(folder: Path, remedy: str = OTHER_NAME) -> Iterator[None]:
    """What is written inside; an OSError of it becomes a UsageError that names the folder and the remedy."""
    try:
        yield
    except OSError as failed:
        raise UsageError(f"cannot write to {folder}: {failed.strerror}; {remedy}") from None
