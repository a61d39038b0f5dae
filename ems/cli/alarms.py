"""Alarms of the running daemon: what lasts, what was, and who has seen it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from ems.cli.interface import asked, told
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import settings_as_running

MOST = 200


def show(options: argparse.Namespace) -> int:
    """Show alarms, or say that one is seen. A finding as long as nobody has seen one that lasts."""
    settings = settings_as_running(options.site)
    if options.seen is not None:
        body = {"note": options.note}
        seen = _sound(told(settings, f"alarms/{options.seen}/acknowledge", body), "number")
        print(json.dumps(seen, indent=2) if options.json else f"it is noted that you have seen: {seen['text']}")
        return FINE
    query = {"open": str(not options.all).lower(), "search": options.search, "limit": MOST}
    found = _sound(asked(settings, f"alarms?{urlencode(query)}"), "alarms")
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for alarm in found["alarms"]:
            print("\n".join(_lines(alarm, settings.site.zone)))
        if not found["alarms"]:
            print("nothing is wrong" if not options.all and not options.search else "nothing fits")
    return FINDING if found["unseen"] else FINE


def _lines(alarm: Mapping[str, Any], zone: Any) -> list[str]:
    when = [datetime.fromisoformat(alarm[name]).astimezone(zone) for name in ("began", "cleared") if alarm[name]]
    span = " to ".join(f"{at:%d %b %H:%M}" for at in when)
    head = f"{alarm['number']:>5}  {'over' if alarm['cleared'] else 'open'}  {span}  {alarm['text']}"
    said = [f"{'':13}{alarm[name]}" for name in ("hint", "remedy") if alarm[name]]
    seen = alarm["acknowledged"]
    if seen:
        said.append(f"{'':13}seen by {seen['by']}{': ' if seen['note'] else ''}{seen['note']}")
    return [head, *said]


def _sound(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    if key not in found:
        raise UsageError(str(found.get("detail", "the daemon answers something else")))
    return found
