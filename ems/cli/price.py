"""Commands about what drivers pay: price list, set, remove, preview, receipt."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ems.cli.interface import asked, told
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import settings_as_running
from ems.settings import yaml_text

MAX_BYTES = 100_000
UNITS = {"kwh": "kWh", "minute": "min", "idle-minute": "min idle", "session": "session"}


def every(options: argparse.Namespace) -> int:
    """All price lists."""
    found = _sound(asked(settings_as_running(options.site), "price-lists"))["price_lists"]
    if options.json:
        print(json.dumps(found, indent=2))
        return FINE
    for prices in found:
        print("\n".join(_list_lines(prices)))
    if not found:
        print("there are no price lists: everything is free")
    return FINE


def keep(options: argparse.Namespace) -> int:
    """Say what drivers pay who plug in from now on."""
    body = _body_of(options.file)
    answer = told(settings_as_running(options.site), f"price-lists/{_path(options.name)}", body, "PUT")
    return _printed(answer, options.json, _list_lines)


def remove(options: argparse.Namespace) -> int:
    """Remove a price list."""
    answer = told(settings_as_running(options.site), f"price-lists/{_path(options.name)}", None, "DELETE")
    if "status" in answer:
        print(answer["detail"])
        return FINDING
    print(f"{options.name} is removed; who has plugged in already keeps its prices")
    return FINE


def preview(options: argparse.Namespace) -> int:
    """What a session would cost, by a list that is kept or by a file."""
    if (options.name is None) is (options.file is None):
        raise UsageError("name a price list that is kept, or give --file, one of both")
    by = {"price_list": options.name} if options.file is None else {"prices": _body_of(options.file)}
    session = {"energy_kwh": options.kwh, "kw": options.kw, "idle_min": options.idle}
    if options.at is not None:
        session["at"] = options.at
    answer = told(settings_as_running(options.site), "price-preview", {**by, **session})
    return _printed(answer, options.json, _receipt_lines)


def receipt(options: argparse.Namespace) -> int:
    """The receipt of a session that is over."""
    answer = asked(settings_as_running(options.site), f"receipts/{_path(options.session)}")
    return _printed(answer, options.json, _receipt_lines)


def _printed(answer: dict[str, Any], as_json: bool, lines: Callable[[dict[str, Any]], Iterable[str]]) -> int:
    if "status" in answer:
        print(answer["detail"])
        return FINDING
    print(json.dumps(answer, indent=2) if as_json else "\n".join(lines(answer)))
    return FINE


def _sound(answer: dict[str, Any]) -> dict[str, Any]:
    if "status" in answer:
        raise UsageError(answer["detail"])
    return answer


def _path(name: str) -> str:
    return quote(name, safe="/@")


def _body_of(file: Path) -> dict[str, Any]:
    """A price list as YAML or JSON, with the keys of the interface. Raises UsageError."""
    try:
        text = file.read_bytes()[: MAX_BYTES + 1].decode("utf-8-sig")
    except OSError as failed:
        raise UsageError(f"{file}: {failed.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no text; save it as UTF-8") from None
    if len(text) > MAX_BYTES:
        raise UsageError(f"{file} is larger than any price list")
    parsed = yaml_text.parse(text)
    for fault in parsed.faults:
        raise UsageError(f"{file}:{fault.line}: {fault.message}; {fault.remedy}")
    if not isinstance(parsed.data, dict):
        raise UsageError(f"{file} is no price list: write keys as `fees:`, `vat_percent:`, `valid_from:`")
    # Dates and the like are told as text; the daemon reads them again.
    told_again: dict[str, Any] = json.loads(json.dumps(parsed.data, default=str))
    return told_again


def _list_lines(prices: dict[str, Any]) -> Iterator[str]:
    scope = [*(f"group {name}" for name in prices["groups"]), *prices["evses"]] or ["everybody, everywhere"]
    since, until = prices["valid_from"] or "…", prices["valid_until"] or "…"
    yield f"{prices['id']}: {prices['name'] or prices['id']} ({', '.join(scope)}; {since} to {until})"
    for fee in prices["fees"]:
        when = ", ".join((*fee["when"], *fee["seasons"]))
        yield f"  {fee['price']:>10} {prices['currency']} per {UNITS[fee['unit']]}{f'  {when}' if when else ''}"
    notes = [f"VAT {prices['vat_percent']} % inside"]
    notes += [f"{prices['idle_grace_min']} idle minutes free"] if prices["idle_grace_min"] else []
    notes += [f"{prices['idle_at_most']} {prices['currency']} at most for idle ones"] if prices["idle_at_most"] else []
    notes += [f"hold {prices['hold']} {prices['currency']}"] if prices["hold"] else []
    yield f"  {', '.join(notes)}"


def _receipt_lines(made: dict[str, Any]) -> Iterable[str]:
    currency = made["currency"]
    yield f"{made['title']}: {made['energy_kwh']} kWh from {made['plugged']} to {made['unplugged']}"
    for line in made["lines"]:
        times = f"{line['quantity']:>10} {UNITS[line['unit']]:<8} × {line['price']:>10}"
        yield f"  {times} = {line['amount']:>10} {currency}"
    tax = f"VAT {made['vat_percent']} % {made['vat']}, net {made['net']}"
    yield f"  {'total':<34}{made['total']:>10} {currency} ({tax})"
