"""What the site pays, as forms: the head of a tariff, and its entries with their versions and prices by time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ems.adapters.web.values import plain
from ems.adapters.web.wizard.forms import FieldRow, Form, PlacedForm
from ems.ports.site import DraftView, FileFinding, SiteDesk

SECTION = "tariff"
BY_TIME = frozenset({"energy", "feed_in"})


class Part(NamedTuple):
    """A part of a tariff: its key, what it is called, and an example of a name in it."""

    key: str
    title: str
    example: str


PARTS = (
    Part("energy", "Energy from the grid", "procurement, grid-fee"),
    Part("feed_in", "Energy into the grid", "pv"),
    Part("demand", "Peak demand", "capacity"),
    Part("fixed", "Fixed charges", "metering"),
)


class Version(NamedTuple):
    """An entry as it is agreed for a time; `times` only where prices by time can be told."""

    form: PlacedForm
    times: list[PlacedForm]
    can_times: bool


class TariffForms(NamedTuple):
    """Everything that the section says. `file`: it says nothing but this file; `words`: the tariff in a line, as far as
    it is sound.
    """

    file: str
    words: str
    head: PlacedForm
    parts: list[dict[str, Any]]
    blank_time: list[FieldRow]


def tariff_forms(view: DraftView, desk: SiteDesk) -> TariffForms:
    """The forms of the draft."""
    told = view.data.get(SECTION)
    known: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    time = Form(desk.fields("times"))
    file = known.get("file")
    words = None if view.site is None else view.site.get(SECTION)
    return TariffForms(
        file=plain(str(file)) if file else "",
        words=plain(str(words)) if words else "",
        head=Form(desk.fields(SECTION)).placed(
            view.findings,
            (SECTION,),
            known,
            is_there=SECTION in view.data,
            below=[(SECTION, part.key, str(name)) for part in PARTS for name in _entries(known.get(part.key))],
        ),
        parts=[_part(part, known.get(part.key), Form(desk.fields(part.key)), time, view.findings) for part in PARTS],
        blank_time=time.rows(None),
    )


def _entries(told: Any) -> Mapping[Any, Any]:
    return told if isinstance(told, Mapping) else {}


def _part(part: Part, told: Any, form: Form, time: Form, findings: Sequence[FileFinding]) -> dict[str, Any]:
    return {
        "key": part.key,
        "title": part.title,
        "example": part.example,
        "blank": form.rows(None),
        "entries": [
            {
                "name": str(name),
                "route": [SECTION, part.key, str(name)],
                "versions": list(_versions(part, str(name), entry, form, time, findings)),
            }
            for name, entry in _entries(told).items()
        ],
    }


def _versions(
    part: Part, name: str, entry: Any, form: Form, time: Form, findings: Sequence[FileFinding]
) -> Iterator[Version]:
    """An entry is one version, or a list of them."""
    route = [SECTION, part.key, name]
    several = enumerate(entry) if isinstance(entry, list) else ()
    for at, told in [([*route, str(k)], one) for k, one in several] or [(route, entry)]:
        found = told.get("times") if isinstance(told, Mapping) else None
        times = [
            time.placed(findings, (*at, "times", str(k)), one)
            for k, one in enumerate(found if isinstance(found, list) else ())
        ]
        yield Version(form.placed(findings, at, told, below=[one.route for one in times]), times, part.key in BY_TIME)
