"""What speaks against a request to a station, judged by what is known of the site.

An objection means that the request is not made; most can be overridden by somebody who insists. A warning is said, and
the request is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ems.domain.daybook import UnknownError
from ems.domain.remote.outcome import Effect
from ems.domain.remote.request import (
    MAX_TAG,
    CancelReservation,
    ClearRawProfiles,
    ReadSchedule,
    ReleaseLimits,
    RequestStart,
    RequestStop,
    Reserve,
    Reset,
    SetAvailability,
    SetRawProfile,
    StationRequest,
    Trigger,
    Unlock,
    UpdateFirmware,
    WriteVariables,
    is_secret,
)
from ems.domain.session import Session
from ems.domain.site import Site
from ems.domain.state import EvseState, SiteState
from ems.domain.station import Evse, EvseStatus, Station

CONTROLLED = {
    "metervaluesampleinterval": "the controller steers by these samples",
    "metervaluessampleddata": "the controller steers by these measurands",
    "heartbeatinterval": "the controller notices by heartbeats that a station is gone",
}
"""Variables, case-folded, that the controller writes itself after each start of a station."""

RESERVED_MOST = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`objections` stop a request; `may_insist`: they do not when somebody insists. `warnings` go with the answer."""

    objections: tuple[str, ...] = ()
    may_insist: bool = True
    warnings: tuple[str, ...] = ()


def station_of(site: Site, name: str) -> Station:
    """The station of a site. Raises UnknownError."""
    index = site.station_index(name)
    if index is None:
        raise UnknownError(f"the site has no station {name[:64]!r}; /api/v1/stations lists them")
    return site.stations[index]


def evse_of(station: Station, number: int) -> Evse:
    """The EVSE of a station. Raises UnknownError."""
    found = next((evse for evse in station.evses if evse.number == number), None)
    if found is None:
        known = ", ".join(str(evse.number) for evse in station.evses)
        raise UnknownError(f"station {station.id} has no EVSE {number}; it has {known}")
    return found


def judged(state: SiteState, station: Station, request: StationRequest, now: datetime) -> Judgement:
    """What is to be said of a request before it is made. Raises UnknownError when it is about nothing on the site, and
    ValueError when it cannot be meant.
    """
    number = _evse_named(request)
    if number is not None:
        evse_of(station, number)
    _must_be_sensible(request, now)
    running = [name for name, session in _sessions(state, station) if session.transaction is not None]
    match request:
        case RequestStart(evse):
            return _start(state, station, evse)
        case RequestStop(evse) if (known := state.evse(f"{station.id}/{evse}")) and _transaction(known) is None:
            return Judgement((f"no transaction runs at {station.id}/{evse}",), may_insist=False)
        case Reset() | UpdateFirmware() if running:
            text = f"a transaction runs at {', '.join(running)} and would be ended by it"
            return Judgement((text,))
        case Unlock(evse) if (known := state.evse(f"{station.id}/{evse}")) and _transaction(known) is not None:
            return Judgement((f"a transaction runs at {station.id}/{evse} and would be ended by it",))
        case SetAvailability(_, False) if running:
            return Judgement(warnings=(f"a transaction runs at {', '.join(running)}: it counts after its end",))
        case WriteVariables(values):
            return _written(tuple(name for name, _ in values))
        case ReleaseLimits():
            return _release(state, station)
        case SetRawProfile():
            text = "the controller does not know of a raw profile, counts on without it, and cannot raise above it"
            return Judgement(warnings=(text,))
    return Judgement()


def _release(state: SiteState, station: Station) -> Judgement:
    if not state.site.policy.observes:
        text = "the controller is armed and would tell them anew: let it only observe first"
        return Judgement((text,), may_insist=False)
    most = ", ".join(f"{evse.id} {evse.max_a:g} A" for evse in station.evses)
    text = f"then nothing limits what vehicles draw there ({most}), and only the fuses protect the cables"
    return Judgement((text,))


