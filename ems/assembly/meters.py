"""The meters of a site, each with its model and the way to it."""

from __future__ import annotations

import re
from pathlib import Path

from ems.adapters.modbus.address import Bus, Framing, MeterAddress, SerialBus, TcpBus
from ems.adapters.modbus.poller import InstalledMeter
from ems.adapters.modbus.register_map import RegisterMap, RegisterMapError
from ems.assembly.error import AssemblyError
from ems.assembly.seldom import plain_key
from ems.domain.site import Site
from ems.settings.build import Framer, MeterConnection, SiteSettings
from ems.settings.document import read
from ems.settings.finding import Finding, has_errors
from ems.settings.load import MeterChecks
from ems.settings.places import Catalogue, catalogue_files, config_folder
from ems.settings.revision import FOLDER as REVISIONS
from ems.settings.route import Route


def installed_meters(settings: SiteSettings, folder: Path) -> tuple[InstalledMeter, ...]:
    """The meters of a site with their register maps; the site's own ones are in `folder`. Raises AssemblyError, with
    every problem, when a map cannot be used.
    """
    files = catalogue_files(Catalogue.METERS, folder)
    known: dict[str, RegisterMap] = {}
    problems: list[Finding] = []
    for name in dict.fromkeys(connection.model for connection in settings.meters):
        path = files.get(name, folder / Catalogue.METERS / f"{name}.yaml")
        shown = settings.path.parent / path.relative_to(folder) if path.is_relative_to(folder) else path
        model, found = register_map(name, path)
        problems += [finding._replace(path=shown) for finding in found]
        if model is not None:
            known[name] = model
    if problems:
        raise AssemblyError("\n".join(map(str, problems)))
    return tuple(_installed(connection, known[connection.model], settings.site) for connection in settings.meters)


def steered_batteries(site: Site) -> dict[str, str]:
    """The batteries that are told what to do, each with its meter, which is the device that takes setpoints."""
    return {battery.id: battery.meter for battery in site.batteries if battery.steered and battery.meter is not None}


def check_meter_key(text: str) -> str:
    """What is wrong with the public key of a meter; empty where nothing is."""
    try:
        plain_key(text)
    except ValueError as wrong:
        return str(wrong)
    return ""


def check_meter_model(name: str, path: Path) -> tuple[Finding, ...]:
    """What is wrong with the file of a meter model."""
    return register_map(name, path)[1]


METER_CHECKS = MeterChecks(check_meter_model, check_meter_key)


def register_map(name: str, path: Path) -> tuple[RegisterMap | None, tuple[Finding, ...]]:
    """The meter model in a file; None, with every problem, when it cannot be used."""
    document, unreadable = read(path)
    if document is None or has_errors(unreadable):
        return None, unreadable
    try:
        return RegisterMap.from_data(name, document.data), unreadable
    except RegisterMapError as wrong:
        remedy = f"correct the model '{name}'; those in {config_folder() / Catalogue.METERS} are examples"
        return None, tuple(document.error(_place(problem), problem, remedy) for problem in wrong.problems)


def _place(problem: str) -> Route:
    """The keys that a problem of a model begins with, as `points.power_l1: …` or `unknown key 'points.x': …`."""
    named = re.match(r"(?:unknown key ')?([\w.]+)", problem)
    return tuple(named[1].split(".")) if named is not None else ()


def own_models(settings: SiteSettings, state_dir: Path) -> Path:
    """The folder with the site's own models: the copy that belongs to the revision, because the files beside site.yaml
    may be others by now.
    """
    copy = state_dir / REVISIONS / settings.revision
    return copy if copy.is_dir() else settings.path.parent


def _installed(connection: MeterConnection, model: RegisterMap, site: Site) -> InstalledMeter:
    ratings = [max(circuit.rating_a) for circuit in site.circuits if circuit.meter == connection.id]
    return InstalledMeter(address_of(connection, model, site.voltage_v, max(ratings, default=None)), model)


def address_of(
    connection: MeterConnection, model: RegisterMap, nominal_v: float, rated_a: float | None = None
) -> MeterAddress:
    """Where a meter is and how it is installed; what the site does not say, the model does."""
    bus: Bus
    if connection.device is not None:
        baud, frame = connection.baud or model.default.baud or 9600, connection.frame or model.default.frame or "8N1"
        bus = SerialBus(connection.device, baud, frame)
    else:
        bus = TcpBus(
            connection.host or "", connection.port, Framing.RTU if connection.framer is Framer.RTU else Framing.TCP
        )
    phases = connection.phases if model.conductors >= len(connection.phases) else connection.phases[: model.conductors]
    return MeterAddress(
        id=connection.id,
        bus=bus,
        unit=connection.unit,
        every_s=connection.every_s,
        timeout_s=connection.timeout_s or 1.0,
        phases=phases,
        invert=connection.invert,
        ct_ratio=connection.ct_ratio,
        nominal_v=nominal_v,
        rated_a=rated_a,
    )
