"""A tariff that stands in a file of its own, moved into the site file, where pages can change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ems.settings.edit import Edit

SECTION = "tariff"
PARTS = ("energy", "feed_in", "demand", "fixed")


def edits_into_site(tariff: Mapping[str, Any]) -> Iterator[Edit]:
    """The edits after which the section says what the file says, line by line; entries of one version in braces."""
    yield Edit((SECTION,), None)
    yield Edit((SECTION,), {key: value for key, value in tariff.items() if key not in PARTS})
    for part in PARTS:
        entries = tariff.get(part)
        for name, entry in entries.items() if isinstance(entries, Mapping) else ():
            if isinstance(entry, Mapping):
                yield Edit((SECTION, part, str(name)), entry)
            else:
                yield Edit((SECTION, part), {str(name): entry})
