"""Where things are: shipped data, sites, and the folder that keeps the state of a site.

In a checkout the shipped data are the folders `config/` and `sites/` beside the package; an installed wheel carries
them inside the package.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

SITE_FILE = "site.yaml"

_PACKAGE = Path(__file__).resolve().parents[1]


class Catalogue(StrEnum):
    """A kind of device description: one YAML file per model, its name is the file's name."""

    METERS = "meters"
    STATIONS = "stations"


def config_folder(package: Path = _PACKAGE) -> Path:
    """The folder of shipped configuration: meter models, station models, the systemd unit."""
    return _shipped("config", package)


def sites_folder(package: Path = _PACKAGE) -> Path:
    """The folder of shipped sites."""
    return _shipped("sites", package)


def shipped_sites() -> tuple[str, ...]:
    """Names under which `site_file` finds a shipped site."""
    return tuple(sorted(path.parent.name for path in sites_folder().glob(f"*/{SITE_FILE}")))


def site_file(site: str | Path) -> Path:
    """The `site.yaml` meant by a folder, a path to the file itself, or the name of a shipped site.

    What lies on the disk goes before a shipped site of the same name. The file need not exist: reading it tells.
    """
    path = Path(site)
    if path.is_dir():
        return path / SITE_FILE
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        return path
    return sites_folder() / path / SITE_FILE if str(site) in shipped_sites() else path / SITE_FILE


def catalogue_folders(kind: Catalogue, site_folder: Path) -> tuple[Path, ...]:
    """Where models of a kind are looked for, first hit wins: in the site's own folder, then among the shipped."""
    return (site_folder / kind, config_folder() / kind)


def catalogue_files(kind: Catalogue, site_folder: Path) -> dict[str, Path]:
    """The file of every known model of a kind, by its name; the site's own go first."""
    found: dict[str, Path] = {}
    for folder in catalogue_folders(kind, site_folder):
        for path in sorted(folder.glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


def state_dir(site: Path, environ: Mapping[str, str] | None = None) -> Path:
    """Where the state of a site is kept: `EMS_STATE_DIR`, else the state directory that systemd gives, else
    `~/.local/state/ems/<site>`. `site` is the path of its `site.yaml`. Raises ValueError when there is no home.
    """
    known = os.environ if environ is None else environ
    if known.get("EMS_STATE_DIR"):
        return Path(known["EMS_STATE_DIR"])
    if known.get("STATE_DIRECTORY"):
        return Path(known["STATE_DIRECTORY"].split(":")[0])
    name = re.sub(r"[^\w.-]+", "-", site.resolve().parent.name) or "site"
    try:
        base = Path(known.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:
        raise ValueError("this user has no home directory: set EMS_STATE_DIR to a folder it may write") from None
    return base / "ems" / name


def _shipped(name: str, package: Path) -> Path:
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    return package / "_data" / name
