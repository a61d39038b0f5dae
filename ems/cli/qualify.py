"""The commissioning test of an outlet, carried out by the running daemon and told step by step."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from ems.cli.interface import asked, told
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import settings_as_running
from ems.settings.build import SiteSettings

POLL_S = 0.5
OFTEN = 7200
"""Questions for the outcome: an hour, in which the longest lease is over."""

SIGNS = {"passed": "ok  ", "failed": "FAIL", "skipped": "-   ", "running": "... "}


def qualify(options: argparse.Namespace) -> int:
    """Test an outlet, and tell what was seen; a step that failed is a finding, and so is a test that saw nothing."""
    settings = settings_as_running(options.site)
    body = {"station": options.station, "evse": options.evse, "offline": options.offline}
    begun = _sound(told(settings, "site/proofs", body))
    shown = 0
    try:
        for _ in range(OFTEN):
            proof = _proof(settings, options.station, options.evse, begun)
            steps = [step for step in proof["steps"] if step["verdict"] != "running"]
            if not options.json:
                print("".join(f"{_line(step)}\n" for step in steps[shown:]), end="", flush=True)
            shown = len(steps)
            if proof["ended"] is not None:
                return _over(proof, options.json)
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        told(settings, f"site/proofs/{options.station}", None, method="DELETE")
        raise
    raise UsageError("the test does not end; the daemon's log says more")


def _over(proof: dict[str, Any], as_json: bool) -> int:
    if as_json:
        print(json.dumps(proof, indent=2))
    else:
        print(f"{proof['station']}/{proof['evse']} {proof['maker']}: {proof['verdict']}".replace(" :", ":"))
    return FINE if proof["verdict"] == "passed" else FINDING


def _proof(settings: SiteSettings, station: str, evse: int, begun: dict[str, Any]) -> dict[str, Any]:
    found = _sound(asked(settings, "site/proofs"))["proofs"]
    return next((one for one in found if (one["station"], one["evse"]) == (station, evse)), begun)


def _line(step: dict[str, Any]) -> str:
    seconds = "" if step["seconds"] is None or step["verdict"] != "passed" else f"  ({step['seconds']:g} s)"
    return f"{SIGNS[step['verdict']]} {step['name']}: {step['words']}{seconds}"


def _sound(found: dict[str, Any]) -> dict[str, Any]:
    if "status" in found and "detail" in found:
        raise UsageError(str(found["detail"]))
    return found
