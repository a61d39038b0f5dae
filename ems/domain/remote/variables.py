"""The configuration of a station beside a template of how it should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ems.domain.remote.outcome import Configuration, Variable


class Fit(StrEnum):
    """SAME: as the template says. DIFFERENT: it can be changed. LOCKED: it differs, and the station does not let
    anybody change it. MISSING: the station does not have it, or did not tell. FREE: the template says nothing of it.
    """

    SAME = "same"
    DIFFERENT = "different"
    LOCKED = "locked"
    MISSING = "missing"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Compared:
    """A variable as it is (None: not told) and as the template wants it (None: it says nothing)."""

    name: str
    value: str | None
    wanted: str | None
    read_only: bool
    fit: Fit


def compared(known: Iterable[Variable], template: Configuration) -> tuple[Compared, ...]:
    """Every variable of a station or of the template: first what differs, then the rest, by name.

    Names are compared without regard to case (stations write them as they like), values as what they mean.
    """
    wanted = {name.casefold(): (name, value) for name, value in template.items()}
    rows = []
    for variable in known:
        _, value = wanted.pop(variable.name.casefold(), ("", None))
        rows.append(Compared(variable.name, variable.value, value, variable.read_only, _fit(variable, value)))
    rows += [Compared(name, None, value, False, Fit.MISSING) for name, value in wanted.values()]
    return tuple(sorted(rows, key=lambda row: (_ORDER[row.fit], row.name.casefold())))


_ORDER = {Fit.DIFFERENT: 0, Fit.LOCKED: 1, Fit.MISSING: 2, Fit.SAME: 3, Fit.FREE: 4}


def to_write(rows: Iterable[Compared]) -> tuple[tuple[str, str], ...]:
    """What has to be written so that the station is as the template says; what it did not tell is tried."""
    wrong = (row for row in rows if row.fit in {Fit.DIFFERENT, Fit.MISSING})
    return tuple((row.name, row.wanted) for row in wrong if row.wanted is not None)


def merged(*templates: Mapping[str, str]) -> dict[str, str]:
    """One template of several; later ones win, whatever the case of their names."""
    found: dict[str, tuple[str, str]] = {}
    for template in templates:
        found |= {name.casefold(): (name, value) for name, value in template.items()}
    return dict(found.values())


def _fit(variable: Variable, wanted: str | None) -> Fit:
    if wanted is None:
        return Fit.FREE
    if variable.value is not None and means(variable.value) == means(wanted):
        return Fit.SAME
    return Fit.LOCKED if variable.read_only else Fit.DIFFERENT


def means(value: str) -> object:
    """What a value means: a number, whatever its digits; a list without order; a truth or a word without case."""
    text = value.strip().casefold()
    try:
        return float(text) if text.replace(".", "", 1).isdecimal() else _words(text)
    except ValueError:
        return _words(text)


def _words(text: str) -> object:
    return frozenset(part.strip() for part in text.split(",") if part.strip()) if "," in text else text
