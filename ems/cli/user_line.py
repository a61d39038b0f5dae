"""What can be typed after `ems user`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Kinds = argparse._SubParsersAction[argparse.ArgumentParser]

ROLES = ("viewer", "operator", "installer", "admin")
SITE = "a folder that holds site.yaml, or the name of a shipped site (default: $EMS_SITE)"


def add_user(parser: argparse.ArgumentParser) -> None:
    """Add the kinds of `ems user`."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    one = _kind(kinds, "add", "A new user; the password is asked for, or is the first line of the input")
    one.add_argument("name")
    one.add_argument("--role", choices=ROLES, help="the first user is an admin")
    one = _kind(kinds, "list", "All users and tokens")
    one.add_argument("--json", action="store_true", help="for programs")
    _kind(kinds, "passwd", "Another password; the user is logged out everywhere").add_argument("name")
    one = _kind(kinds, "role", "Another role")
    one.add_argument("name")
    one.add_argument("role", choices=ROLES)
    _kind(kinds, "disable", "Log a user out everywhere and let it in no more, nor its tokens").add_argument("name")
    _kind(kinds, "enable", "Let a user in again").add_argument("name")
    one = _kind(kinds, "token", "A new token of a user, for a program: printed once, kept as a digest")
    one.add_argument("name")
    one.add_argument("--label", required=True, help="what it is for")
    one.add_argument("--role", choices=ROLES, default="viewer", help="default: %(default)s")
    one.add_argument("--days", type=float, default=90.0, help="it ends then (default: %(default)s)")
    text = "a part of the interface that it opens, as the tags of /docs name them; again for more (default: all)"
    one.add_argument("--area", action="append", default=[], help=text)
    _kind(kinds, "revoke", "A token opens nothing any more").add_argument("id", help="as `ems user list` shows it")


def _kind(kinds: Kinds, name: str, text: str) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = kinds.add_parser(name, help=text, description=f"{text}.")
    added.set_defaults(carried_out_by=f"user.{name}")
    added.add_argument("site", nargs="?", help=SITE)
    return added
