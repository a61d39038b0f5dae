"""The sections of a site file as forms: every key that the file may have, with what belongs there."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Sequence
from datetime import time
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from ems.domain.phases import Phase
from ems.domain.policy import Policy
from ems.ports.site import FormField, FormPart
from ems.settings import schema
from ems.settings.door_schema import AccessSection
from ems.settings.driver_schema import DriverSection
from ems.settings.listening_schema import OcppSection, WebSection
from ems.settings.mail_schema import MailSection
from ems.settings.notice_schema import TOPICS, AlarmsSection, MqttSection, WebhookSection
from ems.settings.ocpi_schema import PARKING, STANDARDS, OcpiSection
from ems.settings.oidc_schema import OidcSection
from ems.settings.payment_schema import PaymentSection
from ems.settings.reports_schema import ReportsSection
from ems.settings.schema import PerPhase
from ems.settings.secret_schema import SecretKind
from ems.settings.service_schema import CalendarSection, ClassSection
from ems.settings.storage_schema import BatterySection
from ems.settings.tariff_schema import DemandSection, EnergySection, FixedSection, TariffFile, TimeSection


class Part(NamedTuple):
    """A key of a section whose value is a section again, or, with `is_many`, several of them by name."""

    key: str
    model: type[BaseModel]
    is_many: bool


def _parts(model: type[BaseModel]) -> Iterator[Part]:
    for key, known in model.model_fields.items():
        plain = _plain(known.annotation)
        is_many = get_origin(plain) is dict
        inner = _plain(get_args(plain)[1]) if is_many else plain
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield Part(key, inner, is_many)


def _plain(annotation: Any) -> Any:
    """The type below Annotated and Optional."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in {Union, types.UnionType}:
            annotation = next(one for one in get_args(annotation) if one is not type(None))
        else:
            return annotation


def _with_parts(name: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """A section and, below its name, whatever lies in it."""
    yield name, model
    for part in _parts(model):
        yield from _with_parts(f"{name}.{part.key}", part.model)


SETTINGS: dict[str, type[BaseModel]] = {
    "mail": MailSection,
    "alarms": AlarmsSection,
    "webhooks": WebhookSection,
    "mqtt": MqttSection,
    "reports": ReportsSection,
    "drivers": DriverSection,
    "ocpi": OcpiSection,
    "oidc": OidcSection,
}
"""Sections whose parts are forms as well, as `reports.exports.sftp`."""

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
    **{inner: model for name, outer in SETTINGS.items() for inner, model in _with_parts(name, outer)},
}
MANY = frozenset({"circuits", "meters", "batteries", "stations", "limits", "classes", "webhooks"})
"""Sections that are entries by name."""

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
    ("calendar", "holidays"): "words",
    ("tariff", "holidays"): "words",
    ("times", "when"): "whens",
    ("demand", "when"): "whens",
    ("ocpi", "opening"): "whens",
    ("alarms.mail", "to"): "words",
    ("webhooks", "events"): "choices",
    ("reports.exports", "day"): "day",
    ("oidc", "roles"): "pairs",
}
"""Keys whose value names something else of the file, or a model; and those whose type does not say how they are
written.
"""

CHOICES = {
    ("meters", "framer"): ("tcp", "rtu"),
    ("meters", "frame"): ("8N1", "8E1", "8O1", "8N2"),
    ("evses", "phase_switching"): ("auto", "true", "false"),
    ("demand", "period"): ("month", "year"),
    ("webhooks", "events"): TOPICS,
    ("ocpi", "parking"): PARKING,
    ("ocpi.connector", "standard"): STANDARDS,
    ("ocpi.connectors", "standard"): STANDARDS,
}
"""What there is to choose from where the type does not say it."""

WITHIN = frozenset({
    ("stations", "evses"), ("energy", "times"), ("feed_in", "times"),
    *(("tariff", part) for part in ("energy", "feed_in", "demand", "fixed")),
})  # fmt: skip
"""Keys that have a form of their own."""

