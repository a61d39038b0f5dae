"""Who may connect as which station: password files, read and checked."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.installation import is_loopback
from ems.settings.password import IN_MEMORY_N, PasswordHash

MAX_PASSWORD_BYTES = 1024
SHORT_PASSWORD = 16
SHOWN_STATIONS = 5

Access = Mapping[str, PasswordHash | None]
"""The password of each station; None where everybody may connect."""


def read_access(draft: Draft) -> tuple[dict[str, PasswordHash | None], tuple[Finding, ...]]:
    """Read the password file of every station in use; a faulty one is an error."""
    access: dict[str, PasswordHash | None] = {}
    findings: list[Finding] = []
    for name in dict.fromkeys(station for station, *_ in draft.outlets()):
        file = draft.shape.stations[name].password_file
        if file is None:
            access[name] = None
            continue
        try:
            path = draft.folder / Path(file).expanduser()
            access[name], problems = _read(draft, name, path)
        except (OSError, ValueError, RuntimeError) as problem:
            reason = getattr(problem, "strerror", None) or str(problem)
            message = f"the password file '{file[:80]}' of station '{name}' cannot be used: {reason}"
            remedy = "write the station's password, or its hash, into that file and make it readable for the service"
            if isinstance(problem, FileNotFoundError):
                remedy = f"`ems password {shlex.quote(str(path))}` makes one"
            problems = [draft.document.error(("stations", name, "password_file"), message, remedy)]
        findings += problems
    return access, tuple(findings)


def unprotected(draft: Draft) -> Iterator[Finding]:
    """Stations without a password, where others than this machine can connect."""
    open_to_all = [name for name, s in draft.shape.stations.items() if s.enabled and s.password_file is None]
    if not open_to_all or is_loopback(draft.shape.ocpp.host):
        return
    shown = ", ".join(open_to_all[:SHOWN_STATIONS])
    more = len(open_to_all) - SHOWN_STATIONS
    message = f"no password_file: anybody in that network can pose as {shown}{f' and {more} more' if more > 0 else ''}"
    remedy = "set a password in the station and name a file that holds it, for example password_file: secrets/cp-01"
    yield draft.document.warning(("stations", open_to_all[0]), message, remedy)


def _read(draft: Draft, name: str, path: Path) -> tuple[PasswordHash, list[Finding]]:
    with path.open("rb") as file:
        raw = file.read(MAX_PASSWORD_BYTES + 1)
        mode = stat.S_IMODE(path.stat().st_mode)
    text = raw.decode("utf-8").strip("\r\n")
    if not text.strip() or len(raw) > MAX_PASSWORD_BYTES or "\n" in text:
        raise ValueError("it must hold one line")
    route = ("stations", name, "password_file")
    findings: list[Finding] = []
    if mode & stat.S_IROTH:
        remedy = f"chmod 600 {path}"
        findings.append(draft.document.warning(route, f"everybody on this machine can read '{path}'", remedy))
    if text.startswith("scrypt$"):
        return PasswordHash.parse(text), findings
    short = f" and has only {len(text)} characters" if len(text) < SHORT_PASSWORD else ""
    message = f"the password of station '{name}' stands in plain text in '{path}'{short}"
    findings.append(draft.document.warning(route, message, "put its hash there instead of the password"))
    return PasswordHash.of(text, n=IN_MEMORY_N), findings
