"""A list of tags as somebody wrote it down, before it counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ems.domain.access.book import AccessBook
from ems.domain.access.change import TagsKept
from ems.domain.access.tag import Person, Tag
from ems.domain.list_finding import ListFinding


@dataclass(frozen=True, slots=True)
class TagList:
    """What the rows of a list say, in their order, people who are new with it, and what is to be said about rows."""

    tags: tuple[Tag, ...]
    people: tuple[Person, ...] = ()
    findings: tuple[ListFinding, ...] = ()

    @property
    def is_refused(self) -> bool:
        """It cannot be taken as it is: all of it counts, or nothing."""
        return not self.tags or any(finding.is_refusal for finding in self.findings)

    @property
    def change(self) -> TagsKept:
        """Tags of the list are as it says; others stay as they are."""
        return TagsKept(self.tags, self.people)

    def kinds(self, known: AccessBook) -> Iterator[tuple[Tag, str]]:
        """Each tag with what taking it would be: new, changed or same."""
        for tag in self.tags:
            before = known.tags.get(tag.key)
            yield tag, "new" if before is None else "same" if before == tag else "changed"
