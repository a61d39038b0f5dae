"""Sessions in the words of their pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ems.adapters.web.texts import NOTHING
from ems.adapters.web.values import plain
from ems.domain.billing.money import major
from ems.domain.billing.payment import PaymentState
from ems.domain.record.session_entry import INFERRED, STOP_REASONS, SessionEntry, SessionSums
from ems.domain.record.signed_value import Verdict

ENDED_BY = {
    "Local": "ended at the station",
    "Remote": "ended from here",
    "EVDisconnected": "unplugged",
    "DeAuthorized": "tag not allowed any more",
    "EmergencyStop": "emergency stop",
    "UnlockCommand": "unlocked from here",
    "PowerLoss": "power cut",
    "Reboot": "station restarted",
    "HardReset": "station reset (hard)",
    "SoftReset": "station reset (soft)",
    "Other": "another reason",
    INFERRED: "end never reported",
}
assert set(ENDED_BY) == {*STOP_REASONS, INFERRED}

PAID = {
    "none": "not beforehand",
    PaymentState.CREATED.value: "begun",
    PaymentState.HOLD_REQUESTED.value: "waits for the card",
    PaymentState.AUTHORISED.value: "held",
    PaymentState.STARTING.value: "held, starting",
    PaymentState.CHARGING.value: "held, charging",
    PaymentState.STOPPING.value: "being settled",
    PaymentState.CAPTURED.value: "paid",
    PaymentState.RELEASED.value: "hold released",
    PaymentState.FAILED.value: "failed",
    PaymentState.EXPIRED.value: "nobody paid",
    PaymentState.MANUAL_REVIEW.value: "needs a look",
}


class Sign(NamedTuple):
    """A verdict as it is shown: with a sign, a word and a tone."""

    word: str
    icon: str
    tone: str


SIGNS = {
    Verdict.VERIFIED: Sign("Signature verified", "check", "good"),
    Verdict.OWN_KEY: Sign("Signed, key not confirmed", "question", "wait"),
    Verdict.FOREIGN_KEY: Sign("Signed with another key", "warning", "bad"),
    Verdict.WRONG: Sign("Signature does not fit", "warning", "bad"),
    Verdict.NO_KEY: Sign("Not checked: no key", "question", "wait"),
    Verdict.UNSUPPORTED: Sign("Not checked: unknown kind", "question", "wait"),
    Verdict.UNREADABLE: Sign("Not readable", "cross", "wait"),
}

CORRECTED = {
    "energy_wh": "energy",
    "vehicle": "vehicle",
    "person": "person",
    "cost_centre": "cost centre",
    "is_void": "counts",
}


class Clocks:
    """Times as the clocks of the site show them, with the offset in the hour that comes twice."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def date(self, at: datetime | None) -> str:
        """Day, hour and minute."""
        if at is None:
            return NOTHING
        here = at.astimezone(self._zone)
        return f"{here:%a %d %b %Y %H:%M}{self._offset(here)}"

    def time(self, at: datetime | None) -> str:
        """Hour and minute."""
        if at is None:
            return NOTHING
        here = at.astimezone(self._zone)
        return f"{here:%H:%M}{self._offset(here)}"

    def second(self, at: datetime | None) -> str:
        """Day and time to the second."""
        if at is None:
            return NOTHING
        here = at.astimezone(self._zone)
        return f"{here:%d %b %H:%M:%S}{self._offset(here)}"

    @staticmethod
    def _offset(here: datetime) -> str:
        other = here.replace(fold=1 - here.fold)
        return f" ({here:%Z})" if other.utcoffset() != here.utcoffset() else ""


def kwh(wh: float | None, digits: int = 1) -> str:
    """An energy."""
    return NOTHING if wh is None else f"{wh / 1000:,.{digits}f} kWh".replace(",", " ")


def span(seconds: float | None) -> str:
    """A time span in hours and minutes."""
    if seconds is None:
        return NOTHING
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def money(units: int | None, currency: str) -> str:
    """An amount."""
    return NOTHING if units is None else f"{major(units, currency):,} {currency}".replace(",", " ")


def ended(entry: SessionEntry) -> str:
    """Why it ended."""
    if entry.is_inferred:
        return ENDED_BY[INFERRED]
    return ENDED_BY.get(entry.ended_by, plain(entry.ended_by)) or (NOTHING if entry.unplugged else "charging")


def tiles(sums: SessionSums) -> list[tuple[str, str]]:
    """What sessions add up to."""
    told = [
        ("Sessions", f"{sums.sessions:,}".replace(",", " ") + (f", {sums.open} now" if sums.open else "")),
        ("Energy", kwh(sums.energy_wh)),
        ("Plugged in", span(sums.occupied_s)),
        ("of that idle", span(sums.idle_s)),
    ]
    return told + [("Cost", money(units, currency)) for currency, units in sorted(sums.cost_minor.items())]


class Cell(NamedTuple):
    """A column of the list: its title, what it shows, whether it is there unasked, and whether it is a number."""

    title: str
    show: Callable[[SessionEntry, Clocks, datetime, dict[str, str]], str]
    usual: bool = False
    is_number: bool = False


COLUMNS: dict[str, Cell] = {
    "plugged": Cell("Plugged in", lambda e, c, _n, _p: c.date(e.plugged), usual=True),
    "unplugged": Cell("Left", lambda e, c, _n, _p: "still there" if e.unplugged is None else c.date(e.unplugged)),
    "duration": Cell("For", lambda e, _c, n, _p: span(e.occupied_s(n)), usual=True, is_number=True),
    "evse": Cell("EVSE", lambda e, _c, _n, _p: e.evse, usual=True),
    "who": Cell(
        "Who",
        lambda e, _c, _n, p: plain(e.vehicle or p.get(e.person or "", e.person or "") or e.tag or NOTHING),
        usual=True,
    ),
    "energy": Cell("Energy", lambda e, _c, _n, _p: kwh(e.energy_wh), usual=True, is_number=True),
    "cost": Cell("Cost", lambda e, _c, _n, _p: money(e.cost_minor, e.currency), usual=True, is_number=True),
    "ended_by": Cell("End", lambda e, _c, _n, _p: ended(e), usual=True),
    "vehicle": Cell("Vehicle", lambda e, _c, _n, _p: plain(e.vehicle or NOTHING)),
    "person": Cell("Person", lambda e, _c, _n, p: plain(p.get(e.person or "", e.person or NOTHING))),
    "tag": Cell("Tag", lambda e, _c, _n, _p: plain(e.tag or NOTHING)),
    "cost_centre": Cell("Cost centre", lambda e, _c, _n, _p: plain(e.cost_centre) or NOTHING),
    "payment": Cell(
        "Payment", lambda e, _c, _n, _p: NOTHING if e.payment is None else PAID.get(e.payment.value, e.payment.value)
    ),
    "idle": Cell("Idle", lambda e, _c, _n, _p: span(e.idle_s), is_number=True),
    "need": Cell("Needed", lambda e, _c, _n, _p: kwh(e.need_wh), is_number=True),
    "departure": Cell("Departure", lambda e, c, _n, _p: c.date(e.departure)),
    "signed": Cell("Signed", lambda e, _c, _n, _p: str(e.signed or NOTHING), is_number=True),
}
USUAL = tuple(name for name, cell in COLUMNS.items() if cell.usual)


def value_words(name: str, value: Any) -> str:
    """What stood or stands in a corrected field."""
    if name == "is_void":
        return "no" if value else "yes"
    if name == "energy_wh" and isinstance(value, int | float):
        return kwh(value, 3)
    return plain(str(value)) if value else "nothing"
