"""Checks of meters: how they are reached, what they measure, how often."""

from __future__ import annotations

from collections.abc import Iterator

from ems.domain.meter import MeterRole
from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.hints import or_known, similar
from ems.settings.schema import MeterSection
from ems.settings.sums import way_up

FRAMERS = ("tcp", "rtu")
MODBUS_PORT = 502
SHOWN_STATIONS = 3
GENERATION = frozenset({MeterRole.PV, MeterRole.BATTERY})


def models(draft: Draft) -> Iterator[Finding]:
    """Every meter model is known."""
    for name, meter in draft.shape.meters.items():
        if meter.model not in draft.meter_traits:
            message = f"meter '{name}' is of the unknown model '{meter.model}'"
            remedy = or_known(meter.model, sorted(draft.meter_traits))
            yield draft.document.error(("meters", name, "model"), message, remedy)


def connections(draft: Draft) -> Iterator[Finding]:
    """A meter hangs on the network or on a serial line, with what belongs to it."""
    for name, meter in draft.shape.meters.items():
        place = ("meters", name)
        if (meter.host is None) == (meter.device is None):
            both = "both host and device" if meter.host else "neither host nor device"
            remedy = "write host: 10.0.0.10 for the network, or device: /dev/ttyUSB0 for a serial line"
            yield draft.document.error(place, f"meter '{name}' has {both}", remedy)
        if meter.framer is not None and meter.framer not in FRAMERS:
            message = f"'{meter.framer}' is not a framer"
            yield draft.document.error((*place, "framer"), message, or_known(meter.framer, FRAMERS))
        if meter.device is not None and meter.framer == "tcp":
            yield draft.document.error((*place, "framer"), "a serial line has no framer tcp", "remove the line")
        if meter.device is not None and meter.port is not None:
            yield draft.document.error((*place, "port"), "a serial line has no port", "remove the line")
        if meter.host is not None and (meter.baud is not None or meter.frame is not None):
            key = "baud" if meter.baud is not None else "frame"
            remedy = "set it in the gateway and remove the line"
            yield draft.document.error((*place, key), f"{key} is for serial lines, and host is given", remedy)
        if meter.unit == 0 and (meter.device is not None or meter.framer == "rtu"):
            yield draft.document.error((*place, "unit"), "unit 0 is the broadcast address", "units are 1 to 247")
        if meter.phases is not None and len(meter.phases) == 2:
            remedy = "write the site phases of its L1, L2, L3, or the one phase of a one-phase meter"
            yield draft.document.error((*place, "phases"), "a meter measures one phase or three", remedy)


def addresses(draft: Draft) -> Iterator[Finding]:
    """No two meters at the same address, and one line has one speed."""
    seen: dict[tuple[str, int], str] = {}
    lines: dict[str, tuple[str, MeterSection]] = {}
    for name, meter in draft.shape.meters.items():
        line = line_of(meter)
        if line is None:
            continue
        first = seen.setdefault((line, meter.unit), name)
        if first != name:
            message = f"meter '{name}' has the same address as '{first}': {line}, unit {meter.unit}"
            yield draft.document.error(("meters", name), message, "correct host, port or unit of one of them")
        other, settings = lines.setdefault(line, (name, meter))
        speeds = [(m.framer, m.baud, m.frame) for m in (meter, settings)]
        if speeds[0] != speeds[1]:
            message = f"meters '{other}' and '{name}' share {line} but differ in framer, baud or frame"
            yield draft.document.error(("meters", name), message, "all meters of a line speak the same way")


