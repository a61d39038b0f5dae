"""Commands that ask the running daemon: explain, probe ocpp."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from ems.cli.interface import picture_of
from ems.cli.outcome import FINE, UsageError
from ems.cli.site import settings_as_running

SHOWN = 8


def explain(options: argparse.Namespace) -> int:
    """Who may limit an EVSE, and what does now."""
    picture = picture_of(settings_as_running(options.site))
    evse = next((e for e in picture["evses"] if e["id"] == options.evse), None)
    if evse is None:
        names = [e["id"] for e in picture["evses"]]
        known = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        raise UsageError(f"the site has no EVSE {options.evse}; it has {known}")
    chain = _chain(picture["circuits"], evse["circuit"])
    if options.json:
        print(json.dumps({"evse": evse, "circuits": chain}, indent=2))
        return FINE
    reason = evse["reason"] or {"text": "nothing has been decided yet", "until": None}
    print(f"{evse['id']}: {evse['status']}, set to {_amps(evse['setpoint_a'])}, {reason['text']}")
    if reason["until"]:
        print(f"  until {reason['until']}")
    for circuit in chain:
        print("\n".join(circuit_lines(circuit)))
    return FINE


def knocks(options: argparse.Namespace) -> int:
    """Stations that tried to connect and were refused."""
    refused = picture_of(settings_as_running(options.site))["knocks"]
    if options.json:
        print(json.dumps(refused, indent=2))
        return FINE
    for knock in refused:
        print(f"{knock['station']:<24} {knock['address']:<16} {knock['count']:>5}x  {knock['at']}  {knock['reason']}")
    if not refused:
        print("nobody has been refused")
    return FINE


def _chain(circuits: list[dict[str, Any]], first: str) -> list[dict[str, Any]]:
    """The circuits from the one that feeds an EVSE up to the grid connection."""
    by_id = {circuit["id"]: circuit for circuit in circuits}
    chain, name = [], first
    while name:
        chain.append(by_id[name])
        name = by_id[name]["parent"]
    return chain


def circuit_lines(circuit: dict[str, Any]) -> Iterator[str]:
    """A circuit of the page's state in words: whose limit holds, and what it leaves on each phase."""
    yield f"  {circuit['id']}: {circuit['limit_source'] or 'nothing has been decided yet'}"
    if circuit["limit_w"] is not None:
        yield f"    limit {circuit['limit_w'] / 1000:g} kW in all"
    for phase, rating in circuit["rating_a"].items():
        if rating:
            limit, left = ((circuit[key] or {}).get(phase) for key in ("limit_a", "headroom_a"))
            rest = f"{_amps(left)} for vehicles"
            if left is not None and left < 0:
                rest = f"nothing for vehicles: up to {_amps(-left)} more may flow than that"
            yield f"    {phase}: rated {_amps(rating)}, limit {_amps(limit)}, {rest}"


def _amps(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g} A"