def _start(state: SiteState, station: Station, number: int | None) -> Judgement:
    chosen = [evse for evse in station.evses if number in {None, evse.number}]
    known = [state.evse(evse.id) for evse in chosen]
    if all(_transaction(one) is not None for one in known):
        return Judgement((f"a transaction runs already at {chosen[0].id}",), may_insist=False)
    if all(one.status in {EvseStatus.FAULTED, EvseStatus.UNAVAILABLE} for one in known):
        said = known[0].error or known[0].status.value
        return Judgement((f"{chosen[0].id} is out of order: {said}",))
    warnings = []
    if not any(one.status.is_occupied for one in known):
        warnings.append("no vehicle is plugged in yet: the station may wait for one, or give up")
    if any(one.status is EvseStatus.FINISHING for one in known):
        warnings.append("the last transaction has ended: many stations start again only after the cable was pulled")
    return Judgement(warnings=tuple(warnings))


def _written(names: tuple[str, ...]) -> Judgement:
    secret = [name for name in names if is_secret(name)]
    if secret:
        text = (
            f"{secret[0]} is the password of the station: once it has another one, it is refused here until the file"
            " named by password_file holds that"
        )
        return Judgement((text,))
    owned = [(name, CONTROLLED[name.casefold()]) for name in names if name.casefold() in CONTROLLED]
    return Judgement(warnings=tuple(f"{name}: {why}, and sets it again when the station starts" for name, why in owned))


def _evse_named(request: StationRequest) -> int | None:
    """The EVSE that a request is about, if it is about one."""
    match request:
        case RequestStart(evse) | SetAvailability(evse) | Reserve(_, evse) | Trigger(_, evse):
            return evse
        case RequestStop(evse) | Unlock(evse):
            return evse
        case SetRawProfile(evse) | ReadSchedule(evse):
            return evse or None
        case ClearRawProfiles(_, evse):
            return evse or None
    return None


def _must_be_sensible(request: StationRequest, now: datetime) -> None:
    match request:
        case RequestStart(_, tag) | Reserve(_, _, tag) if not 1 <= len(tag) <= MAX_TAG or not tag.isprintable():
            raise ValueError(f"an id tag has 1 to {MAX_TAG} printable characters")
        case Reserve(_, _, _, until) if not now < until <= now + RESERVED_MOST:
            raise ValueError(f"a reservation ends within the next {RESERVED_MOST.days} days")
        case WriteVariables(()):
            raise ValueError("there is nothing to write")
        case CancelReservation(number) if number < 0:
            raise ValueError("reservations have numbers from 0 on")


def _sessions(state: SiteState, station: Station) -> Iterator[tuple[str, Session]]:
    for evse in station.evses:
        session = state.evse(evse.id).session
        if session is not None:
            yield evse.id, session


def _transaction(known: EvseState) -> int | None:
    running = None if known.session is None else known.session.transaction
    return None if running is None else running.id


def expected(request: StationRequest) -> Effect:
    """Whether the site shows it when a station does what it accepted."""
    shown = isinstance(request, RequestStart | RequestStop | Reset | SetAvailability)
    return Effect.AWAITED if shown else Effect.NONE


def is_seen(request: StationRequest, station: Station, before: SiteState, state: SiteState) -> bool:
    """Whether what was accepted can be seen now; `before` is the state when it was asked for."""
    match request:
        case RequestStart(evse):
            chosen = [one.id for one in station.evses if evse in {None, one.number}]
            return any(_transaction(state.evse(one)) not in {None, _transaction(before.evse(one))} for one in chosen)
        case RequestStop(evse):
            name = f"{station.id}/{evse}"
            return _transaction(state.evse(name)) != _transaction(before.evse(name))
        case Reset():
            return state.station(station.id).boots > before.station(station.id).boots
        case SetAvailability(evse, operative):
            chosen = [state.evse(one.id).status for one in station.evses if evse in {None, one.number}]
            return all((status is not EvseStatus.UNAVAILABLE) == operative for status in chosen)
    return False


def is_kept(request: StationRequest) -> bool:
    """Whether a request still makes sense when a station returns: it says how the station is to be, not that something
    is to happen now.
    """
    return isinstance(request, SetAvailability | WriteVariables | CancelReservation)
