"""Sessions as the interface shows them."""

from __future__ import annotations

from datetime import datetime

from ems.adapters.web.sessions import shape
from ems.adapters.web.values import number, plain, time_of
from ems.domain.billing.money import major
from ems.domain.energy.step import EnergyPoint
from ems.domain.record.correction import Correction
from ems.domain.record.session_detail import Accounted, SessionDetail
from ems.domain.record.session_entry import SessionEntry, SessionSums
from ems.domain.record.signed_value import Examined, MeterKey, SignedValue


def session_row(entry: SessionEntry) -> shape.SessionRow:
    """A session."""
    return {
        "id": entry.id,
        "evse": entry.evse,
        "plugged": time_of(entry.plugged),
        "unplugged": _time(entry.unplugged),
        "energy_wh": number(entry.energy_wh) or 0.0,
        "idle_s": entry.idle_s,
        "tag": _plain(entry.tag),
        "person": _plain(entry.person),
        "vehicle": _plain(entry.vehicle),
        "cost_centre": plain(entry.cost_centre),
        "groups": [plain(name) for name in entry.groups],
        "cost": _money(entry.cost_minor, entry.currency),
        "vat": _money(entry.vat_minor, entry.currency),
        "currency": entry.currency or None,
        "payment": None if entry.payment is None else entry.payment.value,
        "began": _time(entry.began),
        "ended": _time(entry.ended),
        "ended_by": plain(entry.ended_by) or None,
        "inferred": entry.is_inferred,
        "need_wh": number(entry.need_wh),
        "departure": _time(entry.departure),
        "soc_percent": number(entry.soc_percent),
        "service_class": entry.service_class,
        "transactions": list(entry.transactions),
        "void": entry.is_void,
        "corrections": entry.corrections,
        "signed_values": entry.signed,
    }


def sums_row(sums: SessionSums) -> shape.SumsRow:
    """What sessions add up to."""
    return {
        "sessions": sums.sessions,
        "open": sums.open,
        "energy_wh": number(sums.energy_wh) or 0.0,
        "occupied_s": number(sums.occupied_s) or 0.0,
        "idle_s": sums.idle_s,
        "cost": {currency: str(major(units, currency)) for currency, units in sorted(sums.cost_minor.items())},
    }


def detail_row(detail: SessionDetail) -> shape.SessionDetailRow:
    """Everything about a session."""
    return {
        "session": session_row(detail.entry),
        "transactions": [transaction_row(one) for one in detail.transactions],
        "quarters": [
            {"starts": time_of(one.starts), "energy_wh": one.energy_wh, "idle_s": one.idle_s} for one in detail.quarters
        ],
        "offers": [
            {"at": time_of(one.at), "amps": one.amps, "binding": one.binding, "text": plain(one.text)}
            for one in detail.offers
        ],
        "corrections": [correction_row(one) for one in detail.corrections],
        "signed_values": [signed_row(told, found) for told, found in detail.signed],
        "receipt": None if detail.receipt is None else f"/api/v1/receipts/{detail.entry.id}",
        "co2_g": None if detail.co2_g is None else round(detail.co2_g, 1),
    }


def transaction_row(one: Accounted) -> shape.TransactionRow:
    """A transaction."""
    return {
        "id": one.id,
        "started": _time(one.started),
        "ended": _time(one.ended),
        "meter_start_wh": number(one.meter_start_wh),
        "meter_stop_wh": number(one.meter_stop_wh),
        "energy_wh": number(one.energy_wh),
        "id_tag": _plain(one.id_tag),
        "reason": plain(one.reason),
        "inferred": one.is_inferred,
    }


def correction_row(one: Correction) -> shape.CorrectionRow:
    """A correction."""
    return {
        "number": one.number,
        "at": time_of(one.at),
        "who": plain(one.who),
        "reason": plain(one.reason),
        "changes": {name: [change.was, change.now] for name, change in one.changes.items()},
    }


def signed_row(told: SignedValue, found: Examined) -> shape.SignedRow:
    """A signed value; `value` is what the station sent, to the letter."""
    return {
        "digest": told.digest,
        "at": time_of(told.at),
        "context": plain(told.context),
        "transaction": told.transaction,
        "verdict": found.verdict.value,
        "why": plain(found.why),
        "format": plain(found.format),
        "algorithm": plain(found.algorithm),
        "serial": plain(found.serial),
        "pagination": plain(found.pagination),
        "identity": plain(found.identity),
        "registers": [
            {
                "mark": plain(one.mark),
                "at": plain(one.at),
                "value": plain(one.value),
                "unit": plain(one.unit),
                "register": plain(one.register),
                "status": plain(one.status),
            }
            for one in found.registers
        ],
        "sent_key": found.sent_key or None,
        "key": found.key or None,
        "value": told.value,
    }


def energy_row(point: EnergyPoint) -> shape.EnergyRow:
    """A step of energy."""
    return {
        "starts": time_of(point.starts),
        "energy_wh": point.energy_wh,
        "mean_w": point.mean_w,
        "max_w": point.max_w,
        "covered_s": point.covered_s,
    }


def key_row(key: MeterKey) -> shape.KeyRow:
    """A public key."""
    return {
        "evse": key.evse,
        "key": key.key,
        "confirmed": _time(key.confirmed),
        "confirmed_by": plain(key.confirmed_by),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else time_of(at)


def _plain(text: str | None) -> str | None:
    return None if text is None else plain(text)


def _money(units: int | None, currency: str) -> str | None:
    return None if units is None else str(major(units, currency))
