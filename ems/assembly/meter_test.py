"""A meter read once, as somebody is about to describe it: before it is in any file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from ems.adapters.modbus.address import MeterAddress
from ems.adapters.modbus.error import LinkError
from ems.adapters.modbus.identity import WrongDeviceError
from ems.adapters.modbus.probe import Row, Table, table
from ems.adapters.modbus.reading import Doubt
from ems.adapters.modbus.register_map import RegisterMap
from ems.assembly.meters import address_of, register_map
from ems.domain.meter import MeterReading, MeterRole
from ems.domain.phases import Phase
from ems.ports.site import MeterModel, MeterTest, NotPossibleError, RegisterRow
from ems.settings.build import connection_of
from ems.settings.document import Document
from ems.settings.finding import in_short
from ems.settings.places import SITE_FILE, Catalogue, catalogue_files
from ems.settings.schema import MeterSection
from ems.settings.shape import Model, section_of

TEST_S = 20.0
FLOWS_A = 0.5
"""Less says nothing about a direction."""

OFF_SHARE = 0.15


async def read_once(keys: Mapping[str, Any], folder: Path, nominal_v: float) -> MeterTest:
    """Read the meter that these keys describe. Raises NotPossibleError where they describe none."""
    section, model = await asyncio.to_thread(_described, keys, folder)
    try:
        address = address_of(connection_of("test", section), model, nominal_v)
    except ValueError as wrong:
        raise NotPossibleError(str(wrong)) from None
    began = perf_counter()
    try:
        async with asyncio.timeout(TEST_S):
            found = await table(
                address.bus, address.unit, model, timeout_s=address.timeout_s, nominal_v=nominal_v, installed=address
            )
    except TimeoutError:
        return MeterTest(TEST_S, f"no answer within {TEST_S:g} s: check address, port, unit and cable")
    except (LinkError, WrongDeviceError) as failed:
        return MeterTest(round(perf_counter() - began, 2), f"{failed}: check address, port, unit and model")
    except OSError as failed:
        return MeterTest(round(perf_counter() - began, 2), f"{failed.strerror or failed}")
    return _told(found, address, section.role, round(perf_counter() - began, 2))


def meter_models(folder: Path) -> tuple[MeterModel, ...]:
    """The models that are known, by name; one that cannot be read is left out."""
    found = []
    for name, path in sorted(catalogue_files(Catalogue.METERS, folder).items()):
        model, _ = register_map(name, path)
        if model is not None:
            usual = model.default
            parts = [
                f"unit {usual.unit}" if usual.unit is not None else "",
                f"port {usual.port}" if usual.port is not None else "",
                f"{usual.baud} baud {usual.frame or ''}".strip() if usual.baud is not None else "",
            ]
            words = f"{model.vendor} {model.models}, {model.conductors} phase{'s' if model.conductors > 1 else ''}"
            found.append(MeterModel(name, words, ", ".join(part for part in parts if part)))
    return tuple(found)


def described(kind: type[Model], keys: Mapping[str, Any], folder: Path) -> Model:
    """An entry of the site file from its keys. Raises NotPossibleError, which says what is wrong with them."""
    told = {key: value for key, value in keys.items() if value is not None}
    section, findings = section_of(kind, told, Document(folder / SITE_FILE, "", told, {}, {}), ())
    if section is None:
        raise NotPossibleError(_first(findings))
    return section


def model_of(name: str, folder: Path) -> RegisterMap:
    """The meter model of that name. Raises NotPossibleError."""
    path = catalogue_files(Catalogue.METERS, folder).get(name)
    if path is None:
        raise NotPossibleError(f"there is no meter model '{name[:40]}': choose one of the list")
    model, problems = register_map(name, path)
    if model is None:
        raise NotPossibleError(in_short(problems))
    return model


def _described(keys: Mapping[str, Any], folder: Path) -> tuple[MeterSection, RegisterMap]:
    section = described(MeterSection, keys, folder)
    if section.host is None and section.device is None:
        raise NotPossibleError("say where the meter is: host, or device for a serial line")
    return section, model_of(section.model, folder)


def _first(findings: Any) -> str:
    return "; ".join(f"{one.message}: {one.remedy}" if one.remedy else str(one.message) for one in findings[:2])


def _told(found: Table, address: MeterAddress, role: MeterRole, seconds: float) -> MeterTest:
    rows = tuple(RegisterRow(row.name, row.address, row.type, row.raw, _value(row)) for row in found.rows)
    if isinstance(found.outcome, Doubt):
        return MeterTest(seconds, f"not usable: {found.outcome.reason}", rows=rows)
    reading = found.outcome
    watts = _watts(found, address)
    return MeterTest(
        seconds=seconds,
        volts=[None] * len(Phase) if reading.volts is None else list(reading.volts),
        amps=list(reading.amps),
        watts=watts,
        total_w=reading.power_w,
        import_wh=reading.import_wh,
        soc=reading.soc,
        storage_w=reading.storage_w,
        hints=tuple(_hints(reading, watts, address, role)),
        rows=rows,
    )


def _watts(found: Table, address: MeterAddress) -> list[float | None]:
    """Power per site phase, counted as it is installed."""
    values = {row.name: row.value for row in found.rows}
    watts: list[float | None] = [None] * len(Phase)
    for number, phase in enumerate(address.phases, 1):
        value = values.get(f"power_l{number}")
        if isinstance(value, float):
            watts[phase] = value * address.ct_ratio * (-1.0 if address.invert else 1.0)
    return watts


def _hints(reading: MeterReading, watts: list[float | None], address: MeterAddress, role: MeterRole) -> Iterator[str]:
    """What looks odd about a reading that is usable."""
    flowing = [phase for phase in Phase if abs(reading.amps[phase]) >= FLOWS_A]
    backwards = [phase.name for phase in flowing if reading.amps[phase] < 0 or (watts[phase] or 0.0) < 0]
    if role in {MeterRole.CIRCUIT, MeterRole.EVSE} and backwards:
        whole = len(backwards) == len(flowing)
        yield (
            "power flows towards the grid: unless something feeds in now, it is mounted the wrong way round: invert"
            if whole
            else f"{', '.join(backwards)} counts backwards: turn that current transformer, or look at the phases"
        )
    if role is MeterRole.PV and flowing and not backwards:
        yield "a plant that gives power counts negative: if the sun shines now, invert it"
    if not flowing:
        yield "hardly any current flows: switch a load on to see direction and phases"
    for phase in Phase:
        volts = None if reading.volts is None else reading.volts[phase]
        if volts and abs(volts - address.nominal_v) > OFF_SHARE * address.nominal_v:
            yield f"{phase.name} has {volts:.0f} V, and the site says {address.nominal_v:g} V"


def _value(row: Row) -> str:
    return f"{row.value:.6g} {row.unit}".strip() if isinstance(row.value, float) else str(row.value or "not read")
