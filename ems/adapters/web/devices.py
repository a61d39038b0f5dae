"""Meters, batteries and stations as everybody sees them."""

from __future__ import annotations

from collections.abc import Iterator

from ems.adapters.web.shape import BatteryRow, MeterRow, StationRow
from ems.adapters.web.values import age, moment, number, phases, plain, time_of
from ems.adapters.web.view import View
from ems.domain.meter import Meter
from ems.domain.state import MeterState
from ems.domain.station import Station


def meters(view: View) -> Iterator[MeterRow]:
    """Every meter, in the site's order."""
    site = view.state.site
    measures: dict[str, list[str]] = {meter.id: [] for meter in site.meters}
    for circuit in site.circuits:
        if circuit.meter is not None:
            measures[circuit.meter].append(circuit.id)
    for meter, known in zip(site.meters, view.state.meters, strict=True):
        where = measures[meter.id] or ([] if meter.circuit is None else [meter.circuit])
        yield _meter(view, meter, known, where)


def _meter(view: View, meter: Meter, known: MeterState, where: list[str]) -> MeterRow:
    reading = known.reading
    return {
        "id": meter.id,
        "role": meter.role.value,
        "circuits": where,
        "every_s": meter.every_s,
        "age_s": age(view.now, known.at),
        "measured_a": None if reading is None else phases(reading.amps),
        "voltage_v": None if reading is None or reading.volts is None else phases(reading.volts),
        "power_w": None if reading is None else number(reading.power_w),
        "import_wh": None if reading is None else number(reading.import_wh),
        "export_wh": None if reading is None else number(reading.export_wh),
        "frequency_hz": None if reading is None else number(reading.frequency_hz),
        "failures": known.failures,
        "fault": plain(known.fault),
    }


def batteries(view: View) -> Iterator[BatteryRow]:
    """Every stationary battery, in the site's order."""
    decided = {} if view.decision is None else {setpoint.battery: setpoint for setpoint in view.decision.batteries}
    for battery, known in zip(view.state.site.batteries, view.state.batteries, strict=True):
        setpoint = decided.get(battery.id)
        yield {
            "id": battery.id,
            "circuit": battery.circuit,
            "capacity_wh": battery.capacity_wh,
            "charge_w": battery.charge_w,
            "discharge_w": battery.discharge_w,
            "soc_percent": None if known.soc is None else number(100.0 * known.soc),
            "power_w": number(known.power_w),
            "age_s": age(view.now, known.at),
            "steered": battery.steered,
            "setpoint_w": None if setpoint is None else number(setpoint.power_w),
            "confirmed_w": number(known.told_w),
            "reason": "" if setpoint is None else plain(setpoint.text),
            "until": None if setpoint is None or setpoint.until is None else time_of(setpoint.until),
            "fault": plain(known.fault),
        }


def stations(view: View) -> Iterator[StationRow]:
    """Every station, in the site's order."""
    for index in range(len(view.state.stations)):
        yield _station(view, view.state.site.stations[index], index)


def _station(view: View, station: Station, index: int) -> StationRow:
    known, now = view.state.stations[index], view.now
    return {
        "id": station.id,
        "vendor": plain(known.vendor),
        "model": plain(known.product),
        "firmware": plain(known.firmware),
        "connected": known.connected,
        "since": moment(now, known.connected_at if known.connected else known.gone_at),
        "last_seen": time_of(now.utc) if known.connected else moment(now, known.gone_at),
        "clock_skew_s": number(known.clock_shown_s) or 0.0,
        "boots": known.boots,
    }
