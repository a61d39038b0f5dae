"""Why each EVSE has the current it has, and what each circuit has left; every number with its source."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ems.control.allocation import Allocation
from ems.control.memory import Form
from ems.control.network import LINKS_PER_CIRCUIT, POWER, Source, circuit_of
from ems.control.observation import Column
from ems.control.shaping import Shaped
from ems.control.situation import Situation
from ems.domain.decision import Binding, CircuitView, Level, Reason
from ems.domain.phase_switch import ONE
from ems.domain.phases import Phase, PhaseAmps
from ems.domain.state import EvseState
from ems.domain.station import EvseStatus
from ems.domain.unheard import sampled_a, unheard
from ems.domain.units import PILOT_MIN_A

NEAR_A = 0.05
"""A setpoint this close to a bound has reached it; steps are never finer than 0.1 A."""


NO_VEHICLE, NOT_STARTED = Reason(Binding.NO_VEHICLE), Reason(Binding.NOT_STARTED)
DONE, WHOLE_OUTLET = Reason(Binding.DONE), Reason(Binding.EVSE)

_OUT_OF_ORDER = frozenset({EvseStatus.FAULTED, EvseStatus.UNAVAILABLE})
_FINISHING = frozenset({EvseStatus.FINISHING})


def reasons(at: Situation, allocation: Allocation, shaped: Shaped, amps: Sequence[float]) -> list[Reason]:
    """One reason per EVSE: the constraint that keeps its setpoint from being higher."""
    seen, asked = at.seen, at.asked
    columns = zip(
        amps, allocation.amps.tolist(), allocation.bottleneck.tolist(), shaped.blocked.tolist(),
        asked.minimum_a.tolist(), asked.hunger_a.tolist(), asked.upper_a.tolist(),
        seen[Column.ASLEEP].tolist(), seen[Column.CONTENT].tolist(), strict=True,
    )  # fmt: skip
    controlled, moving, present = seen.controlled.tolist(), at.forms.moving.tolist(), seen.may_charge.tolist()
    kept_down = ((at.levels.numbers >= Level.HOLD) | asked.aims.paused).tolist()
    evses, raise_a = at.state.evses, max(1.0, at.state.site.policy.dead_band_a)
    waiting: dict[int, Reason] = {}
    full: dict[int, Reason] = {}
    why = []
    for j, (given, allotted, link, blocked, minimum, hunger, upper, asleep, content) in enumerate(columns):
        if not controlled[j]:
            judged = seen.liabilities[j]
            why.append(Reason(judged.binding, judged.cause, judged.amps))
        elif moving[j] or not present[j]:
            why.append(_switching(at.forms.forms[j]) if moving[j] else _absent(evses[j]))
        elif kept_down[j] and (held := _held(at, j, given, allotted)):
            why.append(held)
        elif asleep and given > 0:
            why.append(DONE)
        elif link >= 0 and allotted < minimum:
            why.append(_at_link(at, waiting, link, Binding.WAITING))
        elif blocked or given < allotted - raise_a:
            why.append(Reason(Binding.RAISING, "", allotted))
        elif asleep or content:
            why.append(DONE)
        elif hunger < upper and given >= hunger - NEAR_A:
            why.append(Reason(Binding.VEHICLE, "", float(seen[Column.PEAK_A][j])))
        elif given >= upper - NEAR_A:
            why.append(_at_top(at, j))
        elif link >= 0:
            why.append(_at_link(at, full, link, Binding.CIRCUIT))
        else:
            why.append(Reason(Binding.VEHICLE, "", float(asked.target_a[j])))
    return why


def _switching(form: Form) -> Reason:
    return Reason(Binding.SWITCHING, "one phase" if form.goal == ONE else "three phases")


def _absent(known: EvseState) -> Reason:
    if known.status in _OUT_OF_ORDER:
        return Reason(Binding.STATION, f"it reports {known.status}" + (f" ({known.error})" if known.error else ""))
    if known.status in _FINISHING:
        return DONE
    return NO_VEHICLE if known.session is None else NOT_STARTED


def _held(at: Situation, j: int, given: float, allotted: float) -> Reason | None:
    if at.levels.evses[j] >= Level.FALLBACK:
        return Reason(Binding.FALLBACK, at.levels.causes[j])
    if at.levels.evses[j] >= Level.HOLD and given < allotted - at.state.site.policy.dead_band_a:
        return Reason(Binding.HELD, at.levels.causes[j], allotted)
    if at.asked.aims.paused[j] and given < at.asked.minimum_a[j]:
        return _as_planned(at, j)
    return None


def _at_top(at: Situation, j: int) -> Reason:
    session = at.state.evses[j].session
    if session is not None and session.is_at_cap and session.cap_wh is not None:
        return Reason(Binding.LIMIT, f"the {session.cap_wh / 1000:.1f} kWh that were paid for")
    limit = at.asked.tightened.get(j)
    if limit is None:
        own_most = at.seen[Column.MOST_A][j] - NEAR_A
        return _as_planned(at, j) if at.asked.aims.most_a[j] < own_most else WHOLE_OUTLET
    value = f"{limit.max_w / 1000:g} kW" if limit.max_a is None and limit.max_w is not None else f"{limit.max_a:g} A"
    return Reason(Binding.LIMIT, f"{limit.source}: {value}", limit.max_a, limit.ends)


def _as_planned(at: Situation, j: int) -> Reason:
    target = at.asked.aims.told.get(j)
    if target is None:
        return Reason(Binding.PLANNED, "nothing now")
    return Reason(Binding.PLANNED, target.why or f"{target.amps:.0f} A", target.amps, target.until)


def _at_link(at: Situation, known: dict[int, Reason], link: int, binding: Binding) -> Reason:
    """The reason of everybody whom `link` stops in the same way; worded once per tick."""
    reason = known.get(link)
    if reason is None:
        reason = known[link] = _link_reason(at, link, binding)
    return reason


def _link_reason(at: Situation, link: int, binding: Binding) -> Reason:
    link = at.room.named(link)
    source = at.room.sources[link]
    if link >= len(at.state.site.circuits) * LINKS_PER_CIRCUIT:
        return Reason(binding, source.text, PILOT_MIN_A if binding is Binding.WAITING else float(at.room.limit[link]))
    circuit = at.state.site.circuits.circuits[circuit_of(link)]
    phase = link % LINKS_PER_CIRCUIT
    where = circuit.id if phase == POWER else f"{circuit.id} {Phase(phase).name}"
    value = PILOT_MIN_A if binding is Binding.WAITING else float(at.room.limit[link])
    if not source.is_rating:
        limited = Binding.LIMIT if binding is Binding.CIRCUIT else binding
        return Reason(limited, f"{source.text} ({where})", value, source.until)
    base = float(at.room.base[link])
    besides = f", {base:.0f} A of it taken by other load" if base >= 1 else ""
    return Reason(binding, f"{where} ({at.room.limit[link]:.0f} A{besides})", value, source.until)


def circuit_views(at: Situation) -> tuple[CircuitView, ...]:
    """What people see of each circuit. What an EVSE that is offline drew long ago is shown as other load, which is what
    it is counted as.
    """
    state, room = at.state, at.room
    limit, drawn, shown, left = (v.tolist() for v in (room.limit, room.drawn, room.shown, room.now))
    views, t, sampled_at = [], at.now.monotonic_s, at.seen[Column.SAMPLED_AT]
    old = np.flatnonzero((sampled_at > 0.0) & (t - sampled_at >= state.site.policy.sample_trust_s))
    away = unheard(state, t, old.tolist())
    away_a = sampled_a(state, away) if away else []
    for i, circuit in enumerate(state.site.circuits):
        first = i * LINKS_PER_CIRCUIT
        power = first + POWER
        meter = state.site.meter_of_circuit[i]
        reading = None if meter is None else state.meters[meter].reading
        capped = limit[power] < math.inf
        source = _limited_by(at, i, left)
        drawn_a, base_a = _phases(drawn, first), _phases(shown, first)
        if away:
            drawn_a = _less(drawn_a, away_a[i])
            if reading is not None and room.metered[first]:
                base_a = _at_least(base_a, _less(reading.amps, drawn_a))
        views.append(
            CircuitView(
                circuit=circuit.id,
                limit_a=_phases(limit, first),
                limit_source=source.text,
                measured_a=None if reading is None else reading.amps,
                drawn_a=drawn_a,
                base_load_a=base_a,
                headroom_a=_phases(left, first),
                level=at.levels.circuits[i],
                limit_w=limit[power] if capped else None,
                headroom_w=left[power] if capped else None,
                limit_until=source.until,
            )
        )
    return tuple(views)


def _limited_by(at: Situation, i: int, left: Sequence[float]) -> Source:
    """Everything that limits a circuit, in words, and until when the first of it does: what leaves least, phase by
    phase where phases differ, then what holds besides and would count if that were gone.
    """
    room, first = at.room, i * LINKS_PER_CIRCUIT
    held = room.held[i]
    if not held:
        return room.sources[first]
    rated_a = at.state.site.circuits.circuits[i].rating_a
    there = [phase for phase in Phase if rated_a[phase]]
    watts_a = at.state.site.voltage_v * max(1, len(there))
    binding: dict[Source, list[str]] = {}
    room_a: dict[Source, float] = {}
    for phase in there:
        source = room.sources[first + phase]
        binding.setdefault(source, []).append(phase.name)
        room_a[source] = min(left[first + phase], room_a.get(source, math.inf))
    alike = len(binding) == 1
    told = {
        source: source.text if alike else f"{source.text} ({', '.join(names)})" for source, names in binding.items()
    }
    if alike and next(iter(told)).is_rating:
        told.clear()
    power = room.sources[first + POWER]
    if not power.is_rating:
        told[power], room_a[power] = power.text, left[first + POWER] / watts_a
    order = sorted(told, key=lambda source: (source.is_rating, room_a[source]))
    besides = [source.text for source in held if source not in told]
    words = [told[source] for source in order] + ([f"also in force: {', '.join(besides)}"] if besides else [])
    return Source("; ".join(words), order[0].until, order[0].is_rating)


def _less(amps: PhaseAmps, other: Sequence[float]) -> PhaseAmps:
    l1, l2, l3 = (max(0.0, a - b) for a, b in zip(amps, other, strict=True))
    return l1, l2, l3


def _at_least(amps: PhaseAmps, other: PhaseAmps) -> PhaseAmps:
    l1, l2, l3 = map(max, amps, other)
    return l1, l2, l3


def _phases(values: Sequence[float], first: int) -> PhaseAmps:
    return (values[first], values[first + 1], values[first + 2])
