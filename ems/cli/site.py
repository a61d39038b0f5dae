"""The site that a command is about; and the commands that look at its files: check, password."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from ems.cli.outcome import FINDING, FINE, UsageError
from ems.settings.blank import blank_site, init_site, timezone_here
from ems.settings.build import SiteSettings
from ems.settings.document import read_data
from ems.settings.finding import Finding, Severity, in_short
from ems.settings.load import MeterChecks, load
from ems.settings.password import new_password
from ems.settings.places import SITE_FILE, shipped_sites, site_file, state_dir
from ems.settings.report import check as checked
from ems.settings.report import finding_lines, render_json, render_text
from ems.settings.revision import last_good, load_or_last_good


def check(options: argparse.Namespace) -> int:
    """Every problem of a site, then its circuit tree."""
    name = site_named(options.site)
    _must_open(name)
    result = checked(name, state_dir_of(options.site), METER_CHECKS)
    print(render_json(result) if options.json else render_text(result))
    return FINE if result.is_fine else FINDING


def init(options: argparse.Namespace) -> int:
    """An empty site to start from."""
    folder: Path = options.folder
    zone = options.timezone or timezone_here()
    name = options.name or folder.resolve().name
    text = blank_site(folder, name, zone, options.rating)
    wrong = in_short(load(folder, text=text.encode()).findings)
    if wrong:
        raise UsageError(wrong.partition(": ")[2])
    try:
        path = init_site(folder, name, zone, options.rating)
    except FileExistsError:
        raise UsageError(f"{folder} holds a site already, which is not overwritten; name another folder") from None
    except OSError as failed:
        raise UsageError(f"cannot make {folder}: {failed.strerror}") from None
    print(f"wrote {path}; start it with `ems run {folder}`, then open /wizard on its page and say what there is")
    return FINE


def password(options: argparse.Namespace) -> int:
    """A new password for a station: printed once, kept as a hash."""
    secret, line = new_password()
    file: Path = options.file
    if file.is_dir():
        raise UsageError(f"{file} is a folder: name a file in it, for example {file / 'cp-01'}")
    if file.exists():
        remedy = "remove it, if its station is to get a new password"
        raise UsageError(f"{file} exists already and is not overwritten; {remedy}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as hashed:
            hashed.write(line + "\n")
    except OSError as failed:
        raise UsageError(f"cannot write {file}: {failed.strerror}") from None
    print(f"type this into the station:  {secret}")
    print(f"and this into site.yaml:     password_file: {_as_in_site(file)}")
    return FINE


def site_named(site: str | None) -> str:
    """The site as it was named; raises UsageError when nobody named one."""
    name = site or os.environ.get("EMS_SITE")
    if not name:
        raise UsageError("say which site: a folder that holds site.yaml, or set EMS_SITE")
    return name


def state_dir_of(site: str | None) -> Path:
    """Where a site's state is kept. Raises UsageError."""
    try:
        return state_dir(site_file(site_named(site)))
    except (OSError, ValueError) as missing:
        raise UsageError(str(missing)) from None


def settings_to_run(site: str | None, state: Path) -> tuple[SiteSettings, str]:
    """The settings that a daemon is to run with, kept for the next start; or the last good ones, and why. Findings go
    to stderr.

    Raises UsageError.
    """
    name = site_named(site)
    started = load_or_last_good(name, state, METER_CHECKS)
    settings = _settings(name, started.settings, started.findings)
    return settings, in_short(started.findings) if started.is_last_good else ""


def settings_to_read(site: str | None) -> SiteSettings:
    """The settings for somebody who only looks: nothing is kept, and of the findings only errors count. Raises
    UsageError.
    """
    name = site_named(site)
    loaded = load(name)
    return _settings(name, loaded.settings, (f for f in loaded.findings if f.severity is Severity.ERROR))


def settings_as_running(site: str | None) -> SiteSettings:
    """The settings for somebody who asks about a daemon, which may run with the last good revision of a broken file.

    Raises UsageError.
    """
    name = site_named(site)
    loaded = load(name, meter_checks=METER_CHECKS)
    if loaded.settings is not None:
        return loaded.settings
    return _settings(name, last_good(state_dir_of(site))[0], loaded.findings)


def port_in(variable: str) -> int | None:
    """The port that an environment variable names; None when it is not set. Raises UsageError."""
    text = os.environ.get(variable, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) <= 65535):
        raise UsageError(f"{variable} is {text!r}: write a port number")
    return int(text)


def yaml_in(path: Path, example: str) -> dict[str, Any]:
    """The content of a YAML file, at the top of which may stand what is the `example`. Raises UsageError."""
    data, findings = read_data(path, example)
    if data is None:
        raise UsageError("\n".join(finding_lines(findings)))
    return data


def day(text: str, zone: tzinfo) -> datetime:
    """The beginning of a day, or a moment, as somebody at the site writes it. Raises UsageError."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a date: write for example 2026-03-01") from None
    return (told if told.tzinfo is not None else told.replace(tzinfo=zone)).astimezone(UTC)


def _settings(name: str, settings: SiteSettings | None, findings: Iterable[Finding]) -> SiteSettings:
    if settings is None:
        _must_open(name)
    for line in finding_lines(findings):
        print(line, file=sys.stderr)
    if settings is None:
        raise UsageError(f"site {name} has errors; `ems check {name}` shows them with their remedies")
    return settings


def _must_open(name: str) -> None:
    """Raises UsageError where there is no site file to look at: then the site was named wrongly."""
    path = site_file(name)
    try:
        path.open("rb").close()
    except OSError as failed:
        remedy = f"give a folder that holds {SITE_FILE}, or the name of a shipped site: {', '.join(shipped_sites())}"
        raise UsageError(f"{path}: {failed.strerror}; {remedy}") from None


def _check_meter_model(name: str, path: Path) -> tuple[Finding, ...]:
    """What is wrong with a meter model that the site brings itself."""
    from ems.assembly.meters import check_meter_model  # noqa: PLC0415 - brings all adapters, and few sites need it

    return check_meter_model(name, path)


def _check_meter_key(text: str) -> str:
    """What is wrong with the public key of a meter."""
    from ems.assembly.meters import check_meter_key  # noqa: PLC0415 - as above

    return check_meter_key(text)


METER_CHECKS = MeterChecks(_check_meter_model, _check_meter_key)


def _as_in_site(file: Path) -> Path:
    """A path as the site file writes it: from its own folder."""
    full = file.resolve()
    folder = next((parent for parent in full.parents if (parent / SITE_FILE).is_file()), None)
    return file if folder is None else full.relative_to(folder)
