"""Between the records of the domain and the rows of the tables."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from ems.adapters.store.batch import Row
from ems.adapters.store.codec import Codec, CodecError
from ems.adapters.store.moment import from_ms, to_ms
from ems.domain.access.tag import tag_key
from ems.domain.grant import FOREVER, Claim, Grant, Held, Layer
from ems.domain.instant import Instant
from ems.domain.phase_switch import UNSAID
from ems.domain.session import Need, NeedOrigin, Session, Transaction
from ems.domain.station_model import StationModel


def transaction_row(evse: str, transaction: Transaction, start_key: str | None) -> Row:
    """A transaction that begins; whatever was stored under its id before is gone."""
    return {
        "id": transaction.id,
        "evse": evse,
        "started": to_ms(transaction.started),
        "meter_start_wh": _number(transaction.meter_start_wh),
        "id_tag": transaction.id_tag,
        "start_key": start_key,
        "ended": None,
        "meter_stop_wh": None,
        "energy_wh": None,
        "reason": None,
        "inferred": None,
    }


def transaction_end_row(begun: Row, ended: datetime, energy_wh: float | None, reason: str, inferred: bool) -> Row:
    """The row `begun` of a transaction, which may lack its start, when it is over."""
    register_wh = begun.get("meter_start_wh")
    return {
        **begun,
        "ended": to_ms(ended),
        "energy_wh": energy_wh,
        "meter_stop_wh": None if register_wh is None or energy_wh is None else register_wh + energy_wh,
        "reason": reason,
        "inferred": inferred,
    }


def transaction_of(row: Any) -> Transaction:
    """The transaction of a row that has a start."""
    return Transaction(row.id, from_ms(row.started), row.meter_start_wh or 0.0, row.id_tag)


def session_row(
    session: Session, energy_wh: float, transactions: Iterable[int], unplugged: datetime | None, before: Row
) -> Row:
    """A session; `energy_wh` is the sum over its transactions. What was held up for it is told only while it charges,
    and stays as it was `before` after that.
    """
    need, ids, running = session.need, list(transactions), session.transaction
    return {
        "id": session.id,
        "evse": session.evse,
        "plugged": to_ms(session.plugged),
        "unplugged": None if unplugged is None else to_ms(unplugged),
        "energy_wh": _number(energy_wh) or 0.0,
        "need_wh": _number(need.energy_wh),
        "departure": None if need.departure is None else to_ms(need.departure),
        "need_origin": need.origin.value,
        "service_class": session.service_class,
        "soc_percent": _number(session.soc_percent),
        "transactions": json.dumps(ids),
        "last_transaction": ids[-1] if ids else None,
        "vehicle": None if session.vehicle is None else session.vehicle.id,
        "soc_at_wh": _number(session.soc_at_wh),
        "guaranteed_wh": _number(need.guaranteed_wh),
        "guaranteed_by": None if need.guaranteed_by is None else to_ms(need.guaranteed_by),
        "minimum_always": need.minimum_always,
        "need_class": need.service_class,
        "hurries": need.hurries,
        "tag": None if session.holder is None else session.holder.tag,
        "person": None if session.holder is None else session.holder.person,
        "cost_centre": None if session.holder is None else session.holder.cost_centre,
        "tag_key": tag_key(running.id_tag) if running is not None and running.id_tag else before.get("tag_key"),
    }


def transactions_of(row: Any) -> list[int]:
    """The ids that a session's row lists; none where somebody spoilt the list."""
    only = row.transactions[1:-1]
    if only.isdecimal() and only.isascii():  # as in nearly every session, and quicker
        return [int(only)]
    try:
        return [int(number) for number in json.loads(row.transactions)]
    except (ValueError, TypeError):
        return []


