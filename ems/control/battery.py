"""What the site's batteries are to do this second.

A battery that we may steer gets what the plan wants for it, if there is a young one, else what the site says; clipped
to what it can, to its states of charge, and to the room that there is. Vehicles come first: a battery is charged only
from what would be left if every vehicle had what it wants, counted with its liability or its wish, whichever is more.
So a vehicle that comes never waits for more than the battery's own reaction, and minimum currents need no rule of their
own in that order. Where nobody knows, because a meter is silent or the state of charge is not told, it rests.

Discharge is bounded by what the grid connection imports, so that no more flows into the grid than is allowed, and by
what each metered circuit on the way carries in that direction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import numpy as np

from ems.control.aims import plan_in_force
from ems.control.incidence import Floats
from ems.control.memory import BatteryMemory, Memory
from ems.control.observation import Column
from ems.control.situation import Situation
from ems.control.storage import REACTS_S, Stored
from ems.domain.battery import Battery, Otherwise
from ems.domain.decision import BatterySetpoint, Level
from ems.domain.state import BatteryState

DEAD_W, DEAD_SHARE = 100.0, 0.01
"""A setpoint rises for more than this, or this share of what the battery can: registers and cells do not like haste."""

STEP_W = 10.0
RESUMES = 0.01
"""A battery that was full or empty begins again when its state of charge has moved by so much."""


class Wish(NamedTuple):
    """A power, W, charging positive, and why; None: its own program. `until` when that may change, if known."""

    power_w: float | None
    text: str
    until: datetime | None = None


def batteries(
    at: Situation, stored: Stored, amps: Floats, memory: Memory
) -> tuple[tuple[BatterySetpoint, ...], Memory]:
    """A setpoint per battery, after vehicles have got theirs (`amps` per EVSE), and the memory with them."""
    if not at.state.batteries:
        return (), memory
    vehicles = _vehicles(at, amps)
    found, kept = [], []
    for i, (battery, held) in enumerate(zip(at.state.site.batteries, memory.batteries, strict=True)):
        wish = _decided(at, stored, vehicles, i, held) if battery.steered else Wish(None, "it is only read")
        found.append(BatterySetpoint(battery.id, wish.power_w, wish.text, wish.until))
        kept.append(_asked(held, wish.power_w, at.now.monotonic_s))
    return tuple(found), replace(memory, batteries=tuple(kept))


def _decided(at: Situation, stored: Stored, vehicles: Floats, i: int, held: BatteryMemory) -> Wish:
    battery, known = at.state.site.batteries[i], at.state.batteries[i]
    wish = _blind(at, battery, known) or _wanted(at, stored, i)
    if wish.power_w is None:
        return wish
    if wish.power_w > 0.0:
        wish = _charged(at, stored, vehicles, i, held, wish)
    else:
        wish = _discharged(at, stored, i, held, wish)
    return wish._replace(power_w=_calm(battery, held.power_w, wish.power_w))


def _asked(held: BatteryMemory, power_w: float | None, now: float) -> BatteryMemory:
    """With what it is asked to draw now: for ever, until something else is asked; and what was asked until just now."""
    draws = 0.0 if power_w is None else max(0.0, power_w)
    ends = [(min(until, now), watts) for until, watts in held.asked]
    recent = [(until, watts) for until, watts in ends if now - until < REACTS_S and watts > draws]
    return held._replace(power_w=power_w, asked=((math.inf, draws), *recent))


# What is wanted


def _blind(at: Situation, battery: Battery, known: BatteryState) -> Wish | None:
    """Why it must rest, where it must."""
    policy, now = at.state.site.policy, at.now.monotonic_s
    above = at.state.site.circuits.path(battery.circuit)
    worst = max(at.levels.site, *(at.levels.circuits[i] for i in above))
    if worst >= Level.CAUTIOUS:
        return Wish(0.0, "rests: a meter on its way is silent" if worst > at.levels.site else "rests: see the alarms")
    if now - known.at > policy.cautious_s:
        return Wish(0.0, "rests: it does not answer")
    if known.soc is None:
        return Wish(0.0, "rests: it does not tell a state of charge that can be true")
    return None


def _wanted(at: Situation, stored: Stored, i: int) -> Wish:
    """By the plan, if there is a young one that speaks of batteries; else as the site says."""
    battery = at.state.site.batteries[i]
    plan = plan_in_force(at.state, at.now)
    step = None if plan is None else plan.step_at(at.now.utc)
    if plan is not None and step is not None and plan.battery_w and i == at.state.site.steered_battery:
        watts = plan.battery_w[step]
        return Wish(watts, f"planned: {_in_words(watts)}", plan.edges[step + 1])
    if battery.otherwise is Otherwise.OWN:
        return Wish(None, "nothing is planned: it follows its own program")
    if battery.otherwise is Otherwise.REST:
        return Wish(0.0, "nothing is planned: it rests")
    imported = _imported_w(at)
    if imported is None:
        return Wish(0.0, "rests: nobody knows what the grid connection carries")
    watts = (at.state.batteries[i].power_w or 0.0) - imported
    return Wish(watts, "takes what is left over" if watts > 0.0 else "gives what the site would import")


def _in_words(watts: float) -> str:
    if abs(watts) < DEAD_W:
        return "rests"
    return f"{'takes' if watts > 0.0 else 'gives'} {abs(watts) / 1000.0:.3g} kW"


# What it may draw


def _vehicles(at: Situation, amps: Floats) -> Floats:
    """The load of all vehicles on every link if each had what it wants, or draws all that it may still draw. What is
    not under control is in the headroom already.
    """
    hungry = at.asked.wants & ~at.asked.parked
    could = np.where(hungry, np.maximum(at.asked.target_a, amps), amps)
    most = np.where(at.seen.controlled, np.maximum(at.seen[Column.LIABLE_A], could), 0.0)
    return at.seen.incidence.load(most)


def _charged(at: Situation, stored: Stored, vehicles: Floats, i: int, held: BatteryMemory, wish: Wish) -> Wish:
    battery, known = at.state.site.batteries[i], at.state.batteries[i]
    begun = held.power_w is not None and held.power_w > 0.0
    if (known.soc or 0.0) >= battery.highest - (0.0 if begun else RESUMES):
        return Wish(0.0, "full", wish.until)
    share, kept = stored.share[i], max(0.0, held.power_w or 0.0)
    on = share > 0.0
    now_w, long_w = (float(((free - vehicles)[on] / share[on]).min()) for free in (stored.free, stored.free_long))
    # What the meter shows beyond the limit goes at once, whatever the sums say.
    spare_w = float((stored.spare[on] / share[on]).min())
    most = min(
        battery.charge_w, now_w, max(kept, long_w), math.inf if spare_w >= 0.0 else stored.flows[i].drawn_w + spare_w
    )
    worst = max(at.levels.circuits[c] for c in at.state.site.circuits.path(battery.circuit))
    if max(worst, at.levels.site) >= Level.HOLD:
        most = min(most, kept)
    if most >= (wish.power_w or 0.0):
        return wish
    left = max(0.0, most)
    if left >= battery.charge_w:
        return wish._replace(power_w=left)
    return Wish(left, "vehicles come first: no room for more" if vehicles[on].any() else "no room for more")


# What it may give


def _discharged(at: Situation, stored: Stored, i: int, held: BatteryMemory, wish: Wish) -> Wish:
    battery, known = at.state.site.batteries[i], at.state.batteries[i]
    begun = held.power_w is not None and held.power_w < 0.0
    if not wish.power_w:
        return wish
    if (known.soc or 0.0) <= battery.floor + (0.0 if begun else RESUMES):
        return Wish(
            0.0, "empty as far as it may be" if battery.floor == battery.lowest else "kept in reserve", wish.until
        )
    imported = _imported_w(at)
    if imported is None:
        return Wish(0.0, "rests: nobody knows what the grid connection carries")
    gives = stored.flows[i].given_w
    most = min(battery.discharge_w, imported + gives + battery.export_w, *_carried_back_w(at, battery, gives))
    most = max(0.0, most)
    if most >= -(wish.power_w or 0.0):
        return wish
    if most >= battery.discharge_w:
        return wish._replace(power_w=-most)
    return Wish(-most, "gives no more than the site draws")


def _imported_w(at: Situation) -> float | None:
    """What the grid connection imports, negative when it exports; None where no meter shows it now."""
    site = at.state.site
    meter = site.circuits.root.meter
    index = None if meter is None else site.meter_index(meter)
    reading = None if index is None else at.state.meters[index].reading
    if reading is None or at.levels.circuits[0] >= Level.HOLD:
        return None
    return sum(reading.amps) * site.voltage_v if reading.power_w is None else reading.power_w


def _carried_back_w(at: Situation, battery: Battery, gives_w: float) -> Iterator[float]:
    """What every metered circuit on the way can still carry towards the grid, in all, with what the battery gives."""
    site = at.state.site
    each = battery.amps(1.0, site.voltage_v)
    for i in site.circuits.path(battery.circuit):
        circuit = site.circuits.circuits[i]
        index = None if circuit.meter is None else site.meter_index(circuit.meter)
        reading = None if index is None else at.state.meters[index].reading
        if reading is not None:
            for phase in battery.phases:
                left_a = circuit.rating_a[phase] - circuit.margin_a + reading.amps[phase]
                yield left_a / each[phase] + gives_w


def _calm(battery: Battery, held_w: float | None, power_w: float | None) -> float | None:
    """The setpoint that holds already, where the new one is hardly another and not less; else in whole steps."""
    if power_w is None:
        return None
    dead = max(DEAD_W, DEAD_SHARE * max(battery.charge_w, battery.discharge_w))
    if abs(power_w) < STEP_W:
        return 0.0
    if held_w is not None and held_w * power_w > 0.0 and 0.0 <= abs(power_w) - abs(held_w) < dead:
        return held_w
    return math.copysign(math.floor(abs(power_w) / STEP_W) * STEP_W, power_w)
