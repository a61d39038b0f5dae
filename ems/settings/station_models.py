"""The catalogue of station models: what makes of station do with a current limit.

One YAML file per model. Its keys are the fields of `StationModel`, `match` with the words by which a station of that
model introduces itself, and `configuration` with the variables that such a station should have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ems.domain.remote.request import is_secret
from ems.domain.remote.rules import CONTROLLED
from ems.domain.remote.variables import merged
from ems.domain.station_model import StationModel
from ems.settings.document import Document, read
from ems.settings.finding import Finding, in_order
from ems.settings.places import Catalogue, catalogue_files
from ems.settings.shape import record_of

GENERIC = "generic"
"""The model that follows the standard; it stands in for a station that has not been recognised."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model and how to recognise it: case-folded parts of the vendor and the model of BootNotification.
    `configuration`: variables and the values that they should have.
    """

    model: StationModel
    vendors: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    configuration: tuple[tuple[str, str], ...] = ()


def station_models(site_folder: Path) -> tuple[dict[str, KnownModel], tuple[Finding, ...]]:
    """Every model by name, the site's own before the shipped; a faulty file is left out, with findings."""
    known: dict[str, KnownModel] = {}
    findings: list[Finding] = []
    for name, path in catalogue_files(Catalogue.STATIONS, site_folder).items():
        entry, problems = _model_in(path, _stamp(path))
        findings += problems
        if entry is not None:
            known[name] = entry
    known.setdefault(GENERIC, KnownModel(StationModel(id=GENERIC)))
    return known, in_order(findings)


@lru_cache(maxsize=256)
def _model_in(path: Path, _stamp: tuple[int, int]) -> tuple[KnownModel | None, tuple[Finding, ...]]:
    """The model in a file, read once as long as the file stays the same."""
    document, problems = read(path)
    if document is None:
        return None, problems
    entry, more = known_model(path.stem, document)
    return entry, (*problems, *more)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        known = path.stat()
    except OSError:
        return (0, 0)
    return (known.st_mtime_ns, known.st_size)


def known_model(name: str, document: Document) -> tuple[KnownModel | None, tuple[Finding, ...]]:
    """Read one model file; None when anything in it is wrong."""
    data = dict(document.data)
    match = data.pop("match", None)
    vendors, products, findings = _match(match, document)
    configuration, in_configuration = _configuration(data.pop("configuration", None), document)
    model, problems = record_of(StationModel, data, document, (), without=("id",))
    if model is None or findings or problems or in_configuration:
        return None, (*findings, *problems, *in_configuration)
    return KnownModel(replace(model, id=name), vendors, products, configuration), ()


def template_of(models: Iterable[KnownModel], name: str) -> dict[str, str]:
    """The variables that a station of a model should have: those of every station, then those of its model."""
    known = {one.model.id: dict(one.configuration) for one in models}
    return merged(known.get(GENERIC, {}), known.get(name, {}))


def _configuration(content: Any, document: Document) -> tuple[tuple[tuple[str, str], ...], tuple[Finding, ...]]:
    if content is None:
        return (), ()
    remedy = "write configuration: {LocalAuthorizeOffline: true, ConnectionTimeOut: 120}"
    if not isinstance(content, Mapping):
        return (), (document.error(("configuration",), "configuration must be variables with their values", remedy),)
    found, findings = [], []
    for key, value in content.items():
        where = ("configuration", key)
        if not isinstance(key, str) or not isinstance(value, str | int | float):
            findings.append(document.error(where, f"{key} must have a text, a number, or true or false", remedy))
        elif is_secret(key) or key.casefold() in CONTROLLED:
            why = "is a password" if is_secret(key) else "is set by the controller itself"
            findings.append(document.error(where, f"{key} {why}", "leave it out"))
        else:
            found.append((key, str(value).lower() if isinstance(value, bool) else str(value)))
    return tuple(found), tuple(findings)


def recognise(vendor: str, model: str, models: Iterable[KnownModel]) -> StationModel | None:
    """The model of a station that boots with these words; None when no file knows it.

    A file matches when one of its vendor words and one of its model words occur (a missing list matches all). Of
    several the one with the longest words wins, then the first by name.
    """
    said = (_folded(vendor), _folded(model))
    best: tuple[int, str, StationModel] | None = None
    for known in models:
        if not (known.vendors or known.products):
            continue
        lengths = [_longest(words, text) for words, text in zip((known.vendors, known.products), said, strict=True)]
        if None in lengths:
            continue
        candidate = (-sum(length or 0 for length in lengths), known.model.id, known.model)
        if best is None or candidate[:2] < best[:2]:
            best = candidate
    return None if best is None else best[2]


def _longest(words: tuple[str, ...], text: str) -> int | None:
    """Length of the longest word that occurs in `text`; 0 when nothing is asked for, None when nothing occurs."""
    if not words:
        return 0
    return max((len(word) for word in words if word in text), default=None)


def _match(match: Any, document: Document) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Finding, ...]]:
    remedy = "write match: {vendor: [abb], model: [terra]}"
    if match is None:
        return (), (), ()
    if not isinstance(match, Mapping):
        return (), (), (document.error(("match",), "match must be lists of words", remedy),)
    findings: list[Finding] = []
    found: dict[str, tuple[str, ...]] = {}
    for key, words in match.items():
        if key not in {"vendor", "model"}:
            findings.append(document.error(("match", key), f"unknown key '{key}'", remedy))
        elif not isinstance(words, list) or not words or not all(isinstance(w, str) and w.strip() for w in words):
            findings.append(document.error(("match", key), f"{key} must be a list of words", remedy))
        else:
            found[key] = tuple(_folded(word) for word in words)
    return found.get("vendor", ()), found.get("model", ()), tuple(findings)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
