"""An archive for somebody who helps from afar: what the controller sees, says and is told, without secrets, tags, names
of people, or addresses that let somebody in.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ems.adapters.web.shape import Picture
from ems.domain.record.history import Audit
from ems.domain.system_status import LogLine

MASK = "•••"
MOST_YAML = 1 << 20
_SECRET = re.compile(
    r"pass|secret|token|key$|authorization|(?:^|_)(?:id_?)?tags?(?:$|_)|holder|person|mail|phone|iban|cost_centre"
    r"|^name$|^who$|^vehicle$",
    re.IGNORECASE,
)
_EMPTY: tuple[Any, ...] = (None, "", [], {}, ())
OF_THINGS = frozenset({"vehicle", "weekly_departure", "departure", "service_class", "choice", "limit_told"})
"""Tables of which an id says nothing of a person."""

_KEPT = frozenset({"password_file", "key_file", "notice_secret_file", "secret_file", "token_file"})
_LINE = re.compile(r"^(\s*-?\s*)([\w-]+)(\s*:\s*)(\S.*)$")
_INLINE = re.compile(r"([\w-]+)(\s*:\s*)([^,{}\[\]]+)")
_URL = re.compile(r"(\w+://)[^/@\s'\"]+@")
_QUERY = re.compile(r"(\w+://[^\s?'\"]+\?)[^\s'\"#]+")
_SEGMENT = re.compile(r"(?<=/)(?=[^/]*\d)[A-Za-z0-9_-]{20,}(?=[/?\s'\"}]|$)")
"""Addresses of webhooks hold their secret in the query, or as a part of the path that no human would choose."""

_LONG = re.compile(r"\b[A-Za-z0-9_-]{32,}\b")
_QUOTED_TAG = re.compile(r"((?:tag|id_tag|idTag|card)\s*[=:]\s*)('[^']*'|\"[^\"]*\"|\S+)", re.I)


def bundle(
    folder: Path,
    about: dict[str, Any],
    log: Sequence[LogLine],
    audits: Sequence[Audit],
    seen: Picture,
) -> bytes:
    """The archive, gzipped. Blocks."""
    files = {
        "about.json": _json(_inert(about)),
        "log.txt": "\n".join(
            f"{one.at:%Y-%m-%dT%H:%M:%SZ} {one.level} {one.source} {masked_text(one.text)}" for one in log
        ),
        "audit.json": _json([_audit(one) for one in audits]),
        "state.json": _json(masked(seen)),
    }
    for path in sorted(folder.glob("*.yaml")):
        if path.stat().st_size <= MOST_YAML:
            files[f"site/{path.name}"] = masked_yaml(path.read_text("utf-8", "replace"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            content = text.encode("utf-8", "replace")
            info = tarfile.TarInfo(f"ems-support/{name}")
            info.size, info.mode = len(content), 0o600
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def masked(told: Any) -> Any:
    """The same without what nobody afar should know."""
    if isinstance(told, dict):
        hidden = {"id"} if told.get("table", "vehicle") not in OF_THINGS else set()
        return {
            name: MASK if (name in hidden or _hides(str(name))) and value not in _EMPTY else masked(value)
            for name, value in told.items()
        }
    if isinstance(told, list | tuple):
        return [masked(value) for value in told]
    return masked_text(told) if isinstance(told, str) else told


def _inert(told: Any) -> Any:
    """The same with every text masked, whatever its key."""
    if isinstance(told, dict):
        return {name: _inert(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [_inert(value) for value in told]
    return masked_text(told) if isinstance(told, str) else told


def masked_text(text: str) -> str:
    """A text without users and queries of URLs, tags and what looks like a secret."""
    addressed = _SEGMENT.sub(MASK, _QUERY.sub(rf"\g<1>{MASK}", _URL.sub(rf"\g<1>{MASK}@", text)))
    return _LONG.sub(MASK, _QUOTED_TAG.sub(rf"\g<1>{MASK}", addressed))


def masked_yaml(text: str) -> str:
    """A file of the site, line by line, with its comments."""
    return "\n".join(_masked_line(line) for line in text.splitlines()) + "\n"


def _masked_line(line: str) -> str:
    code, hash_, comment = line.partition(" #")
    found = _LINE.match(code)
    if found is not None and "{" not in found[4]:
        lead, key, colon, value = found.groups()
        code = f"{lead}{key}{colon}{MASK if _hides(key, in_file=True) else masked_text(value)}"
    else:
        code = _INLINE.sub(
            lambda one: f"{one[1]}{one[2]}{MASK if _hides(one[1], in_file=True) else masked_text(one[3])}", code
        )
    return f"{code}{hash_}{masked_text(comment)}"


def _hides(key: str, in_file: bool = False) -> bool:
    """Whether the value of a key is masked; in files of the site names are those of things."""
    if key in _KEPT:
        return False
    if in_file and key in {"name", "tags", "names"}:
        return False
    return _SECRET.search(key) is not None


def _line(one: LogLine) -> str:
    return f"{one.at:%Y-%m-%dT%H:%M:%SZ} {one.level} {one.source} {masked_text(one.text)}"


def _audit(one: Audit) -> dict[str, Any]:
    try:
        detail = masked(json.loads(one.detail))
    except ValueError:
        detail = MASK
    return {"at": one.at.isoformat(), "what": one.what, "detail": detail}


def _json(told: Any) -> str:
    return json.dumps(told, indent=1, default=str, ensure_ascii=False)
