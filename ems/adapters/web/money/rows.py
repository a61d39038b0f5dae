"""Money as the interface and the pages show it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from ems.adapters.web.money import shape
from ems.adapters.web.prices.rows import receipt_row
from ems.adapters.web.values import plain, time_of
from ems.domain.billing.money import major
from ems.domain.billing.payment import Payment, PaymentState
from ems.domain.billing.prepaid import Booking, PrepaidAccount
from ems.domain.billing.receipt import WH_PER_KWH, Receipt
from ems.domain.billing.refund import Refund, credit_note, left_of
from ems.domain.billing.statement import BillingGroup, Statement, StatementLine
from ems.ports.money import PaymentStory

LINK = "/my/"
BOM = "\ufeff"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a spreadsheet would carry out, or take for the sign that it must not."""

SETTLED = frozenset({PaymentState.CAPTURED, PaymentState.STOPPING, PaymentState.MANUAL_REVIEW})


def record_row(known: Payment, given_back: int) -> shape.RecordRow:
    """A payment as operators see it."""
    return {
        "reference": known.tag,
        "evse": known.evse,
        "account": known.account or None,
        "state": known.state.value,
        "provider": known.provider,
        "created": time_of(known.created),
        "since": time_of(known.since),
        "hold": money(known.hold, known.currency),
        "amount": money(known.amount if known.state in SETTLED else 0, known.currency),
        "given_back": money(given_back, known.currency),
        "currency": known.currency,
        "session": known.session or None,
        "checkout": known.checkout or None,
        "hold_id": known.hold_id or None,
        "why": plain(known.why),
    }


def story_row(story: PaymentStory) -> shape.StoryRow:
    """Everything about a payment."""
    known, made = story.payment, story.receipt
    left = left_of(known, story.refunds)
    return {
        "payment": record_row(known, sum(one.amount for one in story.refunds if one.counts)),
        "left": money(left, known.currency),
        "steps": [{"at": time_of(one.at), "cause": one.cause, "state": one.state} for one in story.steps],
        "refunds": [refund_row(known, made, one) for one in story.refunds],
        "receipt": None if made is None else receipt_row(made, final=True),
    }


def refund_row(known: Payment, made: Receipt | None, refund: Refund) -> shape.RefundRow:
    """What goes back."""
    note = credit_note(known, made, refund)
    return {
        "key": plain(refund.id),
        "state": refund.state.value,
        "amount": money(note.amount, note.currency),
        "vat": money(note.vat, note.currency),
        "net": money(note.net, note.currency),
        "vat_percent": percent(note.vat_percent),
        "currency": note.currency,
        "reason": plain(note.reason),
        "who": plain(refund.who),
        "created": time_of(refund.created),
        "since": time_of(refund.since),
        "credit_note": note.number,
        "why": plain(refund.why),
    }


def account_row(known: PrepaidAccount) -> shape.AccountRow:
    """A prepaid account."""
    return {
        "person": known.person,
        "open": known.is_open,
        "opened": time_of(known.opened),
        "currency": known.currency,
        "balance": money(known.balance, known.currency),
        "held": money(known.held, known.currency),
        "link": LINK + known.link,
    }


def booking_row(one: Booking, currency: str) -> shape.BookingRow:
    """What went in or out."""
    return {
        "number": one.number,
        "at": time_of(one.at),
        "kind": one.kind.value,
        "amount": money(one.amount, currency),
        "session": one.session or None,
        "note": plain(one.note),
        "who": plain(one.who),
    }


def top_up_row(known: Payment) -> shape.TopUpRow:
    """A payment that tops an account up."""
    return {
        "reference": known.tag,
        "state": known.state.value,
        "amount": money(known.hold, known.currency),
        "currency": known.currency,
        "redirect": known.url or None,
    }


def group_row(group: BillingGroup) -> shape.GroupRow:
    """A group that pays by the month."""
    return {"id": group.id, "title": group.title, "address": group.address, "reference": group.reference}


def statement_row(known: Statement) -> shape.StatementRow:
    """What a group pays for a month."""
    currency = known.currency
    return {
        "number": known.number,
        "group": group_row(known.group),
        "month": known.month.text,
        "closed": None if known.closed is None else time_of(known.closed),
        "currency": currency,
        "lines": [_line(line, currency) for line in known.lines],
        "rates": [
            {
                "vat_percent": percent(rate.vat_percent),
                "net": money(rate.net, currency),
                "vat": money(rate.vat, currency),
                "amount": money(rate.amount, currency),
            }
            for rate in known.rates
        ],
        "energy_kwh": kwh(known.energy_wh),
        "net": money(known.net, currency),
        "vat": money(known.vat, currency),
        "total": money(known.total, currency),
    }


def brief_row(known: Statement) -> shape.StatementBrief:
    """A closed month."""
    assert known.closed is not None
    return {
        "month": known.month.text,
        "number": known.number,
        "closed": time_of(known.closed),
        "sessions": sum(line.session is not None for line in known.lines),
        "total": money(known.total, known.currency),
        "currency": known.currency,
    }


def statement_csv(known: Statement, zone: ZoneInfo) -> str:
    """The lines of a statement for a spreadsheet; times are those of the site."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        ("begins", "what", "evse", "energy_kwh", "vat_percent", "net", "vat", "amount", "currency", "session")
    )
    for line in known.lines:
        writer.writerow(_cells(line, known.currency, zone))
    return BOM + text.getvalue()


def _cells(line: StatementLine, currency: str, zone: ZoneInfo) -> Iterator[str]:
    row = _line(line, currency)
    yield line.at.astimezone(zone).isoformat(sep=" ", timespec="seconds")
    yield from (inert(row["words"]), inert(row["evse"] or ""), row["energy_kwh"], row["vat_percent"])
    yield from (row["net"], row["vat"], row["amount"], currency, inert(row["session"] or ""))


def inert(text: str) -> str:
    """A text that no spreadsheet carries out: an apostrophe before it says that it is text."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _line(line: StatementLine, currency: str) -> shape.StatementLineRow:
    return {
        "at": time_of(line.at),
        "words": plain(line.words),
        "evse": line.evse or None,
        "energy_kwh": kwh(line.energy_wh),
        "vat_percent": percent(line.vat_percent),
        "net": money(line.net, currency),
        "vat": money(line.vat, currency),
        "amount": money(line.amount, currency),
        "session": line.session,
    }


def money(units: int, currency: str) -> str:
    """An amount with all its decimal places."""
    return str(major(units, currency))


def percent(value: Decimal) -> str:
    """A tax rate without zeros that say nothing."""
    return f"{value.normalize():f}"


def kwh(wh: int) -> str:
    """Energy to the Wh."""
    return f"{Decimal(wh) / WH_PER_KWH:.3f}"