def session_of(row: Any, energy_wh: float, transaction: Transaction | None, now: Instant) -> Session:
    """The session of a row, as if it had been seen all along, but for its vehicle, which is recognised again;
    `energy_wh` of the running transaction. Raises ValueError.
    """
    plugged = from_ms(row.plugged)
    return Session(
        evse=row.evse,
        plugged=plugged,
        plugged_s=min(now.monotonic_s, now.monotonic_at(plugged)),
        transaction=transaction,
        energy_wh=energy_wh,
        need=Need(
            energy_wh=row.need_wh,
            departure=None if row.departure is None else from_ms(row.departure),
            origin=NeedOrigin(row.need_origin),
            guaranteed_wh=row.guaranteed_wh or 0.0,
            guaranteed_by=None if row.guaranteed_by is None else from_ms(row.guaranteed_by),
            minimum_always=bool(row.minimum_always),
            service_class=row.need_class,
            hurries=bool(row.hurries),
        ),
        soc_percent=row.soc_percent,
        service_class=row.service_class,
        soc_at_wh=row.soc_at_wh or 0.0,
        counted=next(reversed(transactions_of(row)), None) if transaction is None else transaction.id,
    )


def grant_row(evse: str, layer: Layer, known: Grant, now: Instant, phases: int = UNSAID) -> Row:
    """What is held on a layer, and the most that may flow besides; with the number of phases that a session's limit
    named.
    """
    held, claims = known.layer(layer), claims_of(known, layer)
    open_ = [claim for claim in claims if claim.until > now.monotonic_s]
    return {
        "evse": evse,
        "layer": int(layer),
        "amps": None if held is None else held.amps,
        "accepted": None if held is None else to_ms(now.utc_at(held.accepted_at)),
        "ends": None if held is None else _end(held.ends_at, now),
        "claimed_a": max((claim.amps for claim in open_), default=None),
        "claimed_until": _end(max(claim.until for claim in open_), now) if open_ else None,
        "phases": phases if layer is Layer.SESSION and held is not None and phases != UNSAID else None,
    }


def claims_of(known: Grant, layer: Layer) -> list[Claim]:
    """The claims that a layer left or has not settled."""
    return [claim for claim in known.claims if claim.layer is layer]


def grant_of(rows: Sequence[Any], now: Instant) -> Grant:
    """What may flow after a restart: the layers with their leases, and every claim for as long as it may last.

    All of it is to be sent again, because a station may have been told more in the last moment. A wall clock that was
    set back must not make a lease longer than it was.
    """
    held: dict[Layer, Held] = {}
    claims: list[Claim] = []
    for row in rows:
        layer = Layer(row.layer)
        if row.amps is not None:
            accepted = now.monotonic_at(from_ms(row.accepted))
            ends = FOREVER if row.ends is None else now.monotonic_at(from_ms(row.ends))
            late = max(0.0, accepted - now.monotonic_s)
            held[layer] = Held(row.amps, accepted - late, ends - late)
        if row.claimed_a is not None:
            until = FOREVER if row.claimed_until is None else now.monotonic_at(from_ms(row.claimed_until))
            claims.append(Claim(layer, row.claimed_a, until, since=now.monotonic_s))
    return Grant(
        floor=held.get(Layer.FLOOR),
        default=held.get(Layer.DEFAULT),
        session=held.get(Layer.SESSION),
        claims=tuple(claims),
    ).to_resend()


def model_text(model: StationModel) -> str:
    """A station model as JSON with the names of its fields."""
    codec = Codec([StationModel])
    named = dict(zip(codec.schema["StationModel"], codec.encode(StationModel, model), strict=True))
    return json.dumps(named)


def model_of(text: str) -> StationModel:
    """The model again; fields that were added since take their defaults. Raises ValueError."""
    named = json.loads(text)
    if not isinstance(named, dict):
        raise CodecError(f"expected an object with the model's fields, got {text!r:.64}")
    codec = Codec([StationModel], {"StationModel": tuple(named)})
    model: StationModel = codec.decode(StationModel, list(named.values()))
    return model


def _end(monotonic_s: float, now: Instant) -> int | None:
    """None for ever; a lease that outlasts the calendar is one."""
    return None if monotonic_s - now.monotonic_s > _CALENDAR_S else to_ms(now.utc_at(monotonic_s))


_CALENDAR_S = 1e9


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
