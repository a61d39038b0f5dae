"""The sections of a site file as forms: every key that the file may have, with what belongs there."""

from __future__ import annotations

import dataclasses
import types
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from ems.domain.phases import Phase
from ems.domain.policy import Policy
from ems.ports.site import FormField
from ems.settings import schema
from ems.settings.door_schema import AccessSection
from ems.settings.listening_schema import OcppSection, WebSection
from ems.settings.payment_schema import PaymentSection
from ems.settings.schema import PerPhase
from ems.settings.service_schema import CalendarSection, ClassSection
from ems.settings.storage_schema import BatterySection
from ems.settings.tariff_schema import DemandSection, EnergySection, FixedSection, TariffFile, TimeSection

MODELS: dict[str, type[BaseModel]] = {
    "site": schema.SiteSection,
    "circuits": schema.CircuitSection,
    "meters": schema.MeterSection,
    "stations": schema.StationSection,
    "evses": schema.EvseSection,
    "limits": schema.LimitSection,
    "batteries": BatterySection,
    "classes": ClassSection,
    "calendar": CalendarSection,
    "tariff": TariffFile,
    "energy": EnergySection,
    "feed_in": EnergySection,
    "times": TimeSection,
    "demand": DemandSection,
    "fixed": FixedSection,
    "payment": PaymentSection,
    "access": AccessSection,
    "ocpp": OcppSection,
    "web": WebSection,
}
NAMED = {
    ("circuits", "parent"): "circuit",
    ("circuits", "meter"): "meter",
    ("meters", "model"): "meter-model",
    ("meters", "circuit"): "circuit",
    ("stations", "circuit"): "circuit",
    ("stations", "model"): "station-model",
    ("evses", "circuit"): "circuit",
    ("evses", "meter"): "meter",
    ("limits", "circuit"): "circuit",
    ("batteries", "circuit"): "circuit",
    ("batteries", "meter"): "meter",
    ("payment", "key_file"): "secret",
    ("payment", "notice_secret_file"): "secret",
    ("calendar", "holidays"): "words",
    ("tariff", "holidays"): "words",
    ("times", "when"): "whens",
    ("demand", "when"): "whens",
}
"""Keys whose value names something else of the file, a model, or a file with a secret; and those that are lists."""

CHOICES = {
    ("meters", "framer"): ("tcp", "rtu"),
    ("meters", "frame"): ("8N1", "8E1", "8O1", "8N2"),
    ("evses", "phase_switching"): ("auto", "true", "false"),
    ("demand", "period"): ("month", "year"),
}
WITHIN = frozenset({
    ("stations", "evses"), ("energy", "times"), ("feed_in", "times"),
    *(("tariff", part) for part in ("energy", "feed_in", "demand", "fixed")),
})  # fmt: skip
"""Keys that have a form of their own."""

ACRONYMS = {"vat": "VAT", "soc": "SoC", "ct": "CT"}
UNITS = {
    "_a": "A",
    "_v": "V",
    "_kw": "kW",
    "_kwh": "kWh",
    "_s": "s",
    "_min": "min",
    "_w": "W",
    "_percent": "%",
    "_pct": "%",
}
POLICY_HINTS = {
    "strategy": "how room is divided among vehicles",
    "control": "observe: measure and show, steer nobody, and leave at the fallback who was controlled; armed: control",
    "lease_s": "how long a limit holds without the controller, 120 … 3600",
    "idle_a": "what a vehicle may draw between plug-in and the first answer",
    "departure_default": 'when vehicles leave that do not say, for example "17:00"',
}


def secret_keys() -> frozenset[tuple[str, str]]:
    """The keys that name a file with a secret, each with its section."""
    return frozenset(place for place, kind in NAMED.items() if kind == "secret")


@cache
def fields_of(section: str) -> tuple[FormField, ...]:
    """What can be filled in for a section. KeyError when there is no such form."""
    if section == "policy":
        hints = get_type_hints(Policy)
        return tuple(
            _field("policy", f.name, hints[f.name], POLICY_HINTS.get(f.name, ""), is_needed=False)
            for f in dataclasses.fields(Policy)
            if f.init
        )
    return tuple(
        _field(section, key, known.annotation, known.description or "", is_needed=known.is_required())
        for key, known in MODELS[section].model_fields.items()
        if (section, key) not in WITHIN
    )


def _field(section: str, key: str, annotation: Any, hint: str, *, is_needed: bool) -> FormField:
    stem, unit = next(((key.removesuffix(end), unit) for end, unit in UNITS.items() if key.endswith(end)), (key, ""))
    if stem == "per" or stem.endswith("_per"):
        stem, unit = f"{stem} {unit}", ""  # a price for so much, and not so much
    label = stem.replace("_", " ").strip()
    first, _, rest = label.partition(" ")
    label = f"{ACRONYMS.get(first, first[:1].upper() + first[1:])} {rest}".strip()
    kind, choices = _kind(_plain(annotation))
    if (section, key) in NAMED:
        kind, choices = NAMED[section, key], ()
    if (section, key) in CHOICES:
        kind, choices = "choice", CHOICES[section, key]
    return FormField(key, label, kind, hint, unit, choices, is_needed)


def _kind(plain: Any) -> tuple[str, tuple[str, ...]]:
    if plain is bool:
        return "flag", ()
    if plain in {int, float}:
        return "number", ()
    if plain is PerPhase:
        return "amps", ()
    if isinstance(plain, type) and issubclass(plain, StrEnum) and plain is not Phase:
        return "choice", tuple(one.value for one in plain)
    return "text", ()


def _plain(annotation: Any) -> Any:
    """The type below Annotated and Optional."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in {Union, types.UnionType}:
            annotation = next(one for one in get_args(annotation) if one is not type(None))
        else:
            return annotation
