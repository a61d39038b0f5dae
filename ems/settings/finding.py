"""What is wrong with a file, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from ems.settings.route import Route

MAX_SHOWN = 600


class Severity(StrEnum):
    """An error keeps the site from starting, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Finding(NamedTuple):
    """One problem. `line` counts from 1; `remedy` says what to write instead. `route`: the key that it is about, as
    far as that is known.
    """

    path: Path
    line: int
    severity: Severity
    message: str
    remedy: str = ""
    route: Route = ()

    def __str__(self) -> str:
        return printable(f"{self.path}:{self.line}: {self.severity}: {self.message}")


def printable(text: str) -> str:
    """A text from a file, fit for a terminal or a log: on one line, without control characters, and not endless."""
    shown = "".join(c if c.isprintable() else "�" for c in text[:MAX_SHOWN])
    return shown if len(text) <= MAX_SHOWN else f"{shown}…"


def in_short(findings: Iterable[Finding]) -> str:
    """The first error with its place, and how many more there are; empty without one."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if not errors:
        return ""
    first, more = errors[0], f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return printable(f"{first.path.name}:{first.line}: {first.message}{more}")


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any of the findings keeps the site from starting."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings by file and line, each once; of one line the errors first."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda f: (str(f.path), f.line, f.severity, f.message)))
