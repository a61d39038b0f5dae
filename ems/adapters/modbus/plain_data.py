"""Taking plain data apart, collecting every problem instead of stopping at the first."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence


class PlainData:
    """A mapping and the problems found in it so far; a missing or wrong value yields the default."""

    def __init__(self, data: object, known: Collection[str], problems: list[str], place: str = "") -> None:
        self._place = f"{place}." if place else ""
        self.problems = problems
        self._data: Mapping[object, object] = {}
        if isinstance(data, Mapping):
            self._data = data
        else:
            self.problems.append(f"{place or 'the model'} must be a mapping with the keys {', '.join(known)}")
        for key in self._data:
            if key not in known:
                close = difflib.get_close_matches(str(key), list(known), 1)
                hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
                self.problems.append(f"unknown key '{self._place}{key}': {hint}")

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def inner(self, key: str, known: Collection[str]) -> PlainData:
        """The mapping below a key; empty when missing."""
        return PlainData(self._data.get(key, {}), known, self.problems, f"{self._place}{key}")

    def raw(self, key: str) -> object:
        """The value as it is; None when there is none."""
        return self._data.get(key)

    def complain(self, key: str, text: str) -> None:
        """Add a problem about a key."""
        self.problems.append(f"{self._place}{key}: {text}")

    def text(self, key: str) -> str:
        """A text, or a list of texts joined by commas; required."""
        value = self._data.get(key)
        if isinstance(value, Sequence) and value and all(isinstance(part, str) for part in value):
            return value if isinstance(value, str) else ", ".join(value)
        self.complain(key, f"needs a text, got {value!r}")
        return ""

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from `low` to `high`; required without a default."""
        value = self._data.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return int(value)
        self.complain(key, f"needs a whole number {low} to {high}, got {value!r}")
        return low

    def choice(self, key: str, words: Sequence[str], default: str | None = None) -> str:
        """One of the words."""
        value = self._data.get(key, default)
        if isinstance(value, str) and value in words:
            return value
        self.complain(key, f"needs one of {', '.join(words)}, got {value!r}")
        return words[0]

    def flag(self, key: str) -> bool:
        """True or false; false when missing."""
        value = self._data.get(key, False)
        if isinstance(value, bool):
            return value
        self.complain(key, f"needs true or false, got {value!r}")
        return False

    def items(self, key: str) -> list[object]:
        """A list; empty when missing."""
        value = self._data.get(key, [])
        if isinstance(value, Sequence) and not isinstance(value, str):
            return list(value)
        self.complain(key, f"needs a list, got {value!r}")
        return []
