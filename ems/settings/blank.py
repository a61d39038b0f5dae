"""An empty site to start from: a grid connection, nothing else, and nobody is limited until somebody arms it."""

from __future__ import annotations

import os
import zoneinfo
from pathlib import Path

from ems.settings.places import SITE_FILE
from ems.settings.yaml_line import line_of

SMALLEST_A = 16.0
"""What a new site's fuse is taken to carry until somebody says it: no smaller one feeds a site."""

LOCALTIME = Path("/etc/localtime")

TEXT = """\
# This site was begun with `ems init`. Change it on the page /wizard, or here: both write the same file, comments stay.
# `ems check {folder}` names every problem with its line. Units stand in the names: _a ampere per phase conductor,
# _kw kilowatt, _s seconds, _v volt. Import is positive.

site:
  {name}
  timezone: {timezone}
  voltage_v: 230                 # phase to neutral

# The tree of fuses and breakers. The one without a parent is the grid connection.
circuits:
  grid:
    rating_a: {rating}                 # what the fuse of the grid connection carries, per phase

# Observing, the controller measures and shows what it would do, and steers nobody. Armed, it controls.
policy:
  control: observe
"""


def blank_site(folder: Path, name: str, timezone: str, rating_a: float) -> str:
    """The text of an empty site."""
    return TEXT.format(folder=folder, name=line_of("name", name), timezone=timezone, rating=f"{rating_a:g}")


def init_site(folder: Path, name: str, timezone: str, rating_a: float) -> Path:
    """Make the folder of a site, with its file and a folder for secrets. Raises FileExistsError when there is a site
    already, and OSError.
    """
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    path = folder / SITE_FILE
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
        file.write(blank_site(folder, name, timezone, rating_a))
    (folder / "secrets").mkdir(mode=0o700, exist_ok=True)
    return path


def timezone_here(localtime: Path = LOCALTIME) -> str:
    """The IANA name of this machine's time zone; UTC where it says none."""
    try:
        name = localtime.resolve().as_posix().partition("zoneinfo/")[2]
        return name if name in zoneinfo.available_timezones() and name != "Etc/UTC" else "UTC"
    except OSError:
        return "UTC"
