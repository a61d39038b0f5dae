"""Commands about tags of the running daemon: tag list, add, block, unblock, import."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ems.cli.interface import asked, told
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.pull_out import text_of
from ems.cli.site import settings_as_running

MOST = 10_000


def show(options: argparse.Namespace) -> int:
    """Tags, and cards that were presented and nobody knows."""
    settings = settings_as_running(options.site)
    found = _sound(asked(settings, f"tags?{urlencode({'search': options.search, 'limit': MOST})}"), "tags")
    unknown = _sound(asked(settings, "cards"), "cards")["cards"]
    if options.json:
        print(json.dumps({**found, "cards": unknown}, indent=2))
        return FINE
    for tag in found["tags"]:
        print(f"{tag['id']:<20} {tag['name'] or tag['person'] or '':<24} {_about(tag)}".rstrip())
    for card in unknown:
        print(f"{card['tag']:<20} unknown: presented at {card['evse']}, {card['at']}, {card['count']} times")
    if not found["tags"] and not unknown:
        print("no tag is known; hold a card up at a station, or: ems tag add SITE TAG")
    return FINE


def add(options: argparse.Namespace) -> int:
    """Add a tag; one that is known is left as it is."""
    settings = settings_as_running(options.site)
    body = {
        "name": options.name,
        "person": options.person,
        "groups": options.group,
        "places": options.at,
        "hours": options.hours,
        "valid_to": options.until,
        "budget_kwh": options.budget_kwh,
        "budget_cost": options.budget_cost,
        "budget_period": options.period,
        "at_once": options.at_once,
        "priority": options.priority,
    }
    if options.person is not None and "id" not in asked(settings, f"people/{quote(options.person, safe='')}"):
        _sound(told(settings, f"people/{quote(options.person, safe='')}", {}, "PUT"), "id")
    known = {name: value for name, value in body.items() if value not in (None, [], "")}
    path = f"tags/{quote(options.tag, safe='')}"
    if "id" in asked(settings, path):
        raise UsageError(f"the tag {options.tag} is known already; change it at the page, or with `ems tag import`")
    return _said(options, _sound(told(settings, path, known, "PUT"), "id"), "may charge")


def block(options: argparse.Namespace) -> int:
    """Block a tag: what it charges ends."""
    return _blocked(options, blocked=True)


def unblock(options: argparse.Namespace) -> int:
    """Let a tag charge again."""
    return _blocked(options, blocked=False)


def take(options: argparse.Namespace) -> int:
    """A list of tags: what it would change, and with --apply change it."""
    text = text_of(options.file)
    settings = settings_as_running(options.site)
    answer = told(settings, "tag-list/import" + ("?apply=true" if options.apply else ""), {"csv": text})
    if "findings" not in answer:
        raise UsageError(answer["detail"])
    refused = answer.get("refused", True)
    if options.json:
        print(json.dumps(answer, indent=2))
        return FINDING if refused else FINE
    for tag in answer.get("tags", ()):
        print(f"{tag['kind']:<8} {tag['tag']:<20} {tag['name']}".rstrip())
    for finding in answer["findings"]:
        print(f"{options.file}:{finding['row']}: {finding['message']}; {finding['remedy']}")
    if refused:
        print("nothing is taken")
        return FINDING
    counts = Counter(tag["kind"] for tag in answer["tags"])
    said = ", ".join(f"{counts[kind]} {kind}" for kind in ("new", "changed", "same"))
    print(f"taken: {said}" if answer["applied"] else f"would be taken: {said}; nothing has changed yet, add --apply")
    return FINE


def _blocked(options: argparse.Namespace, blocked: bool) -> int:
    settings = settings_as_running(options.site)
    answer = told(settings, f"tags/{quote(options.tag, safe='')}/block", {"blocked": blocked})
    return _said(options, _sound(answer, "id"), "is blocked" if blocked else "may charge")


def _said(options: argparse.Namespace, tag: Mapping[str, Any], words: str) -> int:
    print(json.dumps(tag, indent=2) if options.json else f"{tag['id']} {words}")
    return FINE


def _sound(answer: dict[str, Any], key: str) -> dict[str, Any]:
    """An answer that is none of a refusal. Raises UsageError."""
    if key not in answer:
        raise UsageError(str(answer["detail"]))
    return answer


def _about(tag: Mapping[str, Any]) -> str:
    parts = ["blocked"] if tag["blocked"] else []
    parts += [f"in {', '.join(tag['groups'])}"] if tag["groups"] else []
    parts += [f"at {', '.join(tag['places'][:5])}"] if tag["places"] else []
    parts += tag["hours"]
    parts += [f"until {tag['valid_to']}"] if tag["valid_to"] is not None else []
    if tag["budget_cost"] is not None:
        parts.append(f"{tag['spent_cost']} of {tag['budget_cost']} a {tag['budget_period']}")
    if tag["budget_kwh"] is not None:
        parts.append(f"{tag['spent_kwh'] or 0:g} of {tag['budget_kwh']:g} kWh a {tag['budget_period']}")
    return "; ".join(parts)
