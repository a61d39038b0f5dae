"""YAML text as plain data in which every value knows its place, and changed without losing comments.

Only this module and `yaml_line` know ruamel.yaml. Reading takes the parser's events, not its object tree: so every
repeated key is found, nesting and aliases are bounded, and scalars follow the core schema of YAML 1.2 to the letter (an
int is `17`, never `1_000`; `17:00`, `yes` and dates are text). Keys are the text as written.
"""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from ems.settings.route import Mark, Route
from ems.settings.scalar import CORE_TAGS, plain_scalar

MAX_DEPTH = 24
MAX_NODES = 100_000
WIDTH = 4096
"""Longer than any line, so that writing never folds one."""

_PARSER_FAILURES = (
    YAMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    RecursionError,
)
"""What the parser raises on hostile text besides its own errors."""


class Fault(NamedTuple):
    """Something wrong with a text."""

    line: int
    message: str
    remedy: str = ""


class Parsed(NamedTuple):
    """A text as plain data. `keys` has the mark of every key and list item, `values` of every value; `data` is None
    where nothing could be read. What is still usable beside a fault is kept: of a repeated key the first value.
    """

    data: dict[str, Any] | None
    keys: dict[Route, Mark]
    values: dict[Route, Mark]
    faults: tuple[Fault, ...]


EXAMPLE = "site: {name: Depot}"
"""What may stand at the top of a file."""


def parse(text: str, example: str = EXAMPLE) -> Parsed:
    """Read one document whose top is a mapping, as `example` is; an empty text is an empty mapping. Never raises."""
    builder = _Builder(text, example)
    try:
        return builder.parsed(builder.document())
    except _RefusedError as refused:
        builder.faults.append(refused.fault)
    except _PARSER_FAILURES as problem:
        builder.faults.append(_syntax(text, problem))
    return builder.parsed(None)


