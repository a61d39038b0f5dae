"""What stations say about themselves and about their limits, applied to the state."""

from __future__ import annotations

from dataclasses import replace

from ems.domain import events as e
from ems.domain.grant import Answer, Grant, Layer
from ems.domain.measurement import LegUse
from ems.domain.outlet import OutletSeen
from ems.domain.phase_switch import UNSAID
from ems.domain.release import LimitsReleased
from ems.domain.state import NEVER, EvseState, SiteState, StationState
from ems.domain.station import EvseStatus

CLOCK_MOVED_S = 5.0
"""A station's clock that is found so far from where it was has been set."""


def station_connected(state: SiteState, event: e.StationConnected) -> SiteState:
    def change(known: StationState) -> StationState:
        if event.generation < known.generation:
            return known
        at = event.at.monotonic_s
        return replace(
            known,
            generation=event.generation,
            connected=True,
            seen=True,
            connected_at=at,
            gone_at=NEVER,
            away_since=at if known.connected else known.gone_at,
        )

    index = state.site.station_index(event.station)
    if index is not None and event.generation < state.stations[index].generation:
        return state
    return state.with_station(event.station, change).with_grants(event.station, _unsettled)


def station_gone(state: SiteState, event: e.StationGone) -> SiteState:
    def change(known: StationState) -> StationState:
        if event.generation != known.generation:
            return known
        return replace(known, connected=False, gone_at=event.at.monotonic_s)

    return state.with_station(event.station, change)


def _unsettled(grant: Grant) -> Grant:
    """After a new link nobody will answer what the old one carried."""
    for claim in grant.claims:
        if claim.pending:
            grant = grant.unanswered(claim.layer, claim.amps)
    return grant


def station_booted(state: SiteState, event: e.StationBooted) -> SiteState:
    def change(known: StationState) -> StationState:
        return replace(known, vendor=event.vendor, product=event.model, firmware=event.firmware, boots=known.boots + 1)

    state = state.with_station(event.station, change)
    index = state.site.station_index(event.station)
    if index is None:
        return state
    keeps = state.stations[index].model.keeps_over_boot
    state = state.with_grants(event.station, Grant.to_resend if keeps else Grant.forgotten)
    # It tells anew who is there (OCPP 1.6 section 4.2).
    return state.with_evses(
        event.station, lambda known: replace(known, status=EvseStatus.UNKNOWN, switch=known.switch.forgotten())
    )


def model_learned(state: SiteState, event: e.ModelLearned) -> SiteState:
    index = state.site.station_index(event.station)
    if index is not None and state.stations[index].model.session_profile and not event.model.session_profile:
        # What it refused is not asked of it any more; the next limit goes another way.
        state = state.with_grants(event.station, lambda grant: replace(grant, refusals=0, misses=0))
    return state.with_station(event.station, lambda known: replace(known, model=event.model))


def clock_measured(state: SiteState, event: e.ClockMeasured) -> SiteState:
    shown = event.skew_s if event.shown_s is None else event.shown_s
    index = state.site.station_index(event.station)
    if index is not None and abs(event.skew_s - state.stations[index].clock_skew_s) >= CLOCK_MOVED_S:
        # Leases that were written in the time it showed before end at another moment now.
        state = state.with_grants(event.station, Grant.leases_to_resend)
    return state.with_station(
        event.station, lambda known: replace(known, clock_skew_s=event.skew_s, clock_shown_s=shown)
    )


def outlet_seen(state: SiteState, event: OutletSeen) -> SiteState:
    def change(known: StationState) -> StationState:
        others = [number for number in known.undescribed if number != event.number]
        numbers = [*others, event.number] if event.may_charge else others
        return replace(known, undescribed=tuple(sorted(numbers)))

    return state.with_station(event.station, change)


def profile_sent(state: SiteState, event: e.ProfileSent) -> SiteState:
    def change(known: EvseState) -> EvseState:
        switch = known.switch.sent(event.phases) if _tells_phases(known, event) else known.switch
        return replace(known, grant=known.grant.sent(event.layer, event.amps, event.at), switch=switch)

    return state.with_evse(event.evse, change)


def profile_answered(state: SiteState, event: e.ProfileAnswered) -> SiteState:
    if state.site.evse_index(event.evse) is None:
        return state
    apply_s = state.model_of(event.evse).apply_s

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
        return replace(_switched(known, event), grant=grant)

    return state.with_evse(event.evse, change)


def _tells_phases(known: EvseState, event: e.ProfileSent | e.ProfileAnswered) -> bool:
    return event.layer is Layer.SESSION and (event.phases or known.switch.told or known.switch.open) != UNSAID


def _switched(known: EvseState, event: e.ProfileAnswered) -> EvseState:
    """What a station uses for how many phases after an answer; what samples showed before another number is nothing."""
    if not _tells_phases(known, event):
        return known
    before = known.switch
    if event.answer is Answer.ACCEPTED:
        same = before.told == event.phases and before.is_settled(event.at)
        leg_use = known.leg_use if same else LegUse()
        return replace(known, switch=before.accepted(event.phases, event.ends_at), leg_use=leg_use)
    if event.answer is Answer.TIMEOUT:
        return known
    return replace(known, switch=before.refused(event.phases))


def composite_read(state: SiteState, event: e.CompositeRead) -> SiteState:
    def change(known: EvseState) -> EvseState:
        return replace(known, grant=known.grant.read_back(known.steering_layer, event.amps, event.at))

    return state.with_evse(event.evse, change)


def limits_released(state: SiteState, event: LimitsReleased) -> SiteState:
    def change(known: EvseState) -> EvseState:
        return replace(known, grant=Grant(), switch=known.switch.forgotten())

    return state.with_evse(event.evse, change)
