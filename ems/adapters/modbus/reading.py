"""Values of a meter to a reading of the site: phases, direction, transformer ratio, and whether it can be true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ems.adapters.modbus.address import MeterAddress
from ems.adapters.modbus.decode import Image, Invalid, Value, decode
from ems.adapters.modbus.plausibility import Conductor, doubts, overcurrent
from ems.adapters.modbus.register_map import RegisterMap
from ems.domain.meter import MeterReading
from ems.domain.phases import Phase, PhaseAmps

NO_DIRECTION = 0.1
"""Below this power factor a current is as good as purely reactive; it loads the conductor, whatever the sign says."""
MOST_WH = 1e15
"""No counter has counted more."""


class Doubt(NamedTuple):
    """Why registers do not make a reading, naming register and value."""

    reason: str


def meter_reading(
    model: RegisterMap, address: MeterAddress, image: Image, at: float, fingerprint: int
) -> MeterReading | Doubt:
    """Turn registers into a complete, plausible reading received at `at`, or say why they are none.

    Currents, voltages and powers of the phases are all needed where the model has them; total power, frequency,
    energies and what a battery says of itself are None when they are not available. Never raises, whatever the
    registers hold.
    """
    values = decode(model, image)
    conductors = _conductors(model, address, values)
    if isinstance(conductors, Doubt):
        return conductors
    # The total of a meter with unused conductors is not the sum of those that are looked at.
    stated = _watts(model, address, values, "") if len(address.phases) >= model.conductors else None
    stated_w = _number(stated)
    hertz = _number(values.get("frequency"))
    for name, why in doubts(conductors, stated_w, hertz, address.nominal_v):
        return _doubt(model, name, why)
    amps = [_amps(model, address, conductor) for conductor in conductors]
    for name, why in overcurrent(amps, address.rated_a):
        return _doubt(model, name, why)
    return MeterReading(
        at=at,
        amps=_on_site_phases(address, amps),
        fingerprint=fingerprint,
        power_w=_total(address, conductors, stated_w),
        volts=_volts(address, conductors),
        import_wh=_energy(address, values, "export" if address.invert else "import"),
        export_wh=_energy(address, values, "import" if address.invert else "export"),
        frequency_hz=hertz,
        soc=_share(values.get("soc")),
        storage_w=_number(values.get("storage_power")),
    )


def _conductors(model: RegisterMap, address: MeterAddress, values: Mapping[str, Value]) -> list[Conductor] | Doubt:
    """The conductors that are in use, in the meter's order, power counted as import."""
    found = []
    for number in range(1, min(len(address.phases), model.conductors) + 1):
        parts = {
            "current": values.get(f"current_l{number}"),
            "voltage": values.get(f"voltage_l{number}"),
            "power": _watts(model, address, values, f"_l{number}"),
        }
        for kind, value in parts.items():
            if isinstance(value, Invalid):
                return Doubt(f"{kind} of conductor {number} is not available: {value}")
        amps, volts, watts = (_number(value) for value in parts.values())
        if amps is None:
            return Doubt(f"current of conductor {number} was not read")
        found.append(Conductor(amps, volts, watts))
    return found


def _watts(model: RegisterMap, address: MeterAddress, values: Mapping[str, Value], suffix: str) -> Value:
    """Power of a conductor (`_l1`) or in total (``), import positive; some meters state import and export apart."""
    value = values.get(f"power{suffix}")
    if f"power_import{suffix}" in values:
        value, export = values[f"power_import{suffix}"], values.get(f"power_export{suffix}")
        if isinstance(value, float) and not isinstance(export, float):
            value = export
        elif isinstance(value, float) and isinstance(export, float):
            value -= export
    if isinstance(value, float) and model.export_positive != address.invert:
        return -value
    return value


def _amps(model: RegisterMap, address: MeterAddress, conductor: Conductor) -> float:
    """Current towards the loads, primary side."""
    amps = abs(conductor.amps)
    if model.signed_currents:
        amps = -conductor.amps if model.export_positive != address.invert else conductor.amps
    elif conductor.watts is not None and conductor.watts < 0.0:
        volts = address.nominal_v if conductor.volts is None else conductor.volts
        if -conductor.watts >= NO_DIRECTION * volts * amps:
            amps = -amps
    return amps * address.ct_ratio


def _on_site_phases(address: MeterAddress, amps: Sequence[float]) -> PhaseAmps:
    site = [0.0, 0.0, 0.0]
    for phase, current in zip(address.phases, amps, strict=False):
        site[phase] = current
    return (site[0], site[1], site[2])


def _volts(address: MeterAddress, conductors: Sequence[Conductor]) -> PhaseAmps | None:
    site = {phase: c.volts for phase, c in zip(address.phases, conductors, strict=False) if c.volts is not None}
    return (site[Phase.L1], site[Phase.L2], site[Phase.L3]) if len(site) == 3 else None


def _total(address: MeterAddress, conductors: Sequence[Conductor], stated_w: float | None) -> float | None:
    powers = [conductor.watts for conductor in conductors if conductor.watts is not None]
    if stated_w is None and len(powers) == len(conductors):
        stated_w = sum(powers)
    return None if stated_w is None else stated_w * address.ct_ratio


def _energy(address: MeterAddress, values: Mapping[str, Value], direction: str) -> float | None:
    tariffs = [values[name] for name in (f"energy_{direction}", f"energy_{direction}_2") if name in values]
    known = [value * address.ct_ratio for value in tariffs if isinstance(value, float)]
    if not known or len(known) < len(tariffs) or abs(sum(known)) > MOST_WH:
        return None
    return sum(known)


def _share(value: Value) -> float | None:
    """A state of charge; None where it is not one, so that nobody relies on it."""
    return value if isinstance(value, float) and 0.0 <= value <= 1.0 else None


def _number(value: Value) -> float | None:
    return value if isinstance(value, float) else None


def _doubt(model: RegisterMap, name: str, why: str) -> Doubt:
    point = model.points.get(name) or model.points.get(name.replace("power", "power_import"))
    return Doubt(f"{name} {why}" if point is None else f"{name} (register {point.address}) {why}")