def roles(draft: Draft) -> Iterator[Finding]:
    """Plant meters name the circuit they feed; the others are named by what they measure."""
    for name, meter in draft.shape.meters.items():
        place = ("meters", name, "circuit")
        if meter.role in GENERATION:
            if meter.circuit is None:
                remedy = "write circuit: the one it feeds"
                yield draft.document.error(place, f"meter '{name}' measures {meter.role} but names no circuit", remedy)
            elif meter.circuit not in draft.parents:
                message = f"the circuit '{meter.circuit}' of meter '{name}' does not exist"
                yield draft.document.error(place, message, or_known(meter.circuit, list(draft.parents)))
        elif meter.circuit is not None:
            message = f"meter '{name}' has role {meter.role}: only pv and battery meters name a circuit"
            remedy = f"remove the line and write meter: {name} at circuit '{meter.circuit}', or set the role"
            yield draft.document.error(place, message, remedy)


def assignments(draft: Draft) -> Iterator[Finding]:
    """Every meter that is named exists and has the right role; nothing is measured for nobody."""
    users: dict[str, list[str]] = {}
    for name, circuit in draft.shape.circuits.items():
        if circuit.meter is not None:
            users.setdefault(circuit.meter, []).append(name)
            yield from _named(draft, ("circuits", name, "meter"), circuit.meter, MeterRole.CIRCUIT)
    for station, _, number, evse in draft.outlets():
        if evse.meter is not None:
            evse_id = f"{station}/{number}"
            route = ("stations", station, "evses", str(number), "meter")
            yield from _named(draft, route, evse.meter, MeterRole.EVSE)
            if evse.meter in users:
                message = f"meter '{evse.meter}' of {evse_id} is also that of {users[evse.meter][0]}"
                yield draft.document.error(route, message, "a meter of an EVSE measures this EVSE alone")
            users.setdefault(evse.meter, []).append(evse_id)
    named = _named_in_text(draft)
    for name, meter in draft.shape.meters.items():
        where = [circuit for circuit in users.get(name, []) if circuit in draft.circuits]
        for other in where[1:]:
            if other not in way_up(draft.circuits, where[0]) and where[0] not in way_up(draft.circuits, other):
                message = f"meter '{name}' cannot measure both '{where[0]}' and '{other}': none feeds the other"
                yield draft.document.error(("circuits", other, "meter"), message, "name the meter of this circuit")
        is_told = name in named or not draft.parents
        if meter.role not in GENERATION and name not in users and not is_told:
            owner = "circuit" if meter.role is MeterRole.CIRCUIT else "EVSE"
            message = f"no {owner} uses meter '{name}'"
            yield draft.document.warning(("meters", name), message, f"write meter: {name} at the {owner} it measures")


def periods(draft: Draft) -> Iterator[Finding]:
    """A meter is read often enough for what depends on it."""
    policy = draft.shape.policy
    for name, meter in draft.shape.meters.items():
        place = ("meters", name, "every_s")
        if meter.timeout_s is not None and meter.timeout_s > policy.cautious_s:
            message = (
                f"a timeout of {meter.timeout_s:g} s is longer than a meter may be silent, {policy.cautious_s:g} s"
            )
            yield draft.document.error(("meters", name, "timeout_s"), message, "1 s suits most meters")
        limit, effect = policy.hold_s, "nothing is raised in between, and an overload is seen late"
        if meter.role in GENERATION:
            limit, effect = policy.cautious_s, "what it says is out of date most of the time"
        if meter.role is MeterRole.EVSE:
            limit, effect = policy.sample_trust_s, "what it says is out of date most of the time"
        remedy = f"read it at least every {limit:g} s"
        if meter.every_s >= policy.fallback_s:
            message = f"meter '{name}' is read every {meter.every_s:g} s, but given up after {policy.fallback_s:g} s"
            yield draft.document.error(place, message, remedy)
        elif meter.every_s > limit:
            held = f"a reading holds for {limit:g} s"
            message = f"meter '{name}' is read every {meter.every_s:g} s, but {held}: {effect}"
            yield draft.document.warning(place, message, remedy)


