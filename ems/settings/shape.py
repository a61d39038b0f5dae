"""From plain data to validated sections. An entry that is wrong is left out, with findings; the rest goes on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from ems.domain.policy import Policy
from ems.domain.strategy import Strategy
from ems.settings import schema
from ems.settings.comma import cut_at
from ems.settings.document import Document
from ems.settings.door_schema import AccessSection
from ems.settings.driver_schema import DriverSection
from ems.settings.finding import Finding
from ems.settings.hints import or_known, unknown_key
from ems.settings.listening_schema import OcppSection, WebSection
from ems.settings.mail_schema import MailSection
from ems.settings.notice_schema import AlarmsSection, MqttSection, WebhookSection
from ems.settings.ocpi_schema import OcpiSection
from ems.settings.oidc_schema import OidcSection
from ems.settings.payment_schema import PaymentSection
from ems.settings.reports_schema import ReportsSection
from ems.settings.route import Route
from ems.settings.service_schema import CalendarSection, ClassSection
from ems.settings.storage_schema import BatterySection
from ems.settings.tariff_schema import TariffSection
from ems.settings.wording import in_words, unit_of


class Dataclass(Protocol):
    """Any class made by `dataclass`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Model = TypeVar("Model", bound=BaseModel)
Record = TypeVar("Record", bound=Dataclass)

STRATEGIES = tuple(strategy.value for strategy in Strategy)
GUARANTEES = ("minimum-first",)

LOWEST_V, HIGHEST_V, USUAL_V = 90.0, 350.0, 230.0
"""Voltages between phase and neutral."""

OF_AN_OUTLET = frozenset(schema.EvseSection.model_fields) - frozenset(schema.StationSection.model_fields)

NO_ACCESS = AccessSection.model_validate({})
NO_PAYMENT = PaymentSection.model_validate({})
NO_REPORTS = ReportsSection.model_validate({})
NO_DRIVERS = DriverSection.model_validate({})
NO_OCPP = OcppSection.model_validate({})
NO_WEB = WebSection.model_validate({})
NO_ALARMS = AlarmsSection.model_validate({})
"""The sections as they hold when the file has none."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sections of a site as far as they are valid. `limits` by their position in the file."""

    site: schema.SiteSection | None = None
    circuits: dict[str, schema.CircuitSection] = field(default_factory=dict)
    meters: dict[str, schema.MeterSection] = field(default_factory=dict)
    stations: dict[str, schema.StationSection] = field(default_factory=dict)
    limits: dict[int, schema.LimitSection] = field(default_factory=dict)
    batteries: dict[str, BatterySection] = field(default_factory=dict)
    classes: dict[str, ClassSection] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    calendar: CalendarSection | None = None
    access: AccessSection = NO_ACCESS
    payment: PaymentSection = NO_PAYMENT
    mail: MailSection | None = None
    reports: ReportsSection = NO_REPORTS
    drivers: DriverSection = NO_DRIVERS
    tariff: TariffSection | None = None
    ocpi: OcpiSection | None = None
    ocpp: OcppSection = NO_OCPP
    web: WebSection = NO_WEB
    oidc: OidcSection | None = None
    alarms: AlarmsSection = NO_ALARMS
    webhooks: dict[str, WebhookSection] = field(default_factory=dict)
    mqtt: MqttSection | None = None

    @property
    def voltage_v(self) -> float:
        """Phase to neutral; 230 while it is not known or not plausible."""
        known = USUAL_V if self.site is None else self.site.voltage_v
        return known if LOWEST_V <= known <= HIGHEST_V else USUAL_V


