"""From a sound draft to the frozen settings that the rest of the program works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from pathlib import Path

from ems.domain.access.account import LoginRule
from ems.domain.access.book import Doors
from ems.domain.circuit import CircuitTree
from ems.domain.energy.tariff import Tariff
from ems.domain.limit import LimitWindow
from ems.domain.meter import Meter, OnLoss
from ems.domain.phases import Phase
from ems.domain.site import Site
from ems.domain.station import Evse, Station
from ems.settings.access import Access
from ems.settings.doors import doors_of
from ems.settings.draft import Draft, tariff_file
from ems.settings.drivers import DriverSettings, drivers_of
from ems.settings.mail import MailSettings, mail_of
from ems.settings.metering import MODBUS_PORT
from ems.settings.notices import NoticeSettings, notices_of
from ems.settings.ocpi import OcpiSettings, ocpi_of
from ems.settings.oidc import OidcSettings, oidc_of
from ems.settings.payment import PaymentSettings, payment_of
from ems.settings.reports import ReportSettings, reports_of
from ems.settings.schema import AUTO, LimitSection, MeterSection
from ems.settings.service import classes_of, holidays_of
from ems.settings.station_models import KnownModel


class Framer(StrEnum):
    """How Modbus frames are put on the line."""

    TCP = "tcp"
    RTU = "rtu"


@dataclass(frozen=True, slots=True)
class MeterConnection:
    """How a meter is reached and read. Either `host` and `port`, or `device`.

    `model` names a file of the meter catalogue. `baud`, `frame` and `timeout_s` are None where the file does not say:
    then the model's own values hold. `phases[k]` is the site phase of the meter's phase k+1; a one-phase meter has
    one. `invert` turns the sign of current, power and energy; `ct_ratio` multiplies current, power and energy.
    """

    id: str
    model: str
    host: str | None
    port: int
    device: str | None
    unit: int
    framer: Framer
    baud: int | None = None
    frame: str | None = None
    timeout_s: float | None = None
    every_s: float = 1.0
    invert: bool = False
    phases: tuple[Phase, ...] = tuple(Phase)
    ct_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class WebAccess:
    """Where the page is served: besides loopback names and its address it is asked for under `names`; `login`: what
    somebody at this machine may do without one; what `trusted_proxy` says of whom it hands on is believed. `kiosk`: a
    screen of free bays is there for everybody.
    """

    host: str
    port: int
    login: LoginRule = LoginRule.TO_CHANGE
    names: tuple[str, ...] = ()
    trusted_proxy: str | None = None
    kiosk: bool = False


@dataclass(frozen=True, slots=True)
class UploadPorts:
    """Where stations put files; 0 is a port that is free, which each is told."""

    http: int
    ftp: int


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """Everything that `site.yaml` says, checked.

    `path` is the file; `text` its content; `revision` identifies it and the files beside it. `recognisable`: stations
    whose model is to be learned when they boot, from `station_models` (`station_models.recognise`); until then their
    model is the generic one. `tariff` is what the section says, or the file `tariff_file` beside the site's. `doors`:
    who may charge where. `payment`: how drivers pay by card; `drivers`: what their page says. `mail` None: no mail
    leaves the site. `notices`: who is told of alarms and of what else happens.
    `oidc`: who else says who somebody is. `meter_keys`: by EVSE, the public key of its meter as somebody wrote it.
    """

    path: Path
    text: str
    revision: str
    site: Site
    meters: tuple[MeterConnection, ...]
    access: Access
    ocpp: Listen
    web: WebAccess
    tariff: Tariff | None
    tariff_file: Path | None
    station_models: tuple[KnownModel, ...]
    recognisable: frozenset[str]
    uploads: UploadPorts
    doors: Doors
    payment: PaymentSettings
    ocpi: OcpiSettings | None
    mail: MailSettings | None
    reports: ReportSettings
    drivers: DriverSettings
    notices: NoticeSettings
    oidc: OidcSettings | None = None
    meter_keys: Mapping[str, str] = field(default_factory=dict)


def build(draft: Draft, access: Access, revision: str, tariff: Tariff | None = None) -> SiteSettings:
    """Put the settings together. Raises ValueError when the draft is not sound after all."""
    shape = draft.shape
    if shape.site is None:
        raise ValueError("the section 'site' is missing")
    stations = stations_of(draft)
    site = Site(
        name=shape.site.name,
        timezone=shape.site.timezone,
        circuits=CircuitTree(tuple(draft.circuits.values())),
        stations=stations,
        meters=tuple(meter_of(name, section) for name, section in shape.meters.items()),
        limits=limits_of(draft),
        policy=shape.policy,
        voltage_v=shape.site.voltage_v,
        currency=shape.site.currency,
        batteries=tuple(draft.batteries.values()),
        holidays=holidays_of(draft),
        classes=classes_of(draft),
    )
    return SiteSettings(
        path=draft.document.path,
        text=draft.document.text,
        revision=revision,
        site=site,
        meters=tuple(connection_of(name, section) for name, section in shape.meters.items()),
        access=access,
        ocpp=Listen(shape.ocpp.host, shape.ocpp.port),
        web=WebAccess(**dict(shape.web)),
        tariff=tariff,
        tariff_file=tariff_file(draft),
        station_models=tuple(draft.station_models.values()),
        recognisable=frozenset(s.id for s in stations if shape.stations[s.id].model == AUTO),
        uploads=UploadPorts(shape.ocpp.upload_port or 0, shape.ocpp.ftp_port or 0),
        doors=doors_of(draft),
        payment=payment_of(draft),
        ocpi=ocpi_of(draft),
        mail=mail_of(draft),
        reports=reports_of(draft),
        drivers=drivers_of(draft),
        notices=notices_of(draft),
        oidc=oidc_of(draft),
        meter_keys={
            f"{name}/{number}": evse.meter_key
            for name, _, number, evse in draft.outlets()
            if evse.meter_key is not None
        },
    )


def stations_of(draft: Draft) -> tuple[Station, ...]:
    """Every station with an outlet in use."""
    by_station: dict[str, list[Evse]] = {}
    for evse in draft.evses:
        by_station.setdefault(evse.station, []).append(evse)
    return tuple(Station(name, tuple(evses), draft.model_of(name)) for name, evses in by_station.items())


def limits_of(draft: Draft) -> tuple[LimitWindow, ...]:
    """Every limit on something in use; one without a time holds always."""
    in_use = {*draft.circuits, *(evse.id for evse in draft.evses)}
    return tuple(
        limit_of(section) for section in draft.shape.limits.values() if (section.circuit or section.evse) in in_use
    )


def limit_of(section: LimitSection) -> LimitWindow:
    """The window that a section describes."""
    always = (frozenset(range(7)), time(0), time(0))
    days, since, until = always if section.when is None else LimitWindow.parse_when(section.when)
    return LimitWindow(
        scope=section.circuit or section.evse or "",
        source=section.name or (f"limit {section.when}" if section.when else "standing limit"),
        days=days,
        since=since,
        until=until,
        max_a=section.max_a,
        max_w=None if section.max_kw is None else section.max_kw * 1000.0,
    )


def meter_of(name: str, section: MeterSection) -> Meter:
    """What the controller must know of a meter."""
    return Meter(name, section.every_s, section.role, OnLoss(section.on_loss), section.circuit)


def connection_of(name: str, section: MeterSection) -> MeterConnection:
    """What the adapter must know of a meter."""
    return MeterConnection(
        id=name,
        model=section.model,
        host=section.host,
        port=section.port or MODBUS_PORT,
        device=section.device,
        unit=section.unit,
        framer=Framer(section.framer or (Framer.RTU if section.device else Framer.TCP)),
        baud=section.baud,
        frame=section.frame,
        timeout_s=section.timeout_s,
        every_s=section.every_s,
        invert=section.invert,
        phases=section.phases or tuple(Phase),
        ct_ratio=section.ct_ratio,
    )
