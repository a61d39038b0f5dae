"""The only function that changes the picture of the site: one event in, the next state out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ems.domain import events as e
from ems.domain.grant import OBEYED_A, OBEYED_SHARE, Answer, Grant, Layer
from ems.domain.instant import Instant
from ems.domain.limit import Limit
from ems.domain.measurement import LegUse, Sample
from ems.domain.meter import MeterRole
from ems.domain.session import Session
from ems.domain.state import NEVER, EvseState, MeterState, SiteState, StationState
from ems.domain.station import EvseStatus
from ems.domain.station_model import StationModel

MAX_SAMPLES = 4

ABSURD = 2.0
"""A sample of so many times the current of its outlet is none."""


def apply(state: SiteState, event: e.Event) -> SiteState:
    """The state after `event`. An event about something the site does not have changes nothing."""
    return _APPLY[type(event)](state, event)


def _with_evse(state: SiteState, evse_id: str, change: Callable[[EvseState], EvseState]) -> SiteState:
    index = state.site.evse_index(evse_id)
    if index is None:
        return state
    evses = state.evses
    return replace(state, evses=(*evses[:index], change(evses[index]), *evses[index + 1 :]))


def _with_station(state: SiteState, station_id: str, change: Callable[[StationState], StationState]) -> SiteState:
    index = state.site.station_index(station_id)
    if index is None:
        return state
    stations = state.stations
    return replace(state, stations=(*stations[:index], change(stations[index]), *stations[index + 1 :]))


def _with_evses(state: SiteState, station_id: str, change: Callable[[EvseState], EvseState]) -> SiteState:
    index = state.site.station_index(station_id)
    if index is None:
        return state
    for evse in state.site.stations[index].evses:
        state = _with_evse(state, evse.id, change)
    return state


def _with_grants(state: SiteState, station_id: str, change: Callable[[Grant], Grant]) -> SiteState:
    return _with_evses(state, station_id, lambda known: replace(known, grant=change(known.grant)))


def _model_of(state: SiteState, evse_id: str) -> StationModel:
    return state.station(evse_id.rpartition("/")[0]).model


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
            state = _with_evse(state, evse.id, partial(_sampled, sample=sample))
    return state


def _meter_failed(state: SiteState, event: e.MeterFailed) -> SiteState:
    index = state.site.meter_index(event.meter)
    if index is None:
        return state
    known = state.meters[index]
    after = replace(known, failures=known.failures + 1, fault=event.reason)
    return replace(state, meters=(*state.meters[:index], after, *state.meters[index + 1 :]))


def _station_connected(state: SiteState, event: e.StationConnected) -> SiteState:
    def change(known: StationState) -> StationState:
        if event.generation < known.generation:
            return known
        at = event.at.monotonic_s
        return replace(known, generation=event.generation, connected=True, seen=True, connected_at=at, gone_at=NEVER)

    index = state.site.station_index(event.station)
    if index is not None and event.generation < state.stations[index].generation:
        return state
    return _with_grants(_with_station(state, event.station, change), event.station, _unsettled)


def _station_gone(state: SiteState, event: e.StationGone) -> SiteState:
    def change(known: StationState) -> StationState:
        if event.generation != known.generation:
            return known
        return replace(known, connected=False, gone_at=event.at.monotonic_s)

    return _with_station(state, event.station, change)


def _unsettled(grant: Grant) -> Grant:
    """After a new link nobody will answer what the old one carried."""
    for claim in grant.claims:
        if claim.pending:
            grant = grant.unanswered(claim.layer, claim.amps)
    return grant


def _station_booted(state: SiteState, event: e.StationBooted) -> SiteState:
    def change(known: StationState) -> StationState:
        return replace(known, vendor=event.vendor, product=event.model, firmware=event.firmware, boots=known.boots + 1)

    state = _with_station(state, event.station, change)
    index = state.site.station_index(event.station)
    if index is None:
        return state
    keeps = state.stations[index].model.keeps_over_boot
    state = _with_grants(state, event.station, Grant.to_resend if keeps else Grant.forgotten)
    # It tells anew who is there (OCPP 1.6 section 4.2).
    return _with_evses(state, event.station, lambda known: replace(known, status=EvseStatus.UNKNOWN))


def _model_learned(state: SiteState, event: e.ModelLearned) -> SiteState:
    return _with_station(state, event.station, lambda known: replace(known, model=event.model))


def _clock_measured(state: SiteState, event: e.ClockMeasured) -> SiteState:
    return _with_station(state, event.station, lambda known: replace(known, clock_skew_s=event.skew_s))


def _plugged(known: EvseState, evse_id: str, at: Instant, priority: int) -> EvseState:
    if known.session is not None:
        return known
    session = Session(evse=evse_id, plugged=at.utc, plugged_s=at.monotonic_s, service_class=priority)
    return replace(known, session=session, leg_use=LegUse())


def _priority(state: SiteState, evse_id: str) -> int:
    index = state.site.evse_index(evse_id)
    return 0 if index is None else state.site.evses[index].priority


def _status_changed(state: SiteState, event: e.StatusChanged) -> SiteState:
    def change(known: EvseState) -> EvseState:
        resumed = known.status in _SUSPENDED and event.status is EvseStatus.CHARGING
        after = replace(known, status=event.status, error=event.error)
        if resumed:
            # A station may have dropped a session limit that came while it was suspended (Q44).
            after = replace(after, grant=after.grant.to_resend())
        if not event.status.may_draw:
            # What was measured before says nothing about the next vehicle.
            after = replace(after, grant=after.grant.idle(), samples=())
        if event.status.is_occupied:
            return _plugged(after, event.evse, event.at, _priority(state, event.evse))
        if event.status is EvseStatus.AVAILABLE and (known.session is None or known.session.transaction is None):
            return replace(after, session=None, leg_use=LegUse(), power_w=None)
        return after

    return _with_evse(state, event.evse, change)


_SUSPENDED = frozenset({EvseStatus.SUSPENDED_EV, EvseStatus.SUSPENDED_EVSE})


def _transaction_started(state: SiteState, event: e.TransactionStarted) -> SiteState:
    def change(known: EvseState) -> EvseState:
        known = _plugged(known, event.evse, event.at, _priority(state, event.evse))
        session = known.session
        assert session is not None
        if session.transaction is not None and session.transaction.id != event.transaction.id:
            # A second transaction of the same plug-in counts its own energy, but keeps the need.
            session = replace(session, energy_wh=0.0)
        return replace(known, session=replace(session, transaction=event.transaction))

    return _with_evse(state, event.evse, change)


def _transaction_ended(state: SiteState, event: e.TransactionEnded) -> SiteState:
    apply_s = _model_of(state, event.evse).apply_s if state.site.evse_index(event.evse) is not None else 0.0

    def change(known: EvseState) -> EvseState:
        session = known.session
        if session is None or session.transaction is None or session.transaction.id != event.transaction_id:
            return known
        energy = session.energy_wh if event.energy_wh is None else event.energy_wh
        grant = known.grant.transaction_ended(event.at.monotonic_s, apply_s)
        if known.status is EvseStatus.AVAILABLE:
            return replace(known, session=None, leg_use=LegUse(), grant=grant)
        return replace(known, session=replace(session, transaction=None, energy_wh=energy), grant=grant)

    return _with_evse(state, event.evse, change)


def _sampled(known: EvseState, sample: Sample) -> EvseState:
    newest = known.samples[0].at if known.samples else NEVER
    if sample.at < newest:
        return known
    samples = (sample, *known.samples[: MAX_SAMPLES - 1])
    leg_use = known.leg_use.after(sample) if known.session is not None else known.leg_use
    grant = known.grant
    if grant.claims:
        allowed = grant.amps_in_force(known.steering_layer, sample.at)
        if sample.peak_a <= allowed * OBEYED_SHARE + OBEYED_A:
            grant = grant.followed(sample.at)
    return replace(known, samples=samples, leg_use=leg_use, grant=grant)


def _meter_values(state: SiteState, event: e.MeterValues) -> SiteState:
    index = state.site.evse_index(event.evse)
    if index is None:
        return state
    evse, known = state.site.evses[index], state.evses[index]
    sample: Sample | None = None
    if event.control and evse.meter is None:
        if evse.dc_efficiency is None and event.leg_a is not None:
            sample = _of_legs(event.at, event.leg_a, len(evse.wiring.legs))
        elif evse.dc_efficiency is None and event.total_a is not None:
            sample = Sample.of_total(event.at, evse, event.total_a)
        elif event.power_w is not None:
            sample = Sample.of_power(event.at, evse, event.power_w, state.site.voltage_v)
    if sample is not None and sample.peak_a <= ABSURD * evse.max_a:
        known = _sampled(known, sample)
    session = known.session
    if session is not None:
        if event.register_wh is not None:
            session = session.metered(event.register_wh)
        if event.soc_percent is not None:
            session = replace(session, soc_percent=event.soc_percent)
    known = replace(
        known,
        session=session,
        power_w=known.power_w if event.power_w is None else event.power_w,
        offered_a=known.offered_a if event.offered_a is None else event.offered_a,
        register_wh=known.register_wh if event.register_wh is None else event.register_wh,
    )
    return replace(state, evses=(*state.evses[:index], known, *state.evses[index + 1 :]))


def _of_legs(at: float, amps: tuple[float | None, ...], legs: int) -> Sample | None:
    """Legs that a station does not report may carry as much as those it does."""
    known = (*amps, *(None,) * legs)[:legs]
    return None if all(a is None for a in known) else Sample.of_currents(at, known)


def _profile_sent(state: SiteState, event: e.ProfileSent) -> SiteState:
    return _with_evse(
        state,
        event.evse,
        lambda known: replace(known, grant=known.grant.sent(event.layer, event.amps, event.at)),
    )


def _profile_answered(state: SiteState, event: e.ProfileAnswered) -> SiteState:
    if state.site.evse_index(event.evse) is None:
        return state
    apply_s = _model_of(state, event.evse).apply_s

    def change(known: EvseState) -> EvseState:
        grant = known.grant
        if event.answer is Answer.ACCEPTED:
            grant = grant.accepted(event.layer, event.amps, event.at, event.ends_at, apply_s)
            if event.layer is Layer.SESSION and (known.session is None or known.session.transaction is None):
                grant = grant.transaction_ended(event.at, apply_s)
            if not known.status.may_draw:
                grant = grant.idle()
        elif event.answer is Answer.TIMEOUT:
            grant = grant.unanswered(event.layer, event.amps)
        else:
            grant = grant.refused(event.layer, event.amps)
        return replace(known, grant=grant)

    return _with_evse(state, event.evse, change)


def _composite_read(state: SiteState, event: e.CompositeRead) -> SiteState:
    def change(known: EvseState) -> EvseState:
        return replace(known, grant=known.grant.read_back(known.steering_layer, event.amps, event.at))

    return _with_evse(state, event.evse, change)


def _limit_received(state: SiteState, event: e.LimitReceived) -> SiteState:
    kept = _without_limit(state.limits, event.limit.scope, event.limit.source)
    return replace(state, limits=(*kept, event.limit))


def _limit_withdrawn(state: SiteState, event: e.LimitWithdrawn) -> SiteState:
    return replace(state, limits=_without_limit(state.limits, event.scope, event.source))


def _without_limit(limits: tuple[Limit, ...], scope: str, source: str) -> tuple[Limit, ...]:
    return tuple(limit for limit in limits if (limit.scope, limit.source) != (scope, source))


def _need_stated(state: SiteState, event: e.NeedStated) -> SiteState:
    def change(known: EvseState) -> EvseState:
        return known if known.session is None else replace(known, session=replace(known.session, need=event.need))

    return _with_evse(state, event.evse, change)


def _controller_started(state: SiteState, event: e.ControllerStarted) -> SiteState:
    return replace(state, started=event)


def _loop_blocked(state: SiteState, event: e.LoopBlocked) -> SiteState:
    return replace(state, blocked=event)


def _store_troubled(state: SiteState, event: e.StoreTroubled) -> SiteState:
    return replace(state, store_trouble=event.reason)


_APPLY: dict[type, Callable[[SiteState, Any], SiteState]] = {
    e.MeterRead: _meter_read,
    e.MeterFailed: _meter_failed,
    e.StationConnected: _station_connected,
    e.StationGone: _station_gone,
    e.StationBooted: _station_booted,
    e.ModelLearned: _model_learned,
    e.ClockMeasured: _clock_measured,
    e.StatusChanged: _status_changed,
    e.TransactionStarted: _transaction_started,
    e.TransactionEnded: _transaction_ended,
    e.MeterValues: _meter_values,
    e.ProfileSent: _profile_sent,
    e.ProfileAnswered: _profile_answered,
    e.CompositeRead: _composite_read,
    e.LimitReceived: _limit_received,
    e.LimitWithdrawn: _limit_withdrawn,
    e.NeedStated: _need_stated,
    e.ControllerStarted: _controller_started,
    e.LoopBlocked: _loop_blocked,
    e.StoreTroubled: _store_troubled,
}
