"""A section of the site file as rows of a form, with the values that it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
UNMARKED = dict.fromkeys(("words", "whens", "numbers", "pairs", "time"), _BRACKETS)
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


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a section."""

    fields: Sequence[FormField]

    def rows(self, value: Any, findings: Mapping[str, Sequence[FileFinding]] | None = None) -> list[FieldRow]:
        """Every field with what the file says there; `findings` by key."""
        known: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        said = findings or {}
        return [
            _row(field, known.get(field.key), said.get(field.key, ()))
            for field in self.fields
            if field.key not in ELSEWHERE or field.kind == "secret"
        ]

    def words(self, value: Any) -> str:
        """An entry in a line."""
        return ", ".join(_words(self.fields, value)) if isinstance(value, Mapping) else ""


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
    """What belongs into a field, without the marks that only the file needs."""
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
            yield f"{field.label.lower()} {shown(value[field.key])}{unit}"
