"""The receipt of a session, for its driver: who sells, what was used, and lines that add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ems.adapters.web.driver.bay import House, Mine
from ems.adapters.web.driver.language import Language
from ems.adapters.web.driver.visit import Visit
from ems.adapters.web.driver.words import NO_COST, sentence
from ems.domain.billing.money import major
from ems.domain.billing.payment import PaymentState
from ems.domain.billing.price_list import Unit
from ems.domain.billing.receipt import WH_PER_KWH, Receipt, ReceiptLine
from ems.domain.record.session_detail import SessionDetail
from ems.domain.record.signed_value import Verdict
from ems.ports.sessions import NotReadError

NAMES: Mapping[Unit, str] = {
    Unit.KWH: sentence("Energy"),
    Unit.MINUTE: sentence("Time plugged in"),
    Unit.IDLE_MINUTE: sentence("Time plugged in after charging"),
    Unit.SESSION: sentence("Fee per charge"),
}
SIGNED = sentence("The meter signed these values, and the signatures are good.")
UNPROVEN = sentence("The meter signed these values. Transparency software tells whether the signatures are good.")
SHORT = 8


async def detail_of(house: House, mine: Mine) -> SessionDetail | None:
    """Everything about the session that a driver began from here; of one that a card began its holder is asked, who may
    be somebody else than the one with the phone.
    """
    if mine.payment is None and not mine.is_gift:
        return None
    try:
        return await house.detail(mine.session)
    except NotReadError:
        return None


def receipt_values(house: House, visit: Visit, mine: Mine, detail: SessionDetail | None) -> dict[str, Any]:
    """What the page of a receipt shows."""
    made, language, zone = mine.cost, visit.language, visit.bay.state.site.zone
    assert made is not None

    def money(units: int) -> str:
        return language.money(major(units, made.currency), made.currency)

    payment = mine.payment
    is_charged = payment is not None and payment.state is PaymentState.CAPTURED
    is_released = payment is not None and payment.state is PaymentState.RELEASED
    return {
        "slug": visit.sticker.slug,
        "bay": made.evse,
        "number": made.session,
        "is_final": mine.is_final,
        "begin": language.moment(made.plugged, zone),
        "end": language.moment(made.unplugged, zone),
        "zone": zone.key,
        "energy": language.kwh(made.energy_wh, 3),
        "registers": [] if detail is None else list(_registers(detail, language)),
        "signed": "" if detail is None or not detail.signed else language.say(_judged(detail)),
        "lines": [_line(line, made, language) for line in made.lines],
        "net": money(made.net),
        "vat": money(made.vat),
        "vat_percent": language.percent(made.vat_percent.normalize()),
        "total": money(made.total),
        "charged": money(payment.amount) if payment is not None and is_charged else "",
        "less": payment is not None and is_charged and payment.amount < made.total,
        "released": money(payment.hold - payment.amount) if payment is not None and is_charged else "",
        "given_back": [
            {"amount": money(one.amount), "date": language.moment(one.created, zone), "reason": one.reason}
            for one in mine.refunds
        ],
        "uncharged": language.say(NO_COST) if is_released else "",
        "reference": "" if payment is None else payment.tag.removeprefix("PAY-")[:SHORT],
        "printed": language.moment(house.clock.now().utc, zone),
    }


def _registers(detail: SessionDetail, language: Language) -> Iterator[str]:
    """Where the meter stood before and after each transaction."""
    for one in detail.transactions:
        if one.meter_start_wh is not None and one.meter_stop_wh is not None:
            yield f"{language.kwh(one.meter_start_wh, 3)} – {language.kwh(one.meter_stop_wh, 3)}"


def _judged(detail: SessionDetail) -> str:
    """What can be said of its signed values."""
    return SIGNED if all(found.verdict is Verdict.VERIFIED for _, found in detail.signed) else UNPROVEN


def _line(line: ReceiptLine, made: Receipt, language: Language) -> dict[str, str]:
    match line.unit:
        case Unit.KWH:
            quantity = f"{language.number(Decimal(line.quantity) / WH_PER_KWH, 3)}\u00a0kWh"
        case Unit.SESSION:
            quantity = language.number(line.quantity, 0)
        case _:
            quantity = language.say("%(minutes)s min", minutes=line.quantity)
    return {
        "name": language.say(NAMES[line.unit]),
        "quantity": quantity,
        "price": language.money(line.price.normalize(), made.currency),
        "net": language.money(major(line.net, made.currency), made.currency),
        "vat": language.money(major(line.vat, made.currency), made.currency),
        "amount": language.money(major(line.amount, made.currency), made.currency),
    }