def changed(text: str, change: Callable[[Any], None]) -> str:
    """The text after `change` has altered its data, with comments, order and quotes kept. Raises what `change` raises,
    and ValueError when the result cannot be written.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yaml = _round_trip()
        data = yaml.load(text)
        change(data)
        mapping, dash = _indents(text)
        yaml.indent(mapping=mapping, sequence=dash + 2, offset=dash)
        out = io.StringIO()
        try:
            yaml.dump(data, out)
        except YAMLError as problem:
            raise ValueError(" ".join(str(problem).split())[:120]) from None
    return out.getvalue()


def comments(text: str) -> Counter[str]:
    """Every comment of a text: what starts at a `#` that is not part of a scalar."""
    scalars = [
        (event.start_mark.index, event.end_mark.index) for event in _events(text) if isinstance(event, ScalarEvent)
    ]
    found: Counter[str] = Counter()
    end = 0
    for match in re.finditer(r"(?:^|(?<=\s))#.*", text, re.MULTILINE):
        if match.start() >= end and not any(a < match.start() < b for a, b in scalars):
            found[match.group().rstrip()] += 1
            end = match.end()
    return found


def _indents(text: str) -> tuple[int, int]:
    """How far the first nested mapping and the first dash of a text are indented; 2 where there is none."""
    found: dict[bool, int] = {}
    for match in _NESTED.finditer(text):
        outer, inner, dash = match.groups()
        if len(inner) > len(outer) or (dash and len(inner) == len(outer)):
            found.setdefault(bool(dash), len(inner) - len(outer))
    return found.get(False, 2), found.get(True, 2)


_NESTED = re.compile(r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?=(?:[ \t]*(?:#[^\n]*)?\n)*( *)(- )?\S)", re.MULTILINE)


def _round_trip() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    return yaml


def _events(text: str) -> Iterator[Any]:
    yield from YAML(typ="safe", pure=True).parse(io.StringIO(text))


def _syntax(text: str, problem: Exception) -> Fault:
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    line = 1 if mark is None else min(mark.line, text.count("\n")) + 1
    what = " ".join(str(getattr(problem, "problem", None) or problem).split())[:120]
    where = getattr(problem, "context", None) if isinstance(problem, MarkedYAMLError) else None
    begun = getattr(problem, "context_mark", None)
    since = f" from line {begun.line + 1} on" if begun is not None and begun.line + 1 < line else ""
    message = f"not valid YAML: {what}" + (f" ({' '.join(where.split())}{since})" if where else "")
    remedy = (
        "check the indentation, the colon with a blank after it, quotes and brackets of this line and the one before"
    )
    lines = text.splitlines()
    if "\\t" in what or (line <= len(lines) and "\t" in lines[line - 1]):
        remedy = "indent with spaces: a tab is not allowed"
    return Fault(line, message, remedy)


class _RefusedError(Exception):
    """The text is YAML, but nothing that can be taken."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class _Builder:
    """Turns the events of one document into plain data and marks."""

    def __init__(self, text: str, example: str) -> None:
        self._example = example
        self.faults: list[Fault] = []
        self.keys: dict[Route, Mark] = {}
        self.values: dict[Route, Mark] = {}
        self._events = _events(text)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0

    def parsed(self, data: dict[str, Any] | None) -> Parsed:
        """What has been found so far."""
        return Parsed(data, self.keys, self.values, tuple(self.faults))

    def document(self) -> dict[str, Any]:
        """The mapping at the top of the only document; an empty text is an empty mapping."""
        data: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refused(event, "starts a second document", "remove the line '---'")
                if event.version is not None and tuple(event.version) != (1, 2):
                    raise self._refused(event, "asks for another version of YAML", "remove the line '%YAML'")
                top = next(self._events)
                data = self._node(top, ())
                if data is not None and not isinstance(data, dict):
                    raise self._refused(top, "must hold keys with values", f"write for example '{self._example}'")
        return data or {}

    def _node(self, event: Any, route: Route) -> Any:
        self.values[route] = mark = _mark(event)
        self.keys.setdefault(route, mark)
        before = self._nodes
        self._count(event, 1)
        if len(route) > MAX_DEPTH:
            raise self._refused(event, "is nested too deeply", "remove brackets that are never closed")
        if isinstance(event, AliasEvent):
            return self._aliased(event)
        if isinstance(event, ScalarEvent):
            value: Any = self._scalar(event)
        elif isinstance(event, SequenceStartEvent):
            value = self._sequence(route)
        elif isinstance(event, MappingStartEvent):
            value = self._mapping(route)
        else:
            raise self._refused(event, "ends too early")
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _aliased(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise self._refused(
                event, f"'*{event.anchor}' refers to nothing above it", f"write '&{event.anchor}' there"
            )
        value, nodes = self._anchors[event.anchor]
        self._count(event, nodes)
        return value

    def _sequence(self, route: Route) -> list[Any]:
        items: list[Any] = []
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._node(event, (*route, len(items))))
        return items

    def _mapping(self, route: Route) -> dict[str, Any]:
        items: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            mark = _mark(event)
            key = self._key(event)
            inner = (*route, key)
            if key in items:
                first = self.keys[inner].line
                self._report(mark.line, f"'{key}' stands here twice, first in line {first}", "remove or rename one")
                self._skip(next(self._events))
                continue
            self.keys[inner] = mark
            items[key] = self._node(next(self._events), inner)
        return items

    def _key(self, event: Any) -> str:
        if not isinstance(event, ScalarEvent):
            raise self._refused(event, "a key must be a word", "put text that contains [ ] { } * & into quotes")
        if event.value == "<<" and event.implicit[0]:
            raise self._refused(
                event, "'<<' is not part of YAML 1.2", "write the keys out, or use an alias for a value"
            )
        key = self._text(event)
        if not key.strip():
            self._report(_mark(event).line, "a key is empty", "write a name before the colon")
        return key

    def _skip(self, event: Any) -> None:
        keys, values = self.keys, self.values
        self.keys, self.values = {}, {}
        self._node(event, ())
        self.keys, self.values = keys, values

    def _scalar(self, event: Any) -> Any:
        text = self._text(event)
        tag = None if event.tag is None else str(event.tag)
        if tag in {"!", "tag:yaml.org,2002:str"} or (tag is None and not event.implicit[0]):
            return text
        if tag is not None and tag not in CORE_TAGS:
            self._report(_mark(event).line, f"the tag {tag[:40]} means nothing here", "remove it")
            return None
        try:
            return plain_scalar(text)
        except ValueError:
            self._report(_mark(event).line, "this number is too long", "write it in full, with fewer digits")
            return None

    def _text(self, event: Any) -> str:
        text = str(event.value)
        if any(0xD800 <= ord(c) <= 0xDFFF for c in text) or "\0" in text:
            self._report(_mark(event).line, "contains a character that is none", "remove the escape sequence")
            return text.encode("ascii", "ignore").decode().replace("\0", "")
        return text

    def _count(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self._refused(event, f"holds more than {MAX_NODES} values", "repeat less by aliases")

    def _report(self, line: int, message: str, remedy: str) -> None:
        self.faults.append(Fault(line, message, remedy))

    def _refused(self, event: Any, message: str, remedy: str = "") -> _RefusedError:
        return _RefusedError(Fault(_mark(event).line, message, remedy))


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)
