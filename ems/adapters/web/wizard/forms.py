"""A section of the site file as rows of a form, with the values that it has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from typing_extensions import TypedDict

from ems.adapters.web.values import plain
from ems.ports.site import FileFinding, FormField

DAILY = frozenset({
    "name", "timezone", "currency", "voltage_v", "parent", "rating_a", "meter", "margin_a", "base_load_max_a", "model",
    "host", "port", "unit", "role", "invert", "circuit", "fallback_a", "max_a", "phases", "max_kw", "when", "evse",
    "strategy", "departure_default", "mode", "capacity_kwh", "charge_max_kw", "discharge_max_kw", "reserve_percent",
    "guarantee_kwh", "by", "minimum_always", "holidays", "vat_pct", "per_kwh", "series", "markup_per_kwh", "season",
    "per_kw", "interval_min", "period", "amount", "per", "provider", "public_url", "key_file", "notice_secret_file",
    "security", "user", "tls", "to", "quiet", "offline_s", "fault_s", "meter_s", "discovery", "commands", "content",
    "every", "at", "day", "mail", "co2_g_per_kwh", "names_days", "folder", "link", "phone", "operator", "address",
    "vat_id", "may_hurry", "terms_url", "website", "postal_code", "opening", "parking", "versions_url", "cable",
})  # fmt: skip
"""Keys that most sites have; the others are one press away."""

ELSEWHERE = frozenset({"control", "password_file"})
"""Keys that are set by a switch or a button of their own."""


BETWEEN = {"whens": "; ", "numbers": ", "}
"""What stands between the items of a list, where a blank is part of them."""


_BRACKETS = str.maketrans("", "", "[]{}'\"")
UNMARKED = dict.fromkeys(("words", "whens", "numbers", "pairs", "time", "text"), _BRACKETS)
"""Kinds of fields whose values are written with marks in the file, and without them in a form."""


class FieldRow(TypedDict):
    """A field as it is shown: its key, words, kind, choices (of several the `chosen` ones) and value; `is_daily`:
    always in sight. `findings`: what `ems check` says of it.
    """

    key: str
    label: str
    kind: str
    hint: str
    unit: str
    choices: Sequence[str]
    value: str
    is_needed: bool
    is_daily: bool
    chosen: Sequence[str]
    findings: Sequence[FileFinding]


class Said(NamedTuple):
    """What `ems check` says of a place of the file: `beside` its fields by key, the `rest` beside none of them; `worst`
    severity of all that lies in it, empty where nothing is said.
    """

    beside: Mapping[str, Sequence[FileFinding]]
    rest: Sequence[FileFinding]
    worst: str


@dataclass(frozen=True, slots=True)
class PlacedForm:
    """The form of one place of the file. `findings`: those that stand beside no field, here or further below; `worst`
    severity of them all; `words`: the place in a line.
    """

    route: Sequence[str]
    rows: Sequence[FieldRow]
    words: str
    is_there: bool
    findings: Sequence[FileFinding]
    worst: str

    @property
    def name(self) -> str:
        """What it is called where it is one of several."""
        return self.route[-1]


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a section."""

    fields: Sequence[FormField]

    @property
    def shown(self) -> Sequence[FormField]:
        """Those that are filled in here."""
        return [one for one in self.fields if one.key not in ELSEWHERE or one.kind == "secret"]

    def said(self, findings: Sequence[FileFinding], route: Sequence[str], below: Iterable[Sequence[str]] = ()) -> Said:
        """What is said of a place that has this form, and of all that lies in it. What is `below`, has forms of its
        own, where it stands.
        """
        own, inner = list(within(findings, route)), [tuple(one) for one in below]
        beside = {field.key: [one for one in own if _key(one, route) == field.key] for field in self.shown}
        rest = [
            one
            for one in own
            if _key(one, route) not in beside and not any(_route(one)[: len(place)] == place for place in inner)
        ]
        worst = "error" if any(one.severity == "error" for one in own) else "warning" if own else ""
        return Said(beside, rest, worst)

    def placed(
        self,
        findings: Sequence[FileFinding],
        route: Sequence[str],
        value: Any,
        *,
        is_there: bool = True,
        below: Iterable[Sequence[str]] = (),
    ) -> PlacedForm:
        """The form at a place where the file says `value`."""
        said = self.said(findings, route, below)
        return PlacedForm(
            list(route), self.rows(value, said.beside), self.words(value), is_there, said.rest, said.worst
        )

    def rows(self, value: Any, findings: Mapping[str, Sequence[FileFinding]] | None = None) -> list[FieldRow]:
        """Every field with what the file says there; `findings` by key."""
        known: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        said = findings or {}
        return [_row(field, known.get(field.key), said.get(field.key, ())) for field in self.shown]

    def words(self, value: Any) -> str:
        """An entry in a line."""
        return ", ".join(_words(self.fields, value)) if isinstance(value, Mapping) else ""


