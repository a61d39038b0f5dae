"""Remote control of stations through the running daemon."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ems.cli.interface import asked, told
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import settings_as_running, yaml_in
from ems.settings.build import SiteSettings

ANSWER_S = 60.0

EXAMPLE = "HeartbeatInterval: 300"
POLL_S = 0.5
ROUTINE = frozenset({"MeterValues", "Heartbeat", "SetChargingProfile", "GetCompositeSchedule"})
YES = frozenset({"accepted", "scheduled", "reboot-required", "kept"})
NOT_TOLD = frozenset(
    {"command", "word", "carried_out_by", "site", "station", "stations", "json", "verbose", "all", "template"}
)
"""Options that are not part of a request."""


def every(options: argparse.Namespace) -> int:
    """All stations, with what was asked of them last."""
    found = _sound(asked(settings_as_running(options.site), "stations"))["stations"]
    if options.json:
        print(json.dumps(found, indent=2))
        return FINE
    for one in found:
        there = "connected" if one["connected"] else "offline"
        evses = ", ".join(f"{evse['evse']}: {evse['status']}" for evse in one["evses"])
        print(f"{one['id']:<16} {there:<10} {evses}")
        if one["last"] is not None:
            print(f"{'':<16} {one['last']['operation']}: {one['last']['words']}")
    return FINE


def show(options: argparse.Namespace) -> int:
    """One station with what was asked of it."""
    found = _sound(asked(settings_as_running(options.site), f"stations/{quote(options.station, safe='')}"))
    if options.json:
        print(json.dumps(found, indent=2))
        return FINE
    print("\n".join(_station_lines(found)))
    return FINE


def messages(options: argparse.Namespace) -> int:
    """The last frames on the line to a station."""
    found = _sound(asked(settings_as_running(options.site), f"stations/{quote(options.station, safe='')}/messages"))
    shown = [one for one in found["messages"] if options.all or one["action"] not in ROUTINE]
    if options.json:
        print(json.dumps(shown, indent=2))
        return FINE
    for one in shown:
        side = "--" if one["kind"] == "link" else "<-" if one["from_station"] else "->"
        print(f"{one['at'][11:23]} {side} {one['kind']:<9} {one['action']} {one['payload']}".rstrip())
    return FINE


def configuration(options: argparse.Namespace) -> int:
    """The configuration that was last read, beside its template; a difference is a finding."""
    path = f"stations/{quote(options.station, safe='')}/configuration"
    found = _sound(asked(settings_as_running(options.site), path))
    if options.json:
        print(json.dumps(found, indent=2))
        return FINDING if found["differences"] else FINE
    if found["read_at"] is None:
        print(f"it was not read yet: ems station read-configuration {options.station}")
        return FINDING
    print(f"read at {found['read_at']}, {found['differences']} differ from the template")
    for row in found["variables"]:
        beside = (
            f"  (template: {row['wanted']}, {row['fit']})" if row["fit"] in {"different", "locked", "missing"} else ""
        )
        print(f"{row['name']} = {'-' if row['value'] is None else row['value']}{beside}")
    return FINDING if found["differences"] else FINE


def ask(options: argparse.Namespace) -> int:
    """Ask one station, or several in a round."""
    settings, body = settings_as_running(options.site), _body(options)
    if len(options.stations) > 1:
        return _round(settings, options, body)
    return _ask(settings, options.stations[0], options.word, body, options.json)


def apply(options: argparse.Namespace) -> int:
    """Read the configuration, then write what differs from the template."""
    settings = settings_as_running(options.site)
    body: dict[str, Any] = {"when_back": options.when_back}
    if options.template is not None:
        body["values"] = {str(key): _plain(value) for key, value in yaml_in(options.template, EXAMPLE).items()}
    path = f"stations/{quote(options.station, safe='')}/configuration"
    if _sound(asked(settings, path))["read_at"] is None:
        status = _ask(settings, options.station, "read-configuration", {}, as_json=False)
        if status != FINE:
            return status
    return _ask(settings, options.station, "apply-template", body, options.json)


def diagnostics(options: argparse.Namespace) -> int:
    """Have diagnostics uploaded to the daemon."""
    body = {name: getattr(options, name) for name in ("since", "until") if getattr(options, name)}
    return _ask(
        settings_as_running(options.site), options.station, "diagnostics", {**body, "ftp": options.ftp}, options.json
    )


def _ask(settings: SiteSettings, station: str, word: str, body: dict[str, Any], as_json: bool) -> int:
    answer = told(settings, f"stations/{quote(station, safe='')}/{word}", body, patience_s=ANSWER_S + 15)
    if as_json:
        print(json.dumps(answer, indent=2))
    elif "words" in answer:
        print(f"{station}: {answer['words']}")
        print("".join(f"  {text}\n" for text in _content_lines(answer)), end="")
    else:
        hint = "; --insist does it all the same" if answer.get("may_insist") else ""
        print(f"{station}: {answer.get('objection', answer['detail'])}{hint}")
    return FINE if answer.get("verdict") in YES else FINDING


def _round(settings: SiteSettings, options: argparse.Namespace, body: dict[str, Any]) -> int:
    begun = told(settings, "rounds", {"stations": options.stations, "operation": options.word, "body": body})
    found, said = _sound(begun), set[str]()
    while True:
        for step in found["steps"]:
            over = step["refusal"] or (step["asked"] is not None and step["asked"]["verdict"] is not None)
            if over and step["station"] not in said:
                said.add(step["station"])
                words = f"not asked: {step['refusal']}" if step["refusal"] else step["asked"]["words"]
                if not options.json:
                    print(f"{step['station']}: {words}", flush=True)
        if found["over"]:
            break
        time.sleep(POLL_S)
        found = _sound(asked(settings, f"rounds/{found['number']}"))
    print(json.dumps(found, indent=2) if options.json else _sum(found))
    return FINE if found["well"] == len(found["steps"]) else FINDING


def _sum(found: dict[str, Any]) -> str:
    waiting = f", {found['kept']} will be asked on return" if found["kept"] else ""
    return f"{found['well'] - found['kept']} of {len(found['steps'])} took it{waiting}"


def _body(options: argparse.Namespace) -> dict[str, Any]:
    """The options of a request that were given, as the interface takes them. Raises UsageError."""
    body = {name: value for name, value in vars(options).items() if name not in NOT_TOLD and value is not None}
    if options.word == "write-configuration":
        pairs = [text.partition("=") for text in body["values"]]
        if not all(key and equals for key, equals, _ in pairs):
            raise UsageError("write --set KEY=VALUE, for example --set ConnectionTimeOut=90")
        body["values"] = {key: value for key, _, value in pairs}
    for name in ("profile", "tags"):
        if isinstance(body.get(name), Path):
            body[name] = _json_in(body[name])
    return body


def _json_in(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failed:
        raise UsageError(f"{path}: {getattr(failed, 'strerror', None) or failed}") from None


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sound(answer: dict[str, Any]) -> dict[str, Any]:
    if "detail" in answer and "status" in answer:
        raise UsageError(answer["detail"])
    return answer


def _station_lines(found: dict[str, Any]) -> Iterator[str]:
    there = "connected" if found["connected"] else "offline"
    yield f"{found['id']}: {there}, {found['vendor']} {found['product']} {found['firmware']}, model {found['model']}"
    for evse in found["evses"]:
        running = "" if evse["transaction"] is None else f", transaction {evse['transaction']}"
        yield f"  EVSE {evse['evse']}: {evse['status']}{running} {evse['error']}".rstrip()
    for work in ("firmware", "diagnostics"):
        if found[f"{work}_work"] is not None:
            yield f"  {work}: {found[f'{work}_work']['status']} since {found[f'{work}_work']['since']}"
    for one in found["kept_requests"]:
        yield f"  when it returns: {one['operation']} ({one['who']})"
    for one in found["asked"]:
        yield f"  {one['at']} {one['operation']} ({one['who']}): {one['words']}"
    for file in found["files"]:
        yield f"  file {file['number']}: {file['name']}, {file['bytes']} bytes, {file['at']}"


def _content_lines(answer: dict[str, Any]) -> Iterator[str]:
    yield from answer["warnings"]
    content = answer["content"] or {}
    for variable in content.get("variables", ()):
        yield f"{variable['name']} = {'-' if variable['value'] is None else variable['value']}"
    for name, verdict in content.get("written", {}).items():
        yield f"{name}: {verdict}"
