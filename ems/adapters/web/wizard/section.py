"""A section of the site file as forms, one for each place in it, with what is said of a key beside its field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ems.adapters.web.wizard.forms import FieldRow, Form, PlacedForm
from ems.ports.site import DraftView, FileFinding, FormPart, SiteDesk


class Wording(NamedTuple):
    """How a section is called and what is said about it; of one that is several by name, what one of them is called and
    an example of a name. `trial`: what is tried out by its button.
    """

    title: str
    note: str = ""
    one: str = ""
    example: str = ""
    trial: str = ""


@dataclass(frozen=True, slots=True)
class SectionForm(PlacedForm):
    """The form of a section, or of an entry of one, with what lies in it."""

    section: str
    wording: Wording
    parts: Sequence[SectionForm]
    groups: Sequence[EntryGroup]

    @property
    def id(self) -> str:
        """A word for the form on its page."""
        return "-".join(f"{len(step)}{''.join(c if c.isalnum() else '_' for c in step)}" for step in self.route)

    @property
    def secrets(self) -> Sequence[FieldRow]:
        """The fields of which nothing is shown but where they are kept."""
        return [row for row in self.rows if row["kind"] in {"secret", "secret-key"}]


@dataclass(frozen=True, slots=True)
class EntryGroup:
    """Several places by name, and the empty form of a further one."""

    route: Sequence[str]
    section: str
    wording: Wording
    entries: Sequence[SectionForm]
    blank: Sequence[FieldRow]
    findings: Sequence[FileFinding]


class Forms:
    """The forms of a draft."""

    def __init__(self, view: DraftView, desk: SiteDesk, wordings: Mapping[str, Wording]) -> None:
        self._view, self._desk, self._wordings = view, desk, wordings

    def section(self, name: str) -> SectionForm:
        """A section that is there once, or not at all."""
        return self._place((name,), name, self._view.data.get(name), name in self._view.data)

    def group(self, name: str) -> EntryGroup:
        """A section that is entries by name."""
        return self._group((name,), name, self._view.data.get(name))

    def _group(self, route: Sequence[str], section: str, told: Any) -> EntryGroup:
        known: Mapping[Any, Any] = told if isinstance(told, Mapping) else {}
        return EntryGroup(
            route,
            section,
            self._wordings[section],
            [self._place((*route, str(name)), section, value, True) for name, value in known.items()],
            Form(self._desk.fields(section)).rows(None),
            [one for one in self._view.findings if one.route == tuple(route)],
        )

    def _place(self, route: Sequence[str], section: str, told: Any, is_there: bool) -> SectionForm:
        form, known = Form(self._desk.fields(section)), told if isinstance(told, Mapping) else {}
        parts = self._desk.parts(section)
        said = form.said(self._view.findings, route, [(*route, part.key) for part in parts])
        return SectionForm(
            route=list(route),
            rows=form.rows(told, said.beside),
            words=form.words(told),
            is_there=is_there,
            findings=said.rest,
            worst=said.worst,
            section=section,
            wording=self._wordings[section],
            parts=[
                self._place((*route, part.key), part.section, known.get(part.key), part.key in known)
                for part in parts
                if not part.is_many
            ],
            groups=list(self._groups(route, parts, known)),
        )

    def _groups(
        self, route: Sequence[str], parts: Sequence[FormPart], known: Mapping[Any, Any]
    ) -> Iterator[EntryGroup]:
        for part in parts:
            if part.is_many:
                yield self._group((*route, part.key), part.section, known.get(part.key))
