"""What happens at an EVSE, applied to the state: vehicles come and go, transactions begin and end, current flows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ems.domain import events as e
from ems.domain.grant import OBEYED_A, OBEYED_SHARE, Grant
from ems.domain.instant import Instant
from ems.domain.measurement import LegUse, Sample
from ems.domain.session import Session
from ems.domain.state import EvseState, SiteState
from ems.domain.station import EvseStatus

MAX_SAMPLES = 4

A_SECOND = timedelta(seconds=1)
"""Sessions are told apart by the second of plug-in, and a station that was offline tells several within one."""

ABSURD = 2.0
"""A sample of so many times the current of its outlet is none."""

LATE_S = 60.0
"""What is told later than this after it happened waited in its station."""

BACKLOG_S = 900.0
"""So long after it came back a station may still tell what it did meanwhile."""


def _plugged(known: EvseState, evse_id: str, at: Instant, priority: int) -> EvseState:
    if known.session is not None:
        return known
    session = Session(evse=evse_id, plugged=_since(known, at), plugged_s=at.monotonic_s, service_class=priority)
    return replace(known, session=session, leg_use=LegUse())


def _since(known: EvseState, at: Instant) -> datetime:
    return at.utc if known.before is None else max(at.utc, known.before.plugged + A_SECOND)


def _unplugged(known: EvseState) -> EvseState:
    return replace(known, session=None, leg_use=LegUse(), before=known.session or known.before)


def _waited(state: SiteState, event: e.TransactionStarted | e.TransactionEnded) -> bool:
    """Whether what happened waited in its station for the link. A clock that is off shows a time in which the station
    was not away; nobody pays for minutes that only such a clock counted.
    """
    index = state.site.station_index(event.evse.rpartition("/")[0])
    if event.age_s < LATE_S or index is None:
        return False
    station, told_s = state.stations[index], event.at.monotonic_s
    # Many tell it as soon as there is a link, before they have been made ready and count as connected.
    went, came = (station.away_since, station.connected_at) if station.connected else (station.gone_at, told_s)
    return went - LATE_S <= told_s - event.age_s <= came + LATE_S and told_s - came <= BACKLOG_S


def _with_backlog(known: EvseState, began: Instant) -> EvseState:
    """Before a transaction that waited: who charged before it has left, and who came with it came when it began."""
    session = known.session
    if session is None or session.transaction is not None:
        return known
    if session.ended is not None:
        return _unplugged(known)
    if session.counted is not None or session.plugged_s <= began.monotonic_s:
        return known
    return replace(known, session=replace(session, plugged=_since(known, began), plugged_s=began.monotonic_s))


def _priority(state: SiteState, evse_id: str) -> int:
    index = state.site.evse_index(evse_id)
    return 0 if index is None else state.site.evses[index].priority


def status_changed(state: SiteState, event: e.StatusChanged) -> SiteState:
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
            if after.session is not None and after.session.ended is not None:
                after = replace(after, session=replace(after.session, ended=None))
            return _plugged(after, event.evse, event.at, _priority(state, event.evse))
        if _says_left(event.status, known.session):
            return replace(_unplugged(_as_it_was(after)), power_w=None)
        return after

    return state.with_evse(event.evse, change)


def _says_left(status: EvseStatus, session: Session | None) -> bool:
    """Whether nobody is plugged in any more. Where an outlet is out of service or kept for somebody after its
    transaction, no station says when the vehicle leaves: it is over then, and nobody stands idle.
    """
    if session is not None and session.transaction is not None:
        return False
    return status is EvseStatus.AVAILABLE or (status in _CLOSED and session is not None and session.counted is not None)


_CLOSED = frozenset({EvseStatus.UNAVAILABLE, EvseStatus.RESERVED})
_SUSPENDED = frozenset({EvseStatus.SUSPENDED_EV, EvseStatus.SUSPENDED_EVSE})


def transaction_started(state: SiteState, event: e.TransactionStarted) -> SiteState:
    waited = _waited(state, event)

    def change(known: EvseState) -> EvseState:
        began = event.at.later(-event.age_s) if waited else event.at
        if waited:
            known = _with_backlog(known, began)
        known = _plugged(known, event.evse, began, _priority(state, event.evse))
        session = known.session
        assert session is not None
        before = session.counted if session.transaction is None else session.transaction.id
        if before is not None and before != event.transaction.id:
            # A second transaction of the same plug-in counts its own energy, but what is needed is less what was got.
            session = replace(session, energy_wh=0.0, earlier_wh=session.delivered_wh)
            if session.paid_by and not event.transaction.may_be_of(session.paid_by):
                session = replace(session, cap_wh=None, paid_by="")
            known = _as_it_was(known)
        session = replace(session, transaction=event.transaction, counted=event.transaction.id, ended=None)
        return replace(known, session=session)

    return state.with_evse(event.evse, change)


def transaction_ended(state: SiteState, event: e.TransactionEnded) -> SiteState:
    apply_s = state.model_of(event.evse).apply_s if state.site.evse_index(event.evse) is not None else 0.0
    ended = event.at.later(-event.age_s).utc if _waited(state, event) else None

    def change(known: EvseState) -> EvseState:
        session = known.session
        if session is None or session.transaction is None or session.transaction.id != event.transaction_id:
            return known
        energy = session.energy_wh if event.energy_wh is None else event.energy_wh
        register = known.register_wh
        if ended is None and event.energy_wh is not None:
            register = max(session.transaction.meter_start_wh + event.energy_wh, register or 0.0)
        grant, known = known.grant.transaction_ended(event.at.monotonic_s, apply_s), _as_it_was(known)
        over = replace(session, transaction=None, energy_wh=energy, ended=ended and max(ended, session.plugged))
        # Stations tell nothing of power afterwards: what flowed last would be shown until the vehicle leaves.
        known = replace(known, session=over, grant=grant, power_w=0.0, register_wh=register)
        return _unplugged(known) if _says_left(known.status, over) else known

    return state.with_evse(event.evse, change)


def _as_it_was(known: EvseState) -> EvseState:
    """The number of phases that a station was told is gone with the transaction, and with it what samples showed."""
    ended = known.switch.ended()
    return known if ended == known.switch else replace(known, switch=ended, leg_use=LegUse())


def sampled(known: EvseState, sample: Sample) -> EvseState:
    """One more measurement: it may prove a cut, and shows which legs the vehicle uses."""
    samples, leg_use, grant = _learned(known, sample)
    return replace(known, samples=samples, leg_use=leg_use, grant=grant)


def _learned(known: EvseState, sample: Sample) -> tuple[tuple[Sample, ...], LegUse, Grant]:
    """What a sample teaches; nothing when a younger one is known."""
    if known.samples and sample.at < known.samples[0].at:
        return known.samples, known.leg_use, known.grant
    samples = (sample, *known.samples[: MAX_SAMPLES - 1])
    leg_use = known.leg_use.after(sample) if known.session is not None else known.leg_use
    grant = known.grant
    if grant.claims:
        allowed = grant.amps_in_force(known.steering_layer, sample.at)
        if sample.peak_a <= allowed * OBEYED_SHARE + OBEYED_A:
            grant = grant.followed(sample.at)
    return samples, leg_use, grant


def meter_values(state: SiteState, event: e.MeterValues) -> SiteState:
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
    samples, leg_use, grant = known.samples, known.leg_use, known.grant
    if sample is not None and sample.peak_a <= ABSURD * evse.max_a:
        samples, leg_use, grant = _learned(known, sample)
    power_w = known.power_w if event.power_w is None or not event.control else event.power_w
    if sample is not None and event.power_w is None and not power_w:
        # Stations that tell currents alone: one that is newer than the end of a transaction says more than that did.
        power_w = None
    session = known.session
    if session is not None:
        if event.register_wh is not None:
            session = session.metered(event.register_wh)
        if event.soc_percent is not None:
            session = session.charged(event.soc_percent)
    # Written out, because nothing happens more often.
    known = EvseState(
        status=known.status,
        error=known.error,
        session=session,
        grant=grant,
        samples=samples,
        leg_use=leg_use,
        power_w=power_w,
        offered_a=known.offered_a if event.offered_a is None else event.offered_a,
        register_wh=known.register_wh if event.register_wh is None else event.register_wh,
        switch=known.switch,
        before=known.before,
    )
    return state.with_evse_at(index, known)


def _of_legs(at: float, amps: tuple[float | None, ...], legs: int) -> Sample | None:
    """Legs that a station does not report may carry as much as those it does."""
    known = amps if len(amps) == legs else (*amps, *(None,) * legs)[:legs]
    return None if known.count(None) == legs else Sample.of_currents(at, known)
