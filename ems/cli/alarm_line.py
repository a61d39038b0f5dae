"""What can be typed after `ems alarms`."""

from __future__ import annotations

import argparse

from ems.cli.tag_line import SITE


def add_alarms(parser: argparse.ArgumentParser) -> None:
    """Add the options of `ems alarms`."""
    parser.set_defaults(carried_out_by="alarms.show")
    parser.add_argument("site", nargs="?", help=SITE)
    parser.add_argument("--all", action="store_true", help="those that are over too, the newest first")
    parser.add_argument("--search", default="", help="in what an alarm says, its stations and its note")
    parser.add_argument("--seen", type=int, metavar="NUMBER", help="say that you have seen this one")
    parser.add_argument("--note", default="", help="what is done about it")
    parser.add_argument("--json", action="store_true", help="for programs")
