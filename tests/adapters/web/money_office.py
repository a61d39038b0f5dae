"""An office in which people look after money: the real store, the built-in provider and the application."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from ems.adapters.payment.sandbox import Sandbox
from ems.adapters.store.moment import to_ms
from ems.adapters.store.recovery import Recovered
from ems.adapters.store.schema import session as session_table
from ems.adapters.store.store import Store
from ems.adapters.web.payment.sandbox import sandbox_pages
from ems.adapters.web.route import Router
from ems.assembly.money import MoneyParts, money_parts
from ems.assembly.payments import SitePaymentBook
from ems.domain.billing import payment as p
from ems.domain.billing.payment import Cause, Payment, step
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.domain.billing.usage import supposed
from ems.runtime.cashier import Cashier
from ems.runtime.errand import Counter
from tests.adapters.web.access_office import AccessOffice

PRICES = PriceList(
    "public", "EUR", (Fee(Unit.KWH, Decimal("0.37")), Fee(Unit.SESSION, Decimal("0.99"))),
    name="Everybody", vat_percent=Decimal(19), hold=Decimal(40),
)  # fmt: skip


class NoSwitch:
    """No station begins or ends anything."""

    async def start(self, evse: str, tag: str) -> str:
        del evse, tag
        return "nobody is there"

    async def stop(self, evse: str) -> str:
        del evse
        return "nobody is there"


class MoneyOffice(AccessOffice):
    """Everything about money, with a provider whose pages are those of the sandbox."""

    money: MoneyParts

    def ways(self, recovered: Recovered) -> tuple[Router, ...]:
        sandbox, switch = Sandbox(), NoSwitch()
        book = SitePaymentBook(self.store)

        def state() -> Any:
            return self.loop.core.state

        counter = Counter(
            sandbox, book, switch, self.till, lambda: self.operations.daybook, state, self.scene, self.loop.inbox.put
        )
        self.cashier = Cashier(counter)
        self.money = money_parts(
            self.store, self.operations, self.till, self.loop, self.scene, switch, self.scene, (sandbox, self.cashier)
        )
        book.listeners.append(self.money.purser.renewed)
        return (*super().ways(recovered), *self.money.routers, sandbox_pages(sandbox))


def sold(
    store: Store, at: datetime, energy_wh: int = 9137, groups: tuple[str, ...] = (), person: str = "",
    prices: PriceList = PRICES,
) -> Receipt:  # fmt: skip
    """A session is over; its receipt is written with the groups of who charged."""
    name = f"CP-11/1@{at:%Y%m%dT%H%M%S}{len(person)}"
    usage = replace(supposed("CP-11/1", at, energy_wh, 11_000, 0), session=name)
    tab = Tab(usage, (prices,), frozenset(groups))
    made = tab.receipt(ZoneInfo("Europe/Berlin"))
    assert made is not None
    row = {
        "id": name, "evse": "CP-11/1", "plugged": to_ms(at), "unplugged": to_ms(usage.until),
        "energy_wh": float(energy_wh), "need_origin": "", "service_class": 0, "transactions": json.dumps([]),
        "person": person or None, "tag": None, "cost_centre": None,
    }  # fmt: skip

    def job(connection: Connection) -> None:
        connection.execute(session_table.insert(), [row])

    asyncio.run(store.money.change(job))
    store.tabs.closed(tab, made)
    return made


def paid(
    store: Store, number: int, at: datetime, made: Receipt | None = None, *more: Cause, account: str = ""
) -> Payment:
    """A driver paid a session, or into an account."""
    new = Payment(
        f"secret-{number}", f"PAY-{number:016X}", "" if account else "CP-11/1", "sandbox", PRICES, 4000, 50, 70_000, at,
        at + timedelta(minutes=30), at, "/c/x", account=account,
    )  # fmt: skip
    causes: list[Cause] = [p.HoldAsked(), p.CheckoutOpened(f"c-{number}", "/pay"), p.HoldPlaced(f"hold-{number}", None)]
    if account:
        causes += [p.Ended(4000), p.Captured(4000)]
    elif made is not None:
        causes += [p.StartAsked(), p.Began(made.session), p.Ended(made.total), p.Captured(made.total)]
    causes += more

    async def story() -> Payment:
        await store.payments.keep(new, None, at)
        known = new
        for k in range(len(causes)):
            known = reduce(lambda one, cause: step(one, cause, at), causes[: k + 1], new)
            await store.payments.keep(known, causes[k], at)
        return known

    return asyncio.run(story())
