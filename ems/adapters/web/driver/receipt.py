"""The receipt of a session, for its driver: who sells, what was used, and lines that add up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ems.adapters.web.driver.bay import House, Mine
from ems.adapters.web.driver.language import Language
from ems.adapters.web.driver.visit import Visit
from ems.adapters.web.driver.words import sentence
from ems.domain.money import major
from ems.domain.payment import PaymentState
from ems.domain.price_list import Unit
from ems.domain.receipt import WH_PER_KWH, Receipt, ReceiptLine

NAMES: Mapping[Unit, str] = {
    Unit.KWH: sentence("Energy"),
    Unit.MINUTE: sentence("Time plugged in"),
    Unit.IDLE_MINUTE: sentence("Time plugged in after charging"),
    Unit.SESSION: sentence("Fee per charge"),
}
SHORT = 8


def receipt_values(house: House, visit: Visit, mine: Mine) -> dict[str, Any]:
    """What the page of a receipt shows."""
    made, language, zone = mine.cost, visit.language, visit.bay.state.site.zone
    assert made is not None

    def money(units: int) -> str:
        return language.money(major(units, made.currency), made.currency)

    payment = mine.payment
    is_charged = payment is not None and payment.state is PaymentState.CAPTURED
    return {
        "slug": visit.sticker.slug,
        "bay": made.evse,
        "number": made.session,
        "is_final": mine.is_final,
        "begin": language.moment(made.plugged, zone),
        "end": language.moment(made.unplugged, zone),
        "zone": zone.key,
        "energy": language.kwh(made.energy_wh, 3),
        "lines": [_line(line, made, language) for line in made.lines],
        "net": money(made.net),
        "vat": money(made.vat),
        "vat_percent": language.percent(made.vat_percent.normalize()),
        "total": money(made.total),
        "charged": money(payment.amount) if payment is not None and is_charged else "",
        "less": payment is not None and is_charged and payment.amount < made.total,
        "released": money(payment.hold - payment.amount) if payment is not None and is_charged else "",
        "reference": "" if payment is None else payment.tag.removeprefix("PAY-")[:SHORT],
        "printed": language.moment(house.clock.now().utc, zone),
    }


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