def shape_of(document: Document) -> tuple[Shape, tuple[Finding, ...]]:
    """Validate every section of a site by itself."""
    reader = _Reader(document)
    slips = reader.unknown_sections()
    site = reader.section("site", schema.SiteSection)
    reader.voltage_v = 230.0 if site is None else site.voltage_v
    shape = Shape(
        site=site,
        circuits=reader.entries("circuits", schema.CircuitSection),
        meters=reader.entries("meters", schema.MeterSection),
        stations=reader.entries("stations", schema.StationSection),
        limits=reader.items("limits", schema.LimitSection),
        batteries=reader.entries("batteries", BatterySection),
        classes=reader.entries("classes", ClassSection),
        policy=reader.policy(),
        calendar=reader.section("calendar", CalendarSection),
        access=reader.section("access", AccessSection) or NO_ACCESS,
        payment=reader.section("payment", PaymentSection) or NO_PAYMENT,
        mail=reader.section("mail", MailSection),
        reports=reader.section("reports", ReportsSection) or NO_REPORTS,
        drivers=reader.section("drivers", DriverSection) or NO_DRIVERS,
        tariff=reader.section("tariff", TariffSection),
        ocpi=reader.section("ocpi", OcpiSection),
        ocpp=reader.section("ocpp", OcppSection) or NO_OCPP,
        web=reader.section("web", WebSection) or NO_WEB,
        oidc=reader.section("oidc", OidcSection),
        alarms=reader.section("alarms", AlarmsSection) or NO_ALARMS,
        webhooks=reader.entries("webhooks", WebhookSection),
        mqtt=reader.section("mqtt", MqttSection),
    )
    if "site" not in document.data and "site" not in slips:
        reader.error((), "the section 'site' is missing", "write site: {name: Depot North, timezone: Europe/Berlin}")
    if not document.data.get("circuits") and "circuits" not in slips:
        reader.error((), "the section 'circuits' is missing", "write circuits: {grid: {rating_a: 250}}")
    return shape, tuple(reader.findings)


def record_of(
    kind: type[Record], data: Mapping[str, Any], document: Document, route: Route, *, without: tuple[str, ...] = ()
) -> tuple[Record | None, tuple[Finding, ...]]:
    """A frozen dataclass from a mapping whose keys are its field names, each of the field's own type.

    `without`: fields that the mapping may not set. With findings the record holds what was sound, or is None.
    """
    hints = get_type_hints(kind)
    fields = [f.name for f in dataclasses.fields(kind) if f.init and f.name not in without]
    reader = _Reader(document)
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key not in fields:
            reader.unknown_key((*route, key), key, value, fields)
            continue
        try:
            values[key] = TypeAdapter(hints[key]).validate_json(json.dumps(value), strict=True)
        except ValidationError as invalid:
            reader.error((*route, key), *in_words(key, value, invalid.errors()[0], unit_of(key)))
    try:
        return kind(**values), tuple(reader.findings)
    except ValueError as problem:
        remedy = "write a value that fits, or remove the line for the default"
        reader.error(_route_of(route, list(data), str(problem)), str(problem), remedy)
        return None, tuple(reader.findings)


def section_of(
    kind: type[Model], data: Mapping[str, Any], document: Document, route: Route
) -> tuple[Model | None, tuple[Finding, ...]]:
    """A section from a mapping; None, with findings, when anything in it is wrong."""
    reader = _Reader(document)
    return reader.validated(kind, data, route), tuple(reader.findings)