ACRONYMS = {
    "vat": "VAT", "soc": "SoC", "ct": "CT", "co2": "CO2", "url": "URL", "tls": "TLS", "id": "ID", "ca": "CA",
    "evse": "EVSE", "ftp": "FTP", "dc": "DC", "pv": "PV",
}  # fmt: skip
LABELS = {
    ("reports", "names_days"): "Names are kept for",
    ("reports", "co2_g_per_kwh"): "CO2 of a kWh from the grid",
    ("reports.exports", "mail"): "Mail to",
    ("drivers", "may_hurry"): "Drivers may hurry",
    ("alarms.mail", "cleared"): "Mail also when it is over",
    ("alarms", "offline_s"): "Station away",
    ("alarms", "fault_s"): "Fault lasts",
    ("alarms", "meter_s"): "Meter silent",
    ("alarms", "clear_s"): "Over after",
}
"""What people call a key that is not its own label."""

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
    "_days": "days",
    "_g_per_kwh": "g",
}
POLICY_HINTS = {
    "strategy": "how room is divided among vehicles",
    "control": "observe: measure and show, steer nobody, and leave at the fallback who was controlled; armed: control",
    "lease_s": "how long a limit holds without the controller, 120 … 3600",
    "idle_a": "what a vehicle may draw between plug-in and the first answer",
    "departure_default": 'when vehicles leave that do not say, for example "17:00"',
    "dead_band_a": "a raise by less than this is not worth telling",
    "raise_step_a": "the most by which one raise goes up",
    "raise_every_s": "how long after a raise the next one may come",
    "raise_hold_s": "how long room must have been there before it is given away",
    "rotation_s": "how long an outlet keeps its minimum current while others wait for theirs; min_on_s or more",
    "min_on_s": "how long an outlet stays on once it is, for contactors and vehicles; safety goes first",
    "min_off_s": "how long an outlet stays off once it is",
    "max_wait_s": "who has waited longer goes first, whatever the class",
    "hold_s": "a meter silent for so long: nothing is raised",
    "cautious_s": "a meter silent for so long: more margin is kept; more than hold_s",
    "fallback_s": "a meter silent for so long: what it measures falls to the fallback; more than cautious_s",
    "steady_s": "how long a meter must be back before raises go on",
    "sample_trust_s": "how long what a station measured counts",
    "sample_lag_s": "how old what a station measured may be when it arrives",
    "disobey_s": "how long a station may exceed its current before it counts as one that does not obey",
    "restart_hold_s": "how long after a start stations are waited for that have not told anything yet",
    "plan_age_s": "a plan that has not been renewed for so long counts for nothing",
}


def secret_kind(route: Sequence[str], key: str) -> SecretKind | None:
    """What the file holds that a key names at a place of the site file; None where it names none with a secret."""
    section = section_at(route)
    found = None if section is None else MODELS[section].model_fields.get(key)
    return None if found is None else _secret(found.annotation)


def section_at(route: Sequence[str]) -> str | None:
    """The section that describes a place of the site file, as `reports.exports.sftp`; None where none does."""
    steps = iter(route)
    name = next(steps, "")
    if name not in MODELS or "." in name or (name in MANY and next(steps, None) is None):
        return None
    for step in steps:
        part = next((one for one in _parts(MODELS[name]) if one.key == step), None)
        name = f"{name}.{step}"
        if part is None or name not in MODELS or (part.is_many and next(steps, None) is None):
            return None
    return name


def parts_of(section: str) -> tuple[FormPart, ...]:
    """What lies in a section and has a form of its own. KeyError when there is no such section."""
    return tuple(FormPart(part.key, f"{section}.{part.key}", part.is_many) for part in _parts(MODELS[section]))


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
        if (section, key) not in WITHIN and not _is_part(section, key)
    )


def _field(section: str, key: str, annotation: Any, hint: str, *, is_needed: bool) -> FormField:
    ends = max((end for end in UNITS if key.endswith(end)), key=len, default="")
    stem, unit = key.removesuffix(ends), UNITS.get(ends, "")
    if stem == "per" or stem.endswith("_per"):
        stem, unit = f"{stem} {unit}", ""  # a price for so much, and not so much
    label = stem.replace("_", " ").strip()
    words = [ACRONYMS.get(word, word) for word in label.split()]
    label = LABELS.get((section, key), " ".join([words[0][:1].upper() + words[0][1:], *words[1:]]))
    secret = _secret(annotation)
    kind, choices = _kind(_plain(annotation)) if secret is None else (secret.value, ())
    if (section, key) in NAMED:
        kind, choices = NAMED[section, key], ()
    if (section, key) in CHOICES:
        kind, choices = "choices" if kind == "choices" else "choice", CHOICES[section, key]
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
    if plain is time:
        return "time", ()
    return _kind_of_list(get_args(plain)) if get_origin(plain) is tuple else ("text", ())


def _kind_of_list(items: tuple[Any, ...]) -> tuple[str, tuple[str, ...]]:
    if items == (float, float):
        return "numbers", ()
    one = _plain(items[0])
    if isinstance(one, type) and issubclass(one, StrEnum):
        return "choices", tuple(choice.value for choice in one)
    return ("words", ()) if one is str else ("text", ())


def _is_part(section: str, key: str) -> bool:
    return section.partition(".")[0] in SETTINGS and any(part.key == key for part in _parts(MODELS[section]))


def _secret(annotation: Any) -> SecretKind | None:
    """The mark of a key that names a file with a secret."""
    for one in get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,):
        if get_origin(one) is Annotated:
            found = next((mark for mark in get_args(one)[1:] if isinstance(mark, SecretKind)), None)
            if found is not None:
                return found
    return None
