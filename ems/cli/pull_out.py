"""Commands that hand lists to the running daemon: import departures."""

from __future__ import annotations

import argparse
import codecs
import json
from collections import Counter
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from ems.cli.interface import told
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import settings_as_running

MAX_CHARACTERS = 400_000


def departures(options: argparse.Namespace) -> int:
    """A depot's pull-out list: what it would change, and with --apply change it."""
    text = text_of(options.file)
    settings = settings_as_running(options.site)
    answer = told(settings, "departures/import" + ("?apply=true" if options.apply else ""), {"csv": text})
    if "days" not in answer and "findings" not in answer:
        raise UsageError(answer["detail"])
    refused = answer.get("refused", True)
    if options.json:
        print(json.dumps(answer, indent=2))
        return FINDING if refused else FINE
    for day in answer.get("days", ()):
        print(_day(day, settings.site.zone))
    for finding in answer["findings"]:
        print(f"{options.file}:{finding['row']}: {finding['message']}; {finding['remedy']}")
    left = answer["findings_total"] - len(answer["findings"])
    if left > 0:
        print(f"{options.file}: and {left} more")
    print(_outcome(answer, refused))
    return FINDING if refused else FINE


def text_of(file: Path) -> str:
    """The text of a list, in the encodings that spreadsheets write. Raises UsageError."""
    try:
        raw = file.read_bytes()
    except OSError as failed:
        raise UsageError(f"{file}: {failed.strerror}") from None
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(text) > MAX_CHARACTERS:
            raise UsageError(f"{file} has more than {MAX_CHARACTERS} characters; split it by date")
        return text
    raise UsageError(f"{file} is no text; save it as CSV")


def _day(day: dict[str, Any], zone: tzinfo) -> str:
    before, after = (", ".join(_departure(one, zone) for one in day[side]) for side in ("before", "after"))
    change = f"{before} → {after}" if day["kind"] == "changed" else after
    return f"{day['vehicle']:<16} {day['date']}  {day['kind']:<8} {change}"


def _departure(one: dict[str, Any], zone: tzinfo) -> str:
    local = datetime.fromisoformat(one["at"]).astimezone(zone)
    parts = [f"{local:%H:%M}"]
    parts += [f"{one['energy_kwh']:g} kWh"] if one["energy_kwh"] is not None else []
    parts += [f"{one['target_soc_percent']:g} %"] if one["target_soc_percent"] is not None else []
    parts += [f"at {one['evse']}"] if one["evse"] is not None else []
    parts += [f"priority {one['priority']}"] if one["priority"] is not None else []
    return " ".join(parts)


def _outcome(answer: dict[str, Any], refused: bool) -> str:
    if refused:
        rows = sum(1 for finding in answer["findings"] if finding["is_refusal"])
        return f"nothing is taken: {rows} {'row is' if rows == 1 else 'rows are'} refused"
    counts = Counter(day["kind"] for day in answer["days"])
    said = ", ".join(
        f"{counts[kind]} {word}" for kind, word in (("new", "new"), ("changed", "changed"), ("same", "as known"))
    )
    return f"taken: {said}" if answer["applied"] else f"would be taken: {said}; nothing has changed yet, add --apply"
