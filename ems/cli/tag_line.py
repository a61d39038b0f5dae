"""What can be typed after `ems tag`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ems.domain.access.tag import Period

if TYPE_CHECKING:
    Kinds = argparse._SubParsersAction[argparse.ArgumentParser]

SITE = "a folder that holds site.yaml, or the name of a shipped site (default: $EMS_SITE)"


def add_tag(parser: argparse.ArgumentParser) -> None:
    """Add the kinds of `ems tag`."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    one = _kind(kinds, "list", "show", "Tags that are known, and cards that nobody knows")
    one.add_argument("--search", default="", help="in the tag, its name and its person's")
    _add(_kind(kinds, "add", "add", "A new tag that may charge"))
    _kind(kinds, "block", "block", "Block a tag; what it charges ends").add_argument("tag")
    _kind(kinds, "unblock", "unblock", "Let a tag charge again").add_argument("tag")
    one = _kind(kinds, "import", "take", "A list of tags (CSV): what it would change, and with --apply change it")
    one.add_argument("file", type=Path, help="tag; and name, person, groups, valid_to, evses, hours, … if there")
    one.add_argument("--apply", action="store_true", help="take all of it; if a row is refused, nothing")


def _add(one: argparse.ArgumentParser) -> None:
    one.add_argument("tag", help="as the station reports it; `ems tag list` shows cards that were presented")
    one.add_argument("--name", default="", help="what people call it")
    one.add_argument("--person", help="whose it is; added if nobody knows them")
    one.add_argument("--group", action="append", default=[], help="a group it is in; again for more")
    one.add_argument("--at", action="append", default=[], help="an EVSE or station where it may charge; again for more")
    one.add_argument("--hours", action="append", default=[], help="for example 'Mon-Fri 06:00-22:00'; again for more")
    one.add_argument("--until", help="the moment it ends, for example 2027-01-01T00:00+01:00")
    one.add_argument("--budget-kwh", type=float, help="at most so much energy in each period")
    one.add_argument("--budget-cost", help="at most for so much money in each period, for example 50.00")
    periods = [period.value for period in Period]
    one.add_argument("--period", choices=periods, default=Period.MONTH.value, help="default: %(default)s")
    one.add_argument("--at-once", type=int, help="sessions at a time; 0 is any number (default: 1)")
    one.add_argument("--priority", type=int, help="its class of service")


def _kind(kinds: Kinds, name: str, carried_out_by: str, text: str) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = kinds.add_parser(name, help=text, description=f"{text}.")
    added.set_defaults(carried_out_by=f"tags.{carried_out_by}")
    added.add_argument("site", nargs="?", help=SITE)
    added.add_argument("--json", action="store_true", help="for programs")
    return added