class _Reader:
    """Collects findings while sections are read."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.data = document.data
        self.voltage_v = 230.0
        self.findings: list[Finding] = []

    def error(self, route: Route, message: str, remedy: str = "") -> None:
        self.findings.append(self.document.error(route, message, remedy))

    def unknown_key(self, route: Route, key: str, value: Any, known: list[str]) -> str | None:
        hint = unknown_key(key, value, known, self.voltage_v)
        guess = f": did you mean '{hint.key}'?" if hint.key else ""
        self.error(route, f"unknown key '{key[:60]}'{guess}", hint.remedy)
        return hint.key

    def unknown_sections(self) -> set[str | None]:
        """Report them; returns the sections that were probably meant."""
        unknown = [(key, value) for key, value in self.data.items() if key not in schema.SECTIONS]
        return {self.unknown_key((key,), key, value, list(schema.SECTIONS)) for key, value in unknown}

    def section(self, name: str, kind: type[Model]) -> Model | None:
        if name not in self.data:
            return None
        return self.validated(kind, self.data[name], (name,))

    def entries(self, name: str, kind: type[Model]) -> dict[str, Model]:
        known = self.data.get(name)
        if known is None:
            return {}
        if not isinstance(known, dict):
            self.error((name,), f"{name} must be entries with names", f"write {name}: {{NAME: {{…}}}}")
            return {}
        read = {key: self.validated(kind, value, (name, key)) for key, value in known.items()}
        return {key: value for key, value in read.items() if value is not None}

    def items(self, name: str, kind: type[Model]) -> dict[int, Model]:
        known = self.data.get(name)
        if known is None:
            return {}
        if not isinstance(known, list):
            self.error((name,), f"{name} must be a list", f"begin every entry of {name} with a dash")
            return {}
        read = {i: self.validated(kind, value, (name, i)) for i, value in enumerate(known)}
        return {i: value for i, value in read.items() if value is not None}

    def policy(self) -> Policy:
        known = self.data.get("policy")
        if known is None:
            return Policy()
        if not isinstance(known, dict):
            self.error(("policy",), "policy must be keys with values", "write policy: {strategy: equal}")
            return Policy()
        values = dict(known)
        guarantee = values.pop("guarantee", GUARANTEES[0])
        if guarantee not in GUARANTEES:
            self.error(("policy", "guarantee"), f"'{str(guarantee)[:40]}' is not a guarantee", or_known("", GUARANTEES))
        strategy = values.get("strategy")
        if strategy is not None and strategy not in STRATEGIES:
            remedy = or_known(str(strategy), STRATEGIES)
            self.error(("policy", "strategy"), f"'{str(strategy)[:40]}' is not a strategy", remedy)
            del values["strategy"]
        policy, findings = record_of(Policy, values, self.document, ("policy",))
        self.findings += findings
        return policy or Policy()

    def validated(self, kind: type[Model], value: Any, route: Route) -> Model | None:
        if not isinstance(value, dict):
            what = "is empty" if value is None else "must be keys with values"
            self.error(route, f"'{_last_word(route)}' {what}", f"write {_last_word(route)}: {{{_example(kind)}}}")
            return None
        try:
            return kind.model_validate_json(json.dumps(value), strict=True)
        except ValidationError as invalid:
            guessed: set[Route] = set()
            for error in sorted(invalid.errors(), key=lambda e: e["type"] != "extra_forbidden"):
                self._report(kind, route, error, guessed)
            return None

    def _report(self, kind: type[BaseModel], route: Route, error: Any, guessed: set[Route]) -> None:
        """Report one error; of a key that is missing because it is misspelt only the slip is told (`guessed`)."""
        loc = tuple(step for step in error["loc"] if step != "[key]")
        place = (*route, *loc)
        model = schema.EvseSection if kind is schema.StationSection and len(loc) > 2 else kind
        key = next((step for step in reversed(loc) if isinstance(step, str)), None) or _last_word(route)
        if error["type"] == "extra_forbidden" and self._is_cut_at_a_comma(place, error["input"]):
            return
        if kind is schema.StationSection and len(loc) == 1 and key in OF_AN_OUTLET:
            if (*route, "evses") not in guessed:
                remedy = "write it there: evses: {1: {max_a: 32, phases: L1 L2 L3}}"
                self.error(place, f"{key} belongs to an outlet, not to the station", remedy)
            guessed.add((*route, "evses"))
        elif error["type"] == "extra_forbidden":
            meant = self.unknown_key(place, key, error["input"], list(model.model_fields))
            guessed.add((*place[:-1], meant or ""))
        elif error["type"] != "missing" or place not in guessed:
            known = model.model_fields.get(key)
            about = (known.description or "") if known is not None else ""
            message, remedy = in_words(key, error["input"], error, about)
            self.error(place, message.removeprefix(f"{key}: ") if "[key]" in error["loc"] else message, remedy)

    def _is_cut_at_a_comma(self, place: Route, value: Any) -> bool:
        """Whether an unknown key is what stood behind a comma inside of braces, as in {phases: L1,L2} or {max_a: 6,5}.
        Told for the first of several.
        """
        cut = cut_at(self.data, place) if value is None else None
        if cut is not None and cut.is_first:
            message = f"{cut.key} ends at the comma: inside of braces it begins the next entry"
            self.error(place, message, f"write {cut.key}: {cut.joined}")
        return cut is not None


def _route_of(route: Route, fields: list[str], message: str) -> Route:
    """The route of the field that a constructor's message names first, if it names one."""
    named = [name for name in fields if name in message.replace(",", " ").split()]
    return (*route, min(named, key=message.find)) if named else route


def _last_word(route: Route) -> str:
    return str(route[-1]) if len(route) != 2 or isinstance(route[-1], str) else f"item {route[-1] + 1} of {route[0]}"


def _example(kind: type[BaseModel]) -> str:
    names: Iterator[str] = (name for name, known in kind.model_fields.items() if known.is_required())
    return ", ".join(f"{name}: …" for name in names) or "…"
