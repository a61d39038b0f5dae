"""How every part of the running daemon is doing, and what of the site file waits for a restart."""

from __future__ import annotations

import argparse
import json

from ems.cli.interface import asked
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import settings_as_running


def show(options: argparse.Namespace) -> int:
    """A line for each part. A finding as long as something is wrong."""
    found = asked(settings_as_running(options.site), "parts")
    if "parts" not in found:
        raise UsageError(str(found.get("detail", "the daemon answers something else")))
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for part in found["parts"]:
            print(f"{part['condition']:<5} {part['name']}: {part['words']}")
            if part["last_error"]:
                print(f"{'':5} last trouble {part['last_error_at']}: {part['last_error']}")
    return FINDING if any(part["condition"] == "bad" for part in found["parts"]) else FINE
