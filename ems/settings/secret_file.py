"""Files that hold one secret: whether they can be read, and by whom; and how one is made."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.route import Route
from ems.settings.secret_schema import SecretKind

MAX_SECRET, MAX_KEY = 4096, 16_384
FOLDER = "secrets"
MOST_OF_A_NAME = 1000
MOST_OF_A_STEM = 100


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


def plain_secret(text: str, kind: SecretKind = SecretKind.LINE) -> str:
    """A secret as it is kept: one line, or the lines of a private key. Raises ValueError."""
    secret = text.strip()
    if kind is SecretKind.KEY:
        return _plain_key(secret)
    if not secret or len(secret) > MAX_SECRET or not secret.isprintable():
        raise ValueError(f"a secret is one line of at most {MAX_SECRET} characters")
    return secret


def _plain_key(secret: str) -> str:
    lines = [line.rstrip() for line in secret.splitlines()]
    is_key = len(lines) > 2 and all(re.fullmatch(rf"-----{word} [A-Z0-9 ]*PRIVATE KEY-----", line)
                                    for word, line in (("BEGIN", lines[0]), ("END", lines[-1])))  # fmt: skip
    if not is_key or len(secret) > MAX_KEY or not all(line.isascii() and line.isprintable() for line in lines):
        raise ValueError("a private key is all lines from -----BEGIN … PRIVATE KEY----- to -----END … PRIVATE KEY-----")
    return "\n".join(lines)


def write_secret(folder: Path, name: str, line: str) -> str:
    """Write a line, or the lines of a key, into a new file below `folder` that only its owner may read; its name as the
    site file writes it. A file that is there is left alone: something that runs may use it. Raises OSError.
    """
    secrets = folder / FOLDER
    secrets.mkdir(mode=0o700, exist_ok=True)
    stem = re.sub(r"[^a-z0-9._-]+", "-", name.lower())[:MOST_OF_A_STEM].strip(".-") or "secret"
    for number in range(1, MOST_OF_A_NAME):
        path = secrets / (stem if number == 1 else f"{stem}-{number}")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with open(handle, "w", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        return f"{FOLDER}/{path.name}"
    raise FileExistsError(17, f"there are {MOST_OF_A_NAME} secrets of that name already", str(secrets))
