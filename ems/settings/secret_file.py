"""Files that hold one secret: whether they can be read, and by whom."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.route import Route

MAX_SECRET = 4096


class SecretError(Exception):
    """A secret cannot be had; the text says why, with the file."""


def beside(draft: Draft, name: str | None) -> Path | None:
    """The file of that name beside the site's, or where the name leads."""
    return None if name is None else draft.folder / Path(name).expanduser()


def secret_findings(draft: Draft, route: Route, path: Path | None, what: str) -> Iterator[Finding]:
    """A file that cannot be read, or that everybody can read."""
    if path is None:
        return
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        message = f"'{path}' cannot be read: {error.strerror}"
        yield draft.document.error(route, message, f"write {what} into that file")
        return
    if mode & stat.S_IROTH:
        yield draft.document.warning(route, f"everybody on this machine can read '{path}'", f"chmod 600 {path}")


def read_secret(path: Path) -> str:
    """The secret in a file, one line. Raises SecretError."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SECRET + 1).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as wrong:
        raise SecretError(f"{path} cannot be read: {wrong}") from None
    if not text or len(text) > MAX_SECRET or not text.isprintable():
        raise SecretError(f"{path} must hold the secret in one line")
    return text
