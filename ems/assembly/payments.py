"""How drivers of a site pay, put together: who holds the money, what is kept, which station begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ems.adapters.payment.sandbox import Sandbox
from ems.adapters.store.beside import read
from ems.adapters.store.recovery import Recovered
from ems.adapters.store.refunds import read_refunds
from ems.adapters.store.store import Store
from ems.adapters.store.tabs import TabStore
from ems.adapters.web.payment.api import Routers, pay
from ems.adapters.web.payment.sandbox import sandbox_pages
from ems.adapters.web.prices.api import prices
from ems.adapters.web.prices.page import price_pages
from ems.adapters.web.sheet import Sheet
from ems.assembly.error import AssemblyError
from ems.assembly.money import money_parts
from ems.assembly.operations import SiteOperations
from ems.assembly.receipts import SiteReceipts
from ems.domain.access.tag import Tag
from ems.domain.billing.payment import Cause, Payment, PaymentState
from ems.domain.billing.price_list import PriceList
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.refund import Refund
from ems.domain.billing.tab import Tab
from ems.domain.remote.outcome import Verdict
from ems.domain.remote.request import RequestStart, RequestStop, StationRequest
from ems.ports.controller import Live, Service
from ems.ports.payments import Cost, PaymentProvider, Payments
from ems.ports.stations import Remote
from ems.runtime.cashier import Cashier
from ems.runtime.errand import Counter
from ems.runtime.loop import Loop, Output
from ems.runtime.remote import RemoteControl
from ems.runtime.till import Till
from ems.settings.payment import PaymentSettings
from ems.settings.payment_schema import PaymentKind

WHO = "payment"
START_S = 40.0
"""Longer than a station may take to answer."""

REFUSED = frozenset({Verdict.REFUSED, Verdict.NOT_SUPPORTED, Verdict.OFFLINE})
MAX_SECRET = 500


class PaymentParts(NamedTuple):
    """What the daemon needs of all this: `looks` are outputs of its loop, in this order. `unpaid`: why the account of
    whoever has a tag pays for nothing at an EVSE.
    """

    till: Till
    looks: tuple[Output, ...]
    services: tuple[Service, ...]
    routers: Routers
    unpaid: Callable[[Tag, str], str]
    payments: Payments | None = None


class Provision(NamedTuple):
    """Whoever takes the money (None: nobody), pages of its own, and where drivers come back to."""

    provider: PaymentProvider | None = None
    pages: Routers = ()
    public_url: str = ""


def payment_parts(
    provision: Provision,
    operations: SiteOperations,
    store: Store,
    loop: Loop,
    recovered: Recovered,
    live: Live,
    remote: RemoteControl,
) -> PaymentParts:
    """Tabs and receipts always, payments where the site wants them.

    Without a provider payments that an earlier run left open wait for one: a hold that nobody can let go of ends by
    itself within days, and is looked at again when there is a provider.
    """
    clock, provider = remote.clock, provision.provider
    heard = _Receipts(store.tabs)
    till = Till(lambda: operations.daybook, heard, recovered.tabs)
    told = (prices(live, clock, operations, SiteReceipts(till, store)), price_pages(Sheet(live, clock), operations))
    switch = RemoteSwitch(remote)
    if provider is None:
        money = money_parts(store, operations, till, loop, live, switch, clock, None)
        heard.listeners.append(money.purser.receipt_made)
        return PaymentParts(till, (till.look, money.look), money.services, (*told, *money.routers), money.unpaid)
    kept = SitePaymentBook(store)
    counter = Counter(
        provider, kept, switch, till, lambda: operations.daybook, lambda: loop.core.state, clock, loop.inbox.put
    )
    cashier = Cashier(counter, (one for one in recovered.payments if one.provider == provider.name))
    heard.listeners.append(cashier.receipt_made)
    abroad = _Abroad(cashier, provision.public_url)
    money = money_parts(store, operations, till, loop, live, switch, clock, (provider, abroad))
    kept.listeners.append(money.purser.renewed)
    heard.listeners.append(money.purser.receipt_made)
    routers = (*told, pay(abroad), *provision.pages, *money.routers)
    looks = (till.look, cashier.look, money.look)
    return PaymentParts(till, looks, (cashier, *money.services), routers, money.unpaid, abroad)


def provision_of(settings: PaymentSettings) -> Provision:
    """Whoever takes the money at a site. Raises AssemblyError."""
    match settings.provider:
        case PaymentKind.NONE:
            return Provision()
        case PaymentKind.SANDBOX:
            sandbox = Sandbox()
            return Provision(sandbox, (sandbox_pages(sandbox),), settings.public_url)
        case PaymentKind.STRIPE:
            return Provision(_stripe(settings), (), settings.public_url)


def _stripe(settings: PaymentSettings) -> PaymentProvider:
    from ems.adapters.payment.stripe import Stripe  # noqa: PLC0415 it takes long, so only where a site wants it

    assert settings.key_file is not None
    notice = settings.notice_secret_file
    return Stripe(_secret(settings.key_file), "" if notice is None else _secret(notice))


def _secret(path: Path) -> str:
    try:
        text = path.read_text("utf-8")[: MAX_SECRET + 1].strip()
    except (OSError, UnicodeDecodeError) as wrong:
        raise AssemblyError(f"{path}: the secret cannot be read: {wrong}") from None
    if not text or len(text) > MAX_SECRET or not text.isprintable():
        raise AssemblyError(f"{path} must hold the secret in one line")
    return text


@dataclass(slots=True)
class _Receipts:
    """A `TabBook` that also tells others of receipts."""

    kept_by: TabStore
    listeners: list[Callable[[str, Receipt | None], None]] = field(default_factory=list)

    def kept(self, known: Tab) -> None:
        self.kept_by.kept(known)

    def closed(self, known: Tab, made: Receipt | None) -> None:
        self.kept_by.closed(known, made)
        for listener in self.listeners:
            listener(known.usage.session, made)


@dataclass(frozen=True, slots=True)
class _Abroad:
    """The `Payments` port for drivers, whose phones reach the site under `public_url`."""

    cashier: Payments
    public_url: str

    async def begin(self, evse: str, back_url: str, key: str = "") -> Payment:
        return await self.cashier.begin(evse, self.public_url + back_url, key)

    async def payment(self, name: str) -> Payment:
        return await self.cashier.payment(name)

    async def cost(self, name: str) -> Cost | None:
        return await self.cashier.cost(name)

    async def opened(self, name: str, within_s: float) -> Payment:
        return await self.cashier.opened(name, within_s)

    def is_awaited(self, evse: str) -> bool:
        return self.cashier.is_awaited(evse)

    def returned(self, name: str) -> None:
        self.cashier.returned(name)

    async def stop(self, name: str) -> Payment:
        return await self.cashier.stop(name)

    async def top_up(self, account: str, prices: PriceList, back_url: str) -> Payment:
        return await self.cashier.top_up(account, prices, self.public_url + back_url)

    def give_way(self, evse: str, before: datetime) -> bool:
        return self.cashier.give_way(evse, before)

    def noticed(self, signature: str, body: bytes) -> None:
        self.cashier.noticed(signature, body)


@dataclass(frozen=True, slots=True)
class SitePaymentBook:
    """The `PaymentBook` port over the store. `listeners` hear the account that was topped up."""

    store: Store
    listeners: list[Callable[[str], None]] = field(default_factory=list)

    async def keep(self, known: Payment, cause: Cause | None, at: datetime) -> None:
        """Returns when a payment as it is after a cause would survive a power cut."""
        await self.store.payments.keep(known, cause, at)
        if known.account and known.state is PaymentState.CAPTURED:
            for listener in self.listeners:
                listener(known.account)

    async def payment(self, name: str) -> Payment | None:
        """A payment, also one that is over."""
        return await read(self.store.payment(name))

    async def receipt(self, session: str) -> Receipt | None:
        """The receipt of a session that is over."""
        return await read(self.store.receipt(session))

    async def refunds(self, name: str) -> Sequence[Refund]:
        """All refunds of a payment, in order."""
        return await self.store.money.read(partial(read_refunds, name=name))


@dataclass(frozen=True, slots=True)
class RemoteSwitch:
    """The `ChargeSwitch` port by remote control: RemoteStartTransaction and RemoteStopTransaction."""

    remote: Remote

    async def start(self, evse: str, tag: str) -> str:
        """Have a station begin with a tag; returns why it will not. Of one that does not answer nobody knows."""
        station, _, number = evse.rpartition("/")
        try:
            return await self._ask(station, RequestStart(int(number), tag))
        except ValueError as refused:
            return str(refused)

    async def stop(self, evse: str) -> str:
        """Have a station end what runs at an EVSE; returns why it will not. Whoever wants that asks again."""
        station, _, number = evse.rpartition("/")
        try:
            return await self._ask(station, RequestStop(int(number)))
        except ValueError as refused:
            return str(refused)

    async def _ask(self, station: str, request: StationRequest) -> str:
        asked = await self.remote.ask(station, request, WHO, insists=True)
        outcome = (await self.remote.settled(asked.number, START_S)).outcome
        if outcome is None or outcome.verdict not in REFUSED:
            return ""
        return outcome.detail or outcome.verdict.value
