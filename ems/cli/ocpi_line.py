"""What can be typed after `ems ocpi`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Kinds = argparse._SubParsersAction[argparse.ArgumentParser]

SITE = "a folder that holds site.yaml, or the name of a shipped site"


def add_ocpi(parser: argparse.ArgumentParser) -> None:
    """Add the kinds of `ems ocpi`."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    _kind(kinds, "list", "show", "Partners, whether they are registered, and what waits for them", one=False)
    _kind(kinds, "invite", "invite", "A token with which a partner can register here; it is shown once")
    _kind(kinds, "register", "register", "Register at a partner by the token that it gave us, or again")
    _kind(kinds, "fetch", "fetch", "Fetch all tokens of a partner's drivers now")
    _kind(kinds, "part", "part", "Part with a partner: no token is good any more")


def _kind(kinds: Kinds, name: str, carried_out_by: str, text: str, one: bool = True) -> None:
    added: argparse.ArgumentParser = kinds.add_parser(name, help=text, description=f"{text}.")
    added.set_defaults(carried_out_by=f"ocpi.{carried_out_by}")
    added.add_argument("site", help=SITE)
    if one:
        added.add_argument("partner", help="as it is called below ocpi: partners in site.yaml")
    added.add_argument("--json", action="store_true", help="for programs")
