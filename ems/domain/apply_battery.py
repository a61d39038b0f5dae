"""How events change what is known of stationary batteries."""

from __future__ import annotations

from dataclasses import replace

from ems.domain.events import BatteryAnswered, MeterRead
from ems.domain.state import BatteryState, SiteState


def metered(state: SiteState, event: MeterRead) -> SiteState:
    """The reading of a battery's meter; what flows through other meters says nothing of batteries."""
    index, reading = state.site.battery_of_meter.get(event.meter), event.reading
    if index is None:
        return state
    flows_w = reading.power_w if reading.storage_w is None else reading.storage_w
    if flows_w is None:
        flows_w = sum(reading.amps) * state.site.voltage_v
    return _with(state, index, replace(state.batteries[index], soc=reading.soc, power_w=flows_w, at=reading.at))


def battery_answered(state: SiteState, event: BatteryAnswered) -> SiteState:
    """What a battery holds now, or why it could not be told anything."""
    index = state.site.battery_index(event.battery)
    if index is None:
        return state
    known = state.batteries[index]
    if event.fault:
        return _with(state, index, replace(known, fault=event.fault))
    return _with(state, index, replace(known, told_w=event.power_w, told_at=event.at, fault=""))


def _with(state: SiteState, index: int, known: BatteryState) -> SiteState:
    return replace(state, batteries=(*state.batteries[:index], known, *state.batteries[index + 1 :]))
