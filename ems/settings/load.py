"""The way in: the path of a site in, settings or findings out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ems.settings.access import Access, read_access
from ems.settings.build import SiteSettings, build
from ems.settings.checks import run_checks
from ems.settings.document import MAX_BYTES, parse, read_data
from ems.settings.draft import Draft, draft_of, tariff_file
from ems.settings.finding import Finding, Severity, has_errors, in_order
from ems.settings.places import SITE_FILE, Catalogue, catalogue_files, shipped_sites, site_file
from ems.settings.route import Route
from ems.settings.shape import Shape, shape_of
from ems.settings.station_models import station_models
from ems.settings.tariff import site_tariff

REVISION_DIGITS = 16


class MeterChecks(NamedTuple):
    """What only adapters know of meters: `model` what is wrong with the file of a meter model, by its name; `key` what
    is wrong with a public key, in words with the remedy after a semicolon, empty where nothing is.
    """

    model: Callable[[str, Path], tuple[Finding, ...]]
    key: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of loading a site. `settings` is None when any finding is an error.

    `draft` is there as soon as the file could be parsed. `files` are the site's own files by their name in its
    folder, passwords excepted: what the revision is made of.
    """

    settings: SiteSettings | None
    findings: tuple[Finding, ...]
    draft: Draft | None = None
    files: tuple[tuple[str, bytes], ...] = ()


def load(
    site: str | Path,
    access: Access | None = None,
    meter_checks: MeterChecks | None = None,
    text: bytes | None = None,
) -> Loaded:
    """Load a site (a folder, a `site.yaml`, or the name of a shipped site) and check all of it. Never raises.

    `access` given: passwords are already known, and their files are not read. `meter_checks` looks into the meter
    models that the site brings itself, as far as it uses them, and into keys of meters; without it nobody does. `text`:
    what is to be read in place of the file's content.
    """
    path = site_file(site)
    try:
        raw = _read(path) if text is None else text
    except (OSError, ValueError) as problem:
        return Loaded(None, (_unreadable(path, problem),))
    document, syntax = parse(raw, path)
    if document is None:
        return Loaded(None, syntax)
    if not document.data and not syntax:
        remedy = "begin with a copy of the demo's: every key is explained there"
        return Loaded(None, (document.error((), "the file is empty", remedy),))
    shape, shapes = shape_of(document)
    models, in_models = station_models(path.parent)
    meter_models = catalogue_files(Catalogue.METERS, path.parent)
    draft = draft_of(document, shape, models, meter_traits(shape, meter_models))
    known, in_access = read_access(draft) if access is None else ({**access}, ())
    in_meters = (*_in_own_meter_models(draft, meter_models, meter_checks), *_in_meter_keys(draft, meter_checks))
    tariff, in_tariff = site_tariff(draft)
    findings = in_order((*syntax, *shapes, *in_models, *in_meters, *run_checks(draft), *in_access, *in_tariff))
    if has_errors(findings):
        return Loaded(None, findings, draft)
    try:
        files = ((SITE_FILE, raw), *_files_beside(draft))
        settings = build(draft, known, _revision(files), tariff)
    except (ValueError, OSError) as problem:
        # The checks find what the domain refuses; whatever they do not must still not start.
        finding = document.error((), str(problem), "correct the part of the file that this names")
        return Loaded(None, in_order((*findings, finding)), draft)
    return Loaded(settings, findings, draft, files)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _in_own_meter_models(draft: Draft, files: Mapping[str, Path], check: MeterChecks | None) -> tuple[Finding, ...]:
    """What is wrong with the models that the site brings and uses."""
    folder = draft.folder / Catalogue.METERS
    used = dict.fromkeys(meter.model for meter in draft.shape.meters.values() if meter.model in files)
    own = [name for name in used if files[name].parent == folder]
    return () if check is None else tuple(finding for name in own for finding in check.model(name, files[name]))


def _in_meter_keys(draft: Draft, check: MeterChecks | None) -> Iterator[Finding]:
    """Public keys of meters that are none, of a curve that cannot be checked, or that two outlets share."""
    first: dict[str, str] = {}
    for station, _, number, evse in draft.outlets():
        if evse.meter_key is None or check is None:
            continue
        route: Route = ("stations", station, "evses", str(number), "meter_key")
        trouble, _, remedy = check.key(evse.meter_key).partition("; ")
        if trouble:
            yield draft.document.error(route, f"meter_key of {station}/{number}: {trouble}", remedy)
        other = first.setdefault("".join(evse.meter_key.split()), f"{station}/{number}")
        if other != f"{station}/{number}":
            message = f"meter_key of {station}/{number} is also that of {other}"
            yield draft.document.warning(route, message, "every meter has a key of its own: look at both meters")


def meter_traits(shape: Shape, files: Mapping[str, Path]) -> dict[str, frozenset[str]]:
    """What every meter model declares beside currents: `soc`, and `writes` for what may be told to it. Only looked up
    where the site has batteries; what the rest of a model says is the adapter's affair.
    """
    if not shape.batteries:
        return dict.fromkeys(files, frozenset())
    return {name: _traits(path) for name, path in files.items()}


def _traits(path: Path) -> frozenset[str]:
    data, _ = read_data(path)
    points = {} if data is None else data.get("points")
    has = {"soc": isinstance(points, dict) and "soc" in points, "writes": bool(data and data.get("writes"))}
    return frozenset(trait for trait, there in has.items() if there)


def _files_beside(draft: Draft) -> tuple[tuple[str, bytes], ...]:
    """The site's own models and its tariff."""
    paths = [
        path
        for kind in Catalogue
        for path in catalogue_files(kind, draft.folder).values()
        if path.parent == draft.folder / kind
    ]
    tariff = tariff_file(draft)
    if tariff is not None:
        paths.append(tariff)
    return tuple((path.relative_to(draft.folder).as_posix(), path.read_bytes()) for path in sorted(paths))


def _revision(files: tuple[tuple[str, bytes], ...]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files):
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:REVISION_DIGITS]


def _unreadable(path: Path, problem: Exception) -> Finding:
    reason = getattr(problem, "strerror", None) or str(problem)
    remedy = f"give a folder that holds {SITE_FILE}, or the name of a shipped site: {', '.join(shipped_sites())}"
    return Finding(path, 1, Severity.ERROR, f"cannot be read: {reason}", remedy)
