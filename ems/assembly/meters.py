"""The meters of a site, each with its model and the way to it."""

from __future__ import annotations

from pathlib import Path

from ems.adapters.modbus.address import Bus, Framing, MeterAddress, SerialBus, TcpBus
from ems.adapters.modbus.poller import InstalledMeter
from ems.adapters.modbus.register_map import RegisterMap, RegisterMapError
from ems.assembly.error import AssemblyError
from ems.domain.site import Site
from ems.settings.build import Framer, MeterConnection, SiteSettings
from ems.settings.document import read_data
from ems.settings.finding import Finding, Severity
from ems.settings.places import Catalogue, catalogue_files
from ems.settings.revision import FOLDER as REVISIONS


def installed_meters(settings: SiteSettings, folder: Path) -> tuple[InstalledMeter, ...]:
    """The meters of a site with their register maps; the site's own ones are in `folder`. Raises AssemblyError, with
    every problem, when a map cannot be used.
    """
    known, problems = register_maps(settings, folder)
    if problems:
        raise AssemblyError("\n".join(map(str, problems)))
    return tuple(_installed(connection, known[connection.model], settings.site) for connection in settings.meters)


def register_maps(settings: SiteSettings, folder: Path) -> tuple[dict[str, RegisterMap], tuple[Finding, ...]]:
    """The register map of every meter model in use, and what is wrong with those that are missing."""
    files = catalogue_files(Catalogue.METERS, folder)
    known: dict[str, RegisterMap] = {}
    problems: list[Finding] = []
    for model in dict.fromkeys(connection.model for connection in settings.meters):
        path = files.get(model, folder / Catalogue.METERS / f"{model}.yaml")
        shown = settings.path.parent / path.relative_to(folder) if path.is_relative_to(folder) else path
        data, unreadable = read_data(path)
        problems += [finding._replace(path=shown) for finding in unreadable]
        if data is None:
            continue
        try:
            known[model] = RegisterMap.from_data(model, data)
        except RegisterMapError as wrong:
            problems += [Finding(shown, 1, Severity.ERROR, problem) for problem in wrong.problems]
    return known, tuple(problems)


def own_models(settings: SiteSettings, state_dir: Path) -> Path:
    """The folder with the site's own models: the copy that belongs to the revision, because the files beside site.yaml
    may be others by now.
    """
    copy = state_dir / REVISIONS / settings.revision
    return copy if copy.is_dir() else settings.path.parent


def _installed(connection: MeterConnection, model: RegisterMap, site: Site) -> InstalledMeter:
    """One meter at its address; what the site does not say, the model does."""
    ratings = [max(circuit.rating_a) for circuit in site.circuits if circuit.meter == connection.id]
    bus: Bus
    if connection.device is not None:
        baud, frame = connection.baud or model.default.baud or 9600, connection.frame or model.default.frame or "8N1"
        bus = SerialBus(connection.device, baud, frame)
    else:
        bus = TcpBus(
            connection.host or "", connection.port, Framing.RTU if connection.framer is Framer.RTU else Framing.TCP
        )
    phases = connection.phases if model.conductors >= len(connection.phases) else connection.phases[: model.conductors]
    address = MeterAddress(
        id=connection.id,
        bus=bus,
        unit=connection.unit,
        every_s=connection.every_s,
        timeout_s=connection.timeout_s or 1.0,
        phases=phases,
        invert=connection.invert,
        ct_ratio=connection.ct_ratio,
        nominal_v=site.voltage_v,
        rated_a=max(ratings, default=None),
    )
    return InstalledMeter(address, model)