def proofs(draft: Draft) -> Iterator[Finding]:
    """Room is given away when it has been there for `raise_hold_s`, and in that time it must be measured anew: by the
    circuit's meter, else one reading decides (an error); and by the stations behind it, whose last samples say how much
    of a reading is base load (a warning: what is wrong with it shows in the next readings, and is cut then).
    """
    policy = draft.shape.policy
    hold_s, own = policy.raise_hold_s, ("policy", "raise_hold_s")
    is_written = own in draft.document.keys
    meters = {circuit.meter: draft.shape.meters.get(circuit.meter or "") for circuit in draft.circuits.values()}
    periods_s = {name: meter.every_s for name, meter in meters.items() if meter is not None}
    late = {name: every_s for name, every_s in periods_s.items() if hold_s < every_s < policy.fallback_s}
    # A sample that is not trusted any more hides nothing.
    samples_s = {name: min(draft.model_of(name).sample_interval_s, policy.sample_trust_s) for name in _sampled(draft)}
    slow = [name for name, sample_s in samples_s.items() if sample_s > hold_s]
    remedy = f"write raise_hold_s: {max((*late.values(), *samples_s.values()), default=hold_s):g} in policy, or more"
    for name, every_s in late.items():
        message = (
            f"raise_hold_s is {hold_s:g} s, but meter '{name}' is read only every {every_s:g} s: vehicles would be "
            f"raised into room that a single reading shows"
        )
        yield draft.document.error(own if is_written else ("meters", str(name), "every_s"), message, remedy)
    if slow and not late:
        message = (
            f"raise_hold_s is {hold_s:g} s, but stations tell only every {samples_s[slow[0]]:g} s what they draw "
            f"({_named_few(slow)}): until then base load can hide, and vehicles are raised into room that is not proven"
        )
        yield draft.document.warning(own if is_written else ("stations", slow[0]), message, remedy)


def _sampled(draft: Draft) -> list[str]:
    """The stations, slowest first, whose own samples tell what a meter above them sees of their vehicles."""
    stations = {
        name: draft.model_of(name).sample_interval_s
        for name, station, _, evse in draft.outlets()
        if evse.meter is None
        and any(
            draft.circuits[step].meter is not None
            for step in way_up(draft.circuits, evse.circuit or station.circuit or "")
        )
    }
    return sorted(stations, key=lambda name: -stations[name])


def _named_few(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_STATIONS])
    return f"{shown} and {len(names) - SHOWN_STATIONS} more" if len(names) > SHOWN_STATIONS else shown


def line_of(meter: MeterSection) -> str | None:
    """The connection that a meter shares with others at the same gateway or cable."""
    if meter.host is not None:
        return f"{meter.host}:{meter.port or MODBUS_PORT}"
    return meter.device


def _named_in_text(draft: Draft) -> set[str | None]:
    """Meters that entries name, also by a slip, and also entries that are otherwise wrong."""
    data = draft.document.data
    entries: list[object] = [*_entries(data.get("circuits"))]
    for station in _entries(data.get("stations")):
        entries += _entries(station.get("evses")) if isinstance(station, dict) else []
    names = {name for entry in entries if isinstance(entry, dict) and isinstance(name := entry.get("meter"), str)}
    known = draft.ids("meters")
    return {name if name in known else similar(name, known) for name in names}


def _entries(section: object) -> list[object]:
    return list(section.values()) if isinstance(section, dict) else []


def _named(draft: Draft, route: tuple[str, ...], name: str, role: MeterRole) -> Iterator[Finding]:
    known = draft.ids("meters")
    if name not in known:
        message = f"the meter '{name}' does not exist"
        remedy = or_known(name, known) if known else f"write meters: {{{name}: {{model: …, host: …}}}}"
        yield draft.document.error(route, message, remedy)
        return
    meter = draft.shape.meters.get(name)
    if meter is not None and meter.role is not role:
        message = f"meter '{name}' has role {meter.role}, and is used here as {role}"
        yield draft.document.error(route, message, f"write role: {role} at the meter, or name another meter")
