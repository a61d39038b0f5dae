"""Changes of a site file one by one, as people make them on a page: comments, order and quotes of the rest stay.

An edit names a place by its keys as text (`stations`, `CP-01`, `evses`, `1`); of a list by the position of an item, or
`+` for a further one. What is there is changed and not written anew, so that an edit made on one text can be made on
another that somebody changed meanwhile.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ems.settings import yaml_text
from ems.settings.document import Document, parse
from ems.settings.finding import has_errors, in_short
from ems.settings.places import SITE_FILE
from ems.settings.yaml_line import line_of, written

FURTHER = "+"
LISTS = frozenset({"limits", "times"})
MOST_DEPTH = 6
Nested = Mapping[str, Any]


class EditError(ValueError):
    """An edit that cannot be made; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Edit:
    """At the place `route`: keys that are set, of which None takes one away and a mapping goes deeper; or, with `keys`
    None, the place itself is removed.
    """

    route: tuple[str, ...]
    keys: Nested | None

    def as_data(self) -> dict[str, Any]:
        """For a file."""
        return {"route": list(self.route), "keys": self.keys}

    @classmethod
    def from_data(cls, data: Any) -> Edit:
        """As `as_data` wrote it. Raises ValueError."""
        route, keys = data["route"], data["keys"]
        if not isinstance(route, list) or not all(isinstance(step, str) for step in route):
            raise ValueError("an edit without a place")
        if keys is not None and not isinstance(keys, dict):
            raise ValueError("an edit without keys")
        return cls(tuple(route), keys)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text of a site file after some edits. Raises EditError, and nothing is changed."""
    for edit in edits:
        text = _edited(text, edit)
    return text


def diff(before: str, after: str) -> str:
    """What differs, line by line, as `diff -u` shows it; empty where nothing does."""
    lines = (before.splitlines(), after.splitlines())
    return "\n".join(difflib.unified_diff(*lines, f"{SITE_FILE} as it is", f"{SITE_FILE} as drafted", lineterm="", n=2))


def _edited(text: str, edit: Edit) -> str:
    if not edit.route or len(edit.route) > MOST_DEPTH:
        raise EditError("an edit names a section of the site file and what lies in it")
    try:
        after = _changed(text, edit)
        raw = after.encode()
    except EditError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        why = "a character that is none" if isinstance(problem, UnicodeError) else str(problem)[:120]
        raise EditError(f"{'.'.join(edit.route)[:80]} cannot be changed so: {why}; change the file itself") from None
    document, findings = parse(raw, Path(SITE_FILE))
    if document is None or has_errors(findings):
        raise EditError(f"the change would break the file: {in_short(findings)}")
    lost = yaml_text.comments(text) - yaml_text.comments(after)
    if lost and not _removes(edit):
        comment = next(iter(lost))
        raise EditError(f"the comment '{comment[:40]}' would be lost: move it to a line of its own, outside of braces")
    return after


def _placed(text: str, edit: Edit) -> str:
    """The text with what is new in it right below the last of its kind, before the comments that lead on to whatever
    follows; as it was where nothing is new, or where a place is not written line by line.
    """
    if edit.keys is None or len(edit.route) > 2:
        return text
    *above, last = edit.route
    values = _without_none(edit.keys)
    within = _inserted(text, tuple(above), {last: values}) if above else None
    if within is not None:
        return within
    return _inserted(text, edit.route, values) or text


def _inserted(text: str, route: tuple[str, ...], values: Nested) -> str | None:
    """The text with further keys of a mapping; None where it is not there, or not written line by line, or has no key
    that is new.
    """
    document = parse(text.encode(), Path(SITE_FILE))[0]
    known: Any = None if document is None else document.data
    for step in route:
        known = known.get(step) if isinstance(known, dict) else None
    if document is None or not isinstance(known, dict) or not known:
        return None
    further = {name: value for name, value in values.items() if str(name) not in known}
    begins, first = document.keys[route].line, document.keys[*route, next(iter(known))]
    if not further or first.line == begins:
        return None
    lines = text.splitlines()
    later = (mark.line for place, mark in document.keys.items() if mark.line > begins and place[: len(route)] != route)
    ends = min(later, default=len(lines) + 1)
    last = max(k for k in range(begins, ends) if (line := lines[k - 1].strip()) and not line.startswith("#"))
    new = [" " * (first.column - 1) + line_of(name, value) for name, value in further.items()]
    return "\n".join([*lines[:last], *new, *lines[last:], ""])


def _changed(text: str, edit: Edit) -> str:
    """The text after an edit; what is new stands where somebody would have written it, if that means the same."""
    after = yaml_text.changed(text or "{}", lambda data: _change(data, edit))
    placed = _placed(text, edit)
    if placed == text:
        return after
    placed = yaml_text.changed(placed, lambda data: _change(data, edit))
    data = [found.data for one in (after, placed) if (found := parse(one.encode(), Path(SITE_FILE))[0]) is not None]
    return placed if len(data) == 2 and data[0] == data[1] else after


def _removes(edit: Edit) -> bool:
    return edit.keys is None or None in edit.keys.values()


def _change(data: Any, edit: Edit) -> None:
    *above, last = edit.route
    if not above and edit.keys and data.get(last) is None:
        # A section grows by further edits, so it is begun line by line and not in braces.
        data[last] = {}
    here = data
    for step in above:
        here = _down(here, step)
    if edit.keys is None:
        _take(here, last)
    elif last == FURTHER:
        here.append(written(_without_none(edit.keys)))
    else:
        _put(here, last, edit.keys)


def _down(here: Any, step: str) -> Any:
    """What lies below a step; a section that is not there yet is begun."""
    key = _key(here, step)
    if isinstance(here, Sequence):
        return here[key]
    if here.get(key) is None:
        here[key] = [] if step in LISTS else {}
    return here[key]


def _put(here: Any, step: str, keys: Nested) -> None:
    key = _key(here, step)
    known: Any = here[key] if isinstance(here, Sequence) else here.get(key)
    if not isinstance(known, MutableMapping):
        here[written(key)] = written(_without_none(keys))
        return
    for name, value in keys.items():
        inner = _key(known, name)
        if value is None:
            known.pop(inner, None)
        elif isinstance(value, Mapping) and isinstance(known.get(inner), Mapping) and not _is_amps(value):
            _put(known, name, value)
        elif inner not in known or known[inner] != value or isinstance(known[inner], bool) != isinstance(value, bool):
            known[inner] = written(_without_none(value) if isinstance(value, Mapping) else value)


def _take(here: Any, step: str) -> None:
    key = _key(here, step)
    if isinstance(here, Mapping) and key not in here:
        raise EditError(f"there is no '{step[:40]}' to remove")
    del here[key]


def _is_amps(value: Nested) -> bool:
    """A current per phase is one value: phases that it does not name are not kept."""
    return bool(value) and all(name in {"L1", "L2", "L3"} for name in value)


def _key(here: Any, step: str) -> Any:
    """The key of a mapping that reads as `step`, or a position in a list."""
    if isinstance(here, Sequence) and not isinstance(here, str):
        if not step.isdecimal() or int(step) >= len(here):
            raise EditError(f"there is no item {step[:10]!r}")
        return int(step)
    if not isinstance(here, Mapping):
        raise EditError(f"'{step[:40]}' lies in something that holds no keys")
    found = next((key for key in here if str(key) == step), None)
    if found is not None:
        return found
    return int(step) if step.isdecimal() and not (len(step) > 1 and step.startswith("0")) else step


def _without_none(keys: Nested) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for name, value in keys.items():
        if value is not None:
            key: Any = int(name) if name.isdecimal() and not (len(name) > 1 and name.startswith("0")) else name
            found[key] = _without_none(value) if isinstance(value, Mapping) else value
    return found


def place_of(document: Document, line: int) -> tuple[str, ...]:
    """The section, and the entry in it, that a line of the file belongs to; empty above all of them."""
    found: tuple[int, tuple[str, ...]] = (0, ())
    for route, mark in document.keys.items():
        if 1 <= len(route) <= 2 and found[0] <= mark.line <= line:
            found = (mark.line, tuple(str(step) for step in route))
    return found[1]
