"""What a virtual station puts into MeterValues (OCPP 1.6, section 7.43), in the words of its make."""

from __future__ import annotations

from typing import NamedTuple

from ems.sim.quirks import MeteringQuirks

PHASES = 3


class Measured(NamedTuple):
    """An outlet's instruments: current per leg, what is offered, watts, watt-hours, phase voltage, state of charge."""

    leg_a: tuple[float, ...]
    offered_a: float
    power_w: float
    register_wh: float
    transaction_wh: float
    volts: float
    soc_percent: float | None


Sampled = dict[str, str]


def sampled_values(
    measured: Measured, measurands: tuple[str, ...], quirks: MeteringQuirks, context: str
) -> list[Sampled]:
    """One sampledValue per measurand that was asked for and that the station knows, and per phase where it splits."""
    values: list[Sampled] = []
    for measurand in measurands:
        if measurand in quirks.measurands:
            values += _MEASURED[measurand](measured, quirks)
    return [{**value, "context": context} for value in values]


def _currents(measured: Measured, quirks: MeteringQuirks) -> list[Sampled]:
    if quirks.dc_volts is not None:
        return [_value("Current.Import", measured.power_w / quirks.dc_volts, 2, "A", quirks)]
    if not quirks.per_phase:
        return [_value("Current.Import", max(measured.leg_a), 2, "A", quirks)]
    amps = measured.leg_a
    if quirks.placeholder_phases:
        amps = (*amps, *[0.0] * (PHASES - len(amps)))
    return [_value("Current.Import", a, 2, "A", quirks, quirks.phase_names[k]) for k, a in enumerate(amps)]


def _offered(measured: Measured, quirks: MeteringQuirks) -> list[Sampled]:
    offered = measured.offered_a if quirks.offered_a is None else quirks.offered_a
    return [_value("Current.Offered", offered, 1, "A", quirks)]


def _power(measured: Measured, quirks: MeteringQuirks) -> list[Sampled]:
    if quirks.power_in_kw:
        return [_value("Power.Active.Import", measured.power_w / 1000.0, 3, "kW", quirks)]
    return [_value("Power.Active.Import", measured.power_w, 1, "kW" if quirks.watts_called_kw else "W", quirks)]


def _energy(measured: Measured, quirks: MeteringQuirks) -> list[Sampled]:
    register = measured.transaction_wh if quirks.energy_from_zero else measured.register_wh
    if quirks.energy_in_kwh:
        return [_value("Energy.Active.Import.Register", register / 1000.0, 3, "kWh", quirks)]
    return [_value("Energy.Active.Import.Register", register, 0, "Wh", quirks)]


def _voltage(measured: Measured, quirks: MeteringQuirks) -> list[Sampled]:
    if quirks.dc_volts is not None:
        return [_value("Voltage", quirks.dc_volts, 1, "V", quirks)]
    return [
        _value("Voltage", measured.volts, 1, "V", quirks, quirks.phase_names[k]) for k in range(len(measured.leg_a))
    ]


def _soc(measured: Measured, quirks: MeteringQuirks) -> list[Sampled]:
    if measured.soc_percent is None:
        return []
    return [{**_value("SoC", measured.soc_percent, 0, "Percent", quirks), "location": "EV"}]


def _value(measurand: str, number: float, digits: int, unit: str, quirks: MeteringQuirks, phase: str = "") -> Sampled:
    value = {"value": f"{number:.{digits}f}", "measurand": measurand}
    if not quirks.unit_missing:
        value["unit"] = unit
    if phase:
        value["phase"] = phase
    return value


_MEASURED = {
    "Current.Import": _currents,
    "Current.Offered": _offered,
    "Power.Active.Import": _power,
    "Energy.Active.Import.Register": _energy,
    "Voltage": _voltage,
    "SoC": _soc,
}
