"""The only function that changes the picture of the site: one event in, the next state out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ems.domain import apply_battery, apply_need, apply_session, apply_station
from ems.domain import events as e
from ems.domain.limit import without
from ems.domain.measurement import Sample
from ems.domain.meter import MeterRole
from ems.domain.outlet import OutletSeen
from ems.domain.release import LimitsReleased
from ems.domain.state import MeterState, SiteState


def apply(state: SiteState, event: e.Event) -> SiteState:
    """The state after `event`. An event about something the site does not have changes nothing."""
    return _APPLY[type(event)](state, event)


def _meter_read(state: SiteState, event: e.MeterRead) -> SiteState:
    index = state.site.meter_index(event.meter)
    if index is None:
        return state
    known, new = state.meters[index], event.reading
    same = known.reading is not None and known.reading.fingerprint == new.fingerprint
    gap = new.at - known.at > 3.0 * max(1.0, state.site.meters[index].every_s)
    after = MeterState(
        reading=new,
        unchanged_since=known.unchanged_since if same else new.at,
        steady_since=new.at if gap or known.reading is None else known.steady_since,
    )
    state = replace(state, meters=(*state.meters[:index], after, *state.meters[index + 1 :]))
    if state.site.meters[index].role is MeterRole.EVSE:
        for evse in (v for v in state.site.evses if v.meter == event.meter):
            amps = tuple(max(new.amps[phase] for phase in leg) for leg in evse.wiring.legs)
            sample = Sample.of_currents(new.at, amps)
            state = state.with_evse(evse.id, partial(apply_session.sampled, sample=sample))
    return apply_battery.metered(state, event)


def _meter_failed(state: SiteState, event: e.MeterFailed) -> SiteState:
    index = state.site.meter_index(event.meter)
    if index is None:
        return state
    known = state.meters[index]
    after = replace(known, failures=known.failures + 1, fault=event.reason)
    return replace(state, meters=(*state.meters[:index], after, *state.meters[index + 1 :]))


def _limit_received(state: SiteState, event: e.LimitReceived) -> SiteState:
    kept = without(state.limits, event.limit.scope, event.limit.source)
    return replace(state, limits=(*kept, event.limit))


def _limit_withdrawn(state: SiteState, event: e.LimitWithdrawn) -> SiteState:
    return replace(state, limits=without(state.limits, event.scope, event.source))


def _controller_started(state: SiteState, event: e.ControllerStarted) -> SiteState:
    return replace(state, started=event)


def _loop_blocked(state: SiteState, event: e.LoopBlocked) -> SiteState:
    return replace(state, blocked=event)


def _store_troubled(state: SiteState, event: e.StoreTroubled) -> SiteState:
    return replace(state, store_trouble=event.reason)


def _settings_troubled(state: SiteState, event: e.SettingsTroubled) -> SiteState:
    return replace(state, settings_trouble=event.reason)


def _plan_made(state: SiteState, event: e.PlanMade) -> SiteState:
    if event.plan is None:
        return replace(state, plan_trouble=event.reason)
    return replace(state, plan=event.plan, planned_at=event.at, plan_trouble="")


def _strategy_chosen(state: SiteState, event: e.StrategyChosen) -> SiteState:
    return replace(state, chosen=event.strategy)


_APPLY: dict[type, Callable[[SiteState, Any], SiteState]] = {
    e.MeterRead: _meter_read,
    e.MeterFailed: _meter_failed,
    e.StationConnected: apply_station.station_connected,
    e.StationGone: apply_station.station_gone,
    e.StationBooted: apply_station.station_booted,
    e.ModelLearned: apply_station.model_learned,
    e.ClockMeasured: apply_station.clock_measured,
    OutletSeen: apply_station.outlet_seen,
    e.StatusChanged: apply_session.status_changed,
    e.TransactionStarted: apply_session.transaction_started,
    e.TransactionEnded: apply_session.transaction_ended,
    e.MeterValues: apply_session.meter_values,
    e.ProfileSent: apply_station.profile_sent,
    e.ProfileAnswered: apply_station.profile_answered,
    e.CompositeRead: apply_station.composite_read,
    LimitsReleased: apply_station.limits_released,
    e.LimitReceived: _limit_received,
    e.LimitWithdrawn: _limit_withdrawn,
    e.NeedStated: apply_need.need_stated,
    e.VehicleIdentified: apply_need.vehicle_identified,
    e.HolderIdentified: apply_need.holder_identified,
    e.EnergyCapped: apply_need.energy_capped,
    e.PlanMade: _plan_made,
    e.StrategyChosen: _strategy_chosen,
    e.BatteryAnswered: apply_battery.battery_answered,
    e.ControllerStarted: _controller_started,
    e.LoopBlocked: _loop_blocked,
    e.StoreTroubled: _store_troubled,
    e.SettingsTroubled: _settings_troubled,
}