def within(findings: Iterable[FileFinding], route: Sequence[str]) -> Iterator[FileFinding]:
    """What is said of a place, or of something that lies in it."""
    yield from (one for one in findings if _route(one)[: len(route)] == tuple(route))


def _route(finding: FileFinding) -> tuple[str, ...]:
    """The way to what a finding is about, as far as it is known."""
    return finding.route or tuple(step for step in (finding.section, finding.entry) if step)


def _key(finding: FileFinding, route: Sequence[str]) -> str:
    """The key of a place that a finding is about; empty where it is about the place itself."""
    known = _route(finding)
    return known[len(route)] if len(known) > len(route) else ""


def shown(value: Any, between: str = " ") -> str:
    """A value of the file as it is typed into a field; `between` the items of a list."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return " ".join(f"{name} {amps:g}" if isinstance(amps, int | float) else name for name, amps in value.items())
    if isinstance(value, list):
        return between.join(str(one) for one in value)
    return f"{value:.10g}" if isinstance(value, float) else plain(str(value))


def _row(field: FormField, value: Any, findings: Sequence[FileFinding]) -> FieldRow:
    text = _pairs(value) if field.kind == "pairs" else shown(value, BETWEEN.get(field.kind, " "))
    return {
        "key": field.key,
        "label": field.label,
        "kind": field.kind,
        "hint": _hint(field),
        "unit": field.unit,
        "choices": field.choices,
        "value": text,
        "is_needed": field.is_needed,
        "is_daily": field.key in DAILY or field.is_needed or value is not None or bool(findings),
        "chosen": _chosen(field.choices, value) if field.kind == "choices" else (),
        "findings": findings,
    }


def _hint(field: FormField) -> str:
    """What belongs into a field, in the words of the form: without the marks that only the file needs, and a flag is
    answered with yes or no.
    """
    if field.kind == "flag":
        return re.sub(r"\b(?:true|false)\b", lambda found: "yes" if found[0] == "true" else "no", field.hint)
    return "" if field.kind == "choices" else field.hint.translate(UNMARKED.get(field.kind, {}))


def _pairs(value: Any) -> str:
    """Names with what each stands for, one on a line."""
    return "\n".join(f"{name}: {told}" for name, told in value.items()) if isinstance(value, Mapping) else shown(value)


def _chosen(choices: Sequence[str], value: Any) -> list[str]:
    """Those that a list of the file means; `alarm` stands for all that begin so."""
    words = [str(one).removesuffix(".*") for one in (value if isinstance(value, list) else [value])]
    return [one for one in choices if any(one == word or one.startswith(f"{word}.") for word in words)]


def _words(fields: Sequence[FormField], value: Mapping[str, Any]) -> Iterator[str]:
    for field in fields:
        if field.key in value and field.key not in ELSEWHERE and not isinstance(value[field.key], bool):
            unit = f" {field.unit}" if field.unit else ""
            yield f"{_inside(field.label)} {shown(value[field.key])}{unit}"


def _inside(label: str) -> str:
    """A label within a line: "Per kWh" is "per kWh", "VAT" stays."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
