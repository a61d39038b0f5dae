"""What a station is told about currents, and what it says to that."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ocpp.v16.enums import (
    Action,
    AvailabilityType,
    ChargingProfileStatus,
    GetCompositeScheduleStatus,
    RemoteStartStopStatus,
)

from ems.adapters.ocpp import schemas
from ems.adapters.ocpp.call_queue import Answered, Outcome, Priority, QueueFullError, Refused, Request, Unanswered
from ems.adapters.ocpp.connection import Connection
from ems.adapters.ocpp.v16 import profiles
from ems.adapters.ocpp.v16.record import StationRecord
from ems.domain.events import CompositeRead, ProfileAnswered, ProfileSent
from ems.domain.grant import Answer, Layer
from ems.domain.order import LimitOrder
from ems.domain.station import Evse
from ems.domain.station_model import LeaseForm, ProfileKind, RateUnit, StationModel

log = logging.getLogger(__name__)

VERSION = "v16"
LIMIT_S = 5.0
STOP_EVERY_S = 30.0
SILENCES_TOLERATED = 2
REFUSALS_TO_LEARN = 2
DETAIL = 64
_CANNOT = frozenset({"NotSupported", "NotImplemented"})
_SET_CHARGING_PROFILE = Action.set_charging_profile.value
_ANSWERS = {
    ChargingProfileStatus.accepted.lower(): Answer.ACCEPTED,
    ChargingProfileStatus.not_supported.lower(): Answer.NOT_SUPPORTED,
}


@dataclass(slots=True)
class _Attempt:
    """An order on its way: tried as the model says, and after a refusal in the other ways that stations want it. One
    that named `phases` is tried without them too.
    """

    order: LimitOrder
    evse: Evse
    models: Iterator[StationModel]
    model: StationModel
    sent_at: float | None = None
    phases: int = 0


@dataclass(slots=True)
class Limits:
    """The limits of one station."""

    record: StationRecord
    _stopped_at: dict[str, float] = field(default_factory=dict)
    _last_a: dict[tuple[str, Layer], float] = field(default_factory=dict)
    _silences: dict[str, int] = field(default_factory=dict)
    _session_refusals: dict[str, int] = field(default_factory=dict)
    _takes_sessions: set[str] = field(default_factory=set)

    def limit(self, connection: Connection, order: LimitOrder) -> None:
        """Queue an order; it replaces one of the same EVSE and layer that still waits."""
        evse = next((evse for evse in self.record.station.evses if evse.id == order.evse), None)
        if evse is None:
            return
        self.record.legs[evse.id] = order.legs
        silent = order.layer is Layer.FLOOR and self._silences.get(evse.id, 0) >= SILENCES_TOLERATED
        models = spellings(self.record.model, silent)
        self._try(connection, _Attempt(order, evse, models, next(models), phases=order.phases))

    def read_back(self, connection: Connection, number: int) -> None:
        """Queue a request for what is in force."""
        evse = self.record.evse(number)
        if evse is None or not self.record.model.composite:
            return
        payload = {
            "connectorId": number,
            "duration": profiles.COMPOSITE_S,
            "chargingRateUnit": profiles.unit(evse, self.record.model).value,
        }
        schemas.check_request(VERSION, Action.get_composite_schedule, payload)

        answers = iter((True,))

        def told(outcome: Outcome) -> None:
            if not next(answers, False):
                # Late: what was in force then says nothing about now.
                return
            amps = None
            if isinstance(outcome, Answered):
                legs = self.record.legs.get(evse.id)
                amps = profiles.composite_a(outcome.payload, evse, self.record.model, legs, self.record.voltage_v)
                if outcome.payload.get("status") != GetCompositeScheduleStatus.accepted:
                    self.record.deviates("composite schedule refused")
            elif isinstance(outcome, Refused) and outcome.code in _CANNOT:
                self.record.learned(replace(self.record.model, composite=False))
            self.record.sink(CompositeRead(evse.id, self.record.clock.now().monotonic_s, amps))

        action = Action.get_composite_schedule.value
        self._put(
            connection, Request(action, lambda: payload, Priority.READ_BACK, LIMIT_S, told, key=(evse.id, "back"))
        )

    def stop(self, connection: Connection, number: int) -> None:
        """Queue the end of a transaction that no limit reaches; refused, the EVSE goes out of service."""
        evse = self.record.evse(number)
        now = self.record.clock.now().monotonic_s
        if evse is None or now - self._stopped_at.get(evse.id, -STOP_EVERY_S) < STOP_EVERY_S:
            return
        self._stopped_at[evse.id] = now
        transaction = self.record.book.open.get(evse.id)
        log.warning("evse.stop evse=%s transaction=%s", evse.id, transaction and transaction.id)

        def stopped(outcome: Outcome) -> None:
            if not _is(outcome, RemoteStartStopStatus.accepted):
                self._take_out(connection, number)

        if transaction is None:
            self._take_out(connection, number)
            return
        payload = {"transactionId": transaction.id}
        action = Action.remote_stop_transaction.value
        self._put(connection, Request(action, lambda: payload, Priority.STOP, LIMIT_S, stopped, key=(evse.id, "stop")))

    def _take_out(self, connection: Connection, number: int) -> None:
        evse = self.record.evse(number)
        if evse is not None:
            self.record.out_of_service[evse.id] = self._now()
        payload = {"connectorId": number, "type": AvailabilityType.inoperative.value}
        action = Action.change_availability.value
        self._put(connection, Request(action, lambda: payload, Priority.STOP, LIMIT_S, lambda _: None))

    def _try(self, connection: Connection, attempt: _Attempt) -> None:
        order = attempt.order

        def build() -> dict[str, object]:
            now = self.record.station_now()
            payload = profiles.request(order, attempt.evse, attempt.model, self.record.voltage_v, now)
            schemas.check_request(VERSION, _SET_CHARGING_PROFILE, payload)
            return payload

        def sent() -> None:
            now = self._now()
            if attempt.sent_at is None:
                self.record.sink(ProfileSent(order.evse, order.layer, order.amps, now, order.phases))
            attempt.sent_at = now

        request = Request(
            action=_SET_CHARGING_PROFILE,
            build=build,
            priority=Priority.REDUCTION if order.reduces else Priority.LIMIT,
            timeout_s=LIMIT_S,
            on_outcome=lambda outcome: self._answered(connection, attempt, outcome),
            on_sent=sent,
            key=(order.evse, order.layer),
        )
        self._put(connection, request)

    def _answered(self, connection: Connection, attempt: _Attempt, outcome: Outcome) -> None:
        order, answer = attempt.order, _answer(outcome)
        refused = answer in {Answer.REJECTED, Answer.NOT_SUPPORTED}
        if refused and order.layer is not Layer.SESSION and self._in_other_words(connection, attempt):
            return
        if refused and order.phases:
            attempt.order = replace(order, phases=0)
            self._try(connection, attempt)
            return
        if order.layer is Layer.FLOOR:
            missed = self._silences.get(order.evse, 0) + 1 if answer is Answer.TIMEOUT else 0
            self._silences[order.evse] = missed
        if order.layer is Layer.SESSION:
            self._learn_steering(order.evse, refused)
        if answer is Answer.ACCEPTED:
            if order.layer is Layer.SESSION:
                self._takes_sessions.add(order.evse)
            if attempt.model is not self.record.model:
                self.record.learned(_as_learned(self.record.model, attempt.model))
            self._repeat_after_zero(connection, attempt)
        else:
            log.warning("limit.%s evse=%s layer=%s amps=%g detail=%r", answer.name.lower(), order.evse,
                        order.layer.name, order.amps, _detail(outcome)[:64])  # fmt: skip
        sent_at = self._now() if attempt.sent_at is None else attempt.sent_at
        lease_s = math.inf if attempt.model.lease is LeaseForm.NONE else order.lease_s
        self._tell(
            order.evse,
            order.layer,
            order.amps,
            answer,
            sent_at + lease_s,
            _detail(outcome),
            order.phases if answer is Answer.ACCEPTED else attempt.phases,
        )
        if answer is Answer.ACCEPTED and order.layer is Layer.FLOOR and profiles.is_single(attempt.model):
            # Floor and default share one profile there, so the default is now what the floor says.
            self._tell(order.evse, Layer.DEFAULT, order.amps, answer, math.inf, "")

    def _in_other_words(self, connection: Connection, attempt: _Attempt) -> bool:
        """Try again: once more as it was, because refusals may pass; then in every way that says something else."""
        said = self._words(attempt)
        for model in attempt.models:
            repeats = model == attempt.model
            attempt.model = model
            if repeats or self._words(attempt) != said:
                self._try(connection, attempt)
                return True
        return False

    def _words(self, attempt: _Attempt) -> dict[str, object]:
        now = self.record.clock.now().utc
        return profiles.request(attempt.order, attempt.evse, attempt.model, self.record.voltage_v, now)

    def _learn_steering(self, evse: str, refused: bool) -> None:
        """A station that refuses session limits again and again is steered by its default (Q45)."""
        count = self._session_refusals[evse] = self._session_refusals.get(evse, 0) + 1 if refused else 0
        if count >= REFUSALS_TO_LEARN and evse not in self._takes_sessions:
            model = replace(self.record.model, session_profile=False, default_profile_steers=True)
            log.warning("station.learned id=%s: session limits are refused, the default limit steers", self.record.id)
            self.record.learned(model)

    def _tell(
        self, evse: str, layer: Layer, amps: float, answer: Answer, ends_at: float, detail: str, phases: int = 0
    ) -> None:
        self.record.sink(ProfileAnswered(evse, layer, amps, self._now(), answer, ends_at, detail[:DETAIL], phases))

    def _repeat_after_zero(self, connection: Connection, attempt: _Attempt) -> None:
        """Some stations ignore the first limit after a pause (Q41): it goes out once more."""
        order = attempt.order
        key = (order.evse, order.layer)
        before, self._last_a[key] = self._last_a.get(key), order.amps
        if self.record.model.repeat_after_zero and before == 0 and order.amps > 0 and order.layer is not Layer.FLOOR:
            self._try(connection, replace(attempt))

    def _put(self, connection: Connection, request: Request) -> None:
        try:
            connection.call(request)
        except QueueFullError:
            self.record.deviates("too many requests waiting")

    def _now(self) -> float:
        return self.record.clock.now().monotonic_s


def spellings(model: StationModel, silent: bool = False) -> Iterator[StationModel]:
    """A station model, the same again, and what it may be instead when it refuses: one stack level, relative times, the
    other unit. `silent`: it does not even answer absolute times (Q21), so relative ones come first.
    """
    if silent and model.kind is ProfileKind.ABSOLUTE:
        yield replace(model, kind=ProfileKind.RELATIVE, lease=LeaseForm.NONE)
    yield model
    yield model
    other = RateUnit.AMPERE if model.rate_unit is RateUnit.WATT else RateUnit.WATT
    if model.lease is LeaseForm.DURATION:
        yield replace(model, lease=LeaseForm.TWO_PERIODS, max_stack_level=0)
    if model.kind is ProfileKind.ABSOLUTE:
        yield replace(model, kind=ProfileKind.RELATIVE, lease=LeaseForm.NONE)
    yield replace(model, rate_unit=other)
    if model.kind is ProfileKind.ABSOLUTE:
        yield replace(model, rate_unit=other, kind=ProfileKind.RELATIVE, lease=LeaseForm.NONE)


def _as_learned(known: StationModel, worked: StationModel) -> StationModel:
    """What was known, with how the station just understood us."""
    as_before = (known.lease, known.max_stack_level, known.kind, known.rate_unit)
    if as_before == (worked.lease, worked.max_stack_level, worked.kind, worked.rate_unit):
        return known
    return replace(
        known,
        lease=worked.lease,
        max_stack_level=worked.max_stack_level,
        kind=worked.kind,
        rate_unit=worked.rate_unit,
    )


def _answer(outcome: Outcome) -> Answer:
    match outcome:
        case Unanswered():
            return Answer.TIMEOUT
        case Refused(code, _):
            return Answer.NOT_SUPPORTED if code in _CANNOT else Answer.REJECTED
        case Answered(payload):
            return _ANSWERS.get(str(payload.get("status", "")).lower(), Answer.REJECTED)


def _is(outcome: Outcome, status: str) -> bool:
    return isinstance(outcome, Answered) and str(outcome.payload.get("status", "")).lower() == status.lower()


def _detail(outcome: Outcome) -> str:
    match outcome:
        case Unanswered(reason):
            return reason
        case Refused(code, description):
            return f"{code} {description}".strip()
        case Answered(payload):
            return str(payload.get("status", ""))
