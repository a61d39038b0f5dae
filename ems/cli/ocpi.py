"""Commands about roaming partners of the running daemon: ocpi list, invite, register, fetch, part."""

from __future__ import annotations

import argparse
import json
from typing import Any
from urllib.parse import quote

from ems.cli.interface import asked, told
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import settings_as_running
from ems.settings.build import SiteSettings

PATIENCE_S = 60.0
"""A partner may take its time."""


def show(options: argparse.Namespace) -> int:
    """Partners, and how it stands with each; 1 when one has trouble."""
    found = _sound(asked(_settings(options), "partners"), "partners")
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(f"they begin to ask at {found['versions_url']}")
        for one in found["partners"]:
            print(f"{one['id']:<16} {one['name']:<24} {_about(one)}")
        for text in found["unsaid"]:
            print(f"only in words: {text}")
    return FINDING if any(one["trouble"] for one in found["partners"]) else FINE


def invite(options: argparse.Namespace) -> int:
    """A token with which a partner can register."""
    found = _told(options, "invitation", {}, "token")
    if options.json:
        print(json.dumps(found))
    else:
        print(f"token: {found['token']}\nurl:   {found['versions_url']}")
        print("hand both over by a way that nobody else can read; the token is shown only now, and ends within a week")
    return FINE


def register(options: argparse.Namespace) -> int:
    """Register at a partner."""
    found = _told(options, "registration", {}, "id")
    print(json.dumps(found) if options.json else f"{found['id']}: {_about(found)}")
    return FINE


def fetch(options: argparse.Namespace) -> int:
    """Fetch tokens of a partner."""
    found = _told(options, "tokens", {}, "tokens")
    print(json.dumps(found) if options.json else f"{found['tokens']} tokens were fetched")
    return FINE


def part(options: argparse.Namespace) -> int:
    """Part with a partner."""
    path = f"partners/{quote(options.partner, safe='')}/registration"
    found = told(_settings(options), path, None, "DELETE", PATIENCE_S)
    if "detail" in found:
        raise UsageError(found["detail"])
    print(json.dumps({"parted": options.partner}) if options.json else "you have parted: no token is good any more")
    return FINE


def _settings(options: argparse.Namespace) -> SiteSettings:
    settings = settings_as_running(options.site)
    if settings.ocpi is None:
        raise UsageError("this site has no partners: write a section ocpi: into site.yaml")
    return settings


def _told(options: argparse.Namespace, what: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    path = f"partners/{quote(options.partner, safe='')}/{what}"
    return _sound(told(_settings(options), path, body, patience_s=PATIENCE_S), key)


def _sound(found: dict[str, Any], key: str) -> dict[str, Any]:
    if key not in found:
        raise UsageError(found.get("detail", "the daemon does not know this"))
    return found


def _about(one: dict[str, Any]) -> str:
    if one["registered"] is None:
        until = one["invited_until"]
        return "not registered" if until is None else f"not registered; may do so until {until}"
    waits = f", {one['waiting']} to be told since {one['waiting_since']}" if one["waiting"] else ""
    trouble = f"; trouble since {one['trouble_since']}: {one['trouble']}" if one["trouble"] else ""
    return f"registered {one['registered']}, {one['tokens']} tokens{waits}{trouble}"
