"""The files that the browser gets: our own, and those that installed packages carry for it."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import metadata, resources
from typing import NamedTuple

from ems.adapters.web.words import CONDITIONS, GROUPS, MODES

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
CARRIED = {
    "uplot.js": ("uplot-python", "uplot/static/uPlot.iife.js"),
    "uplot.css": ("uplot-python", "uplot/static/uPlot.min.css"),
    "swagger-ui.js": ("fastapi-offline", "fastapi_offline/static/swagger-ui-bundle.js"),
    "swagger-ui.css": ("fastapi-offline", "fastapi_offline/static/swagger-ui.css"),
}
"""Files of other packages: they are served, but the packages are never imported."""


class Asset(NamedTuple):
    """A file in memory, as a gzip file: nearly everybody takes it so, and it is the smaller form to keep."""

    gzipped: bytes
    media_type: str

    def plain(self) -> bytes:
        """The file itself; takes milliseconds."""
        return gzip.decompress(self.gzipped)


class Assets:
    """All files, under a name that changes with their content, so that a browser may keep them for ever."""

    def __init__(self, files: Mapping[str, Asset]) -> None:
        self._files = files
        digest = hashlib.sha256()
        for name in sorted(files):
            digest.update(name.encode() + b"\0" + files[name].gzipped)
        self.build = digest.hexdigest()[:12]

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def get(self, build: str, name: str) -> Asset | None:
        """A file of this build; a path is a name among others and leads nowhere."""
        return self._files.get(name) if build == self.build else None

    def url(self, name: str) -> str:
        """Where the browser finds a file."""
        return f"/static/{self.build}/{name}"


@cache
def load() -> Assets:
    """Read everything, once in the life of the program. A carried file whose package is not installed is left out."""
    files = {}
    for entry in resources.files("ems.adapters.web").joinpath("static").iterdir():
        if entry.name.endswith(tuple(TYPES)):
            files[entry.name] = _asset(entry.name, entry.read_bytes())
    for name, (package, path) in CARRIED.items():
        body = _carried(package, path)
        if body is not None:
            files[name] = _asset(name, body)
    words = {
        "GROUPS": GROUPS,
        "CONDITIONS": {key: value._asdict() for key, value in CONDITIONS.items()},
        "MODES": {key: value._asdict() for key, value in MODES.items()},
    }
    script = "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in words.items())
    files["words.js"] = _asset("words.js", script.encode("utf-8"))
    return Assets(files)


def _carried(package: str, path: str) -> bytes | None:
    try:
        found = metadata.distribution(package).locate_file(path)
        with open(str(found), "rb") as file:
            return file.read()
    except (metadata.PackageNotFoundError, OSError):
        return None


def _asset(name: str, body: bytes) -> Asset:
    kind = TYPES[name[name.rindex(".") :]]
    return Asset(gzip.compress(body, 6, mtime=0), kind)
