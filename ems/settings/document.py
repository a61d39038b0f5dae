"""A YAML file as plain data in which every value knows its line, and the way back that keeps comments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ems.settings import yaml_text
from ems.settings.atomic import replace_file
from ems.settings.finding import Finding, Severity, has_errors, in_order
from ems.settings.route import Mark, Route, Step

MAX_BYTES = 1_000_000
TOP = Mark(1, 1)


@dataclass(frozen=True, slots=True)
class Document:
    """A file that could be parsed. `keys` has the mark of every key and list item, `values` of every value. Of one
    that is part of another `above` is the way to it there.
    """

    path: Path
    text: str
    data: dict[str, Any]
    keys: Mapping[Route, Mark]
    values: Mapping[Route, Mark]
    begins: Mark = TOP
    above: Route = ()

    def at(self, *route: Step) -> Mark:
        """Where a key or list item stands; of what is not there, where the thing around it stands."""
        return self._nearest(self.keys, route)

    def value_at(self, *route: Step) -> Mark:
        """Where a value begins, likewise."""
        return self._nearest(self.values, route)

    def below(self, *route: Step) -> Document:
        """What lies below a key as a document of its own, of which every value knows its line in the whole."""
        data: Any = self.data
        for step in route:
            data = data[step]
        marks = (_below(self.keys, route), _below(self.values, route))
        return Document(self.path, self.text, data, *marks, begins=self.at(*route), above=(*self.above, *route))

    def _nearest(self, marks: Mapping[Route, Mark], route: Route) -> Mark:
        for length in range(len(route), 0, -1):
            if route[:length] in marks:
                return marks[route[:length]]
        return self.begins

    def error(self, route: Route, message: str, remedy: str = "") -> Finding:
        """A finding at the line of `route` that keeps the site from starting."""
        return Finding(self.path, self.at(*route).line, Severity.ERROR, message, remedy, (*self.above, *route))

    def warning(self, route: Route, message: str, remedy: str = "") -> Finding:
        """A finding at the line of `route` that does not."""
        return Finding(self.path, self.at(*route).line, Severity.WARNING, message, remedy, (*self.above, *route))


def _below(marks: Mapping[Route, Mark], route: Route) -> dict[Route, Mark]:
    """The marks below a place."""
    return {
        place[len(route) :]: mark
        for place, mark in marks.items()
        if len(place) > len(route) and place[: len(route)] == route
    }


def read(path: Path, example: str = yaml_text.EXAMPLE) -> tuple[Document | None, tuple[Finding, ...]]:
    """Read a YAML file whose top is a mapping. None with findings when that is impossible; never raises."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        return None, (_whole(path, f"cannot be read: {reason}", "check the path and the file's permissions"),)
    return parse(raw, path, example)


def read_data(path: Path, example: str = yaml_text.EXAMPLE) -> tuple[dict[str, Any] | None, tuple[Finding, ...]]:
    """The plain data of a YAML file, for files whose meaning is known elsewhere; `example` is the top of one."""
    document, findings = read(path, example)
    return (None if document is None else document.data), findings


def parse(raw: bytes, path: Path, example: str = yaml_text.EXAMPLE) -> tuple[Document | None, tuple[Finding, ...]]:
    """Parse the bytes of a file; `path` is only named in findings."""
    if len(raw) > MAX_BYTES:
        remedy = "a site description is some ten kilobytes; is this the right file?"
        return None, (_whole(path, f"is larger than {MAX_BYTES // 1_000_000} MB", remedy),)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        message = f"byte {raw[problem.start]:#04x} is not UTF-8"
        return None, (Finding(path, line, Severity.ERROR, message, "save the file as UTF-8"),)
    data, keys, values, faults = yaml_text.parse(text, example)
    findings = in_order(Finding(path, fault.line, Severity.ERROR, fault.message, fault.remedy) for fault in faults)
    return (None if data is None else Document(path, text, data, keys, values)), findings


def rewrite(path: Path, change: Callable[[Any], None], comments_may_go: bool = False) -> tuple[Finding, ...]:
    """Change a YAML file in place: `change` gets its data as nested dicts and lists and alters them.

    Comments, order, quotes and blank lines stay. The file is replaced in one step or not at all; it is left alone,
    with findings, when it cannot be read, when the result could not be read back, or when a comment would be lost
    (`comments_may_go` allows that, for entries that are removed). Raises OSError when the file cannot be written, and
    what `change` raises.
    """
    document, findings = read(path)
    if document is None or has_errors(findings):
        return findings
    try:
        text = yaml_text.changed(document.text, change)
    except ValueError as problem:
        return (_whole(path, f"the change cannot be written: {problem}"),)
    after, problems = parse(text.encode(), path)
    if after is None or has_errors(problems):
        return problems
    lost = yaml_text.comments(document.text) - yaml_text.comments(text)
    if lost and not comments_may_go:
        comment = next(iter(lost))
        line = 1 + document.text[: document.text.find(comment)].count("\n")
        remedy = "move it to a line of its own, outside of braces"
        return (Finding(path, line, Severity.ERROR, f"the comment '{comment[:40]}' would be lost", remedy),)
    real = path.resolve()
    replace_file(real, text.encode(), mode=real.stat().st_mode & 0o777)
    return ()


def _whole(path: Path, message: str, remedy: str = "") -> Finding:
    return Finding(path, 1, Severity.ERROR, message, remedy)
