"""Money that was taken or is owed, put together: refunds, prepaid accounts and groups that pay by the month."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from ems.adapters.store import prepaid as prepaid_rows
from ems.adapters.store import refunds as refund_rows
from ems.adapters.store import statements as statement_rows
from ems.adapters.store.schema import audit
from ems.adapters.store.store import Store
from ems.adapters.web.money.ways import money_ways
from ems.adapters.web.payment.api import Routers
from ems.assembly.operations import SiteOperations
from ems.domain.access.book import AccessBook
from ems.domain.access.tag import Tag
from ems.domain.billing.money import major
from ems.domain.billing.payment import Payment
from ems.domain.billing.prepaid import MAX_AMOUNT, Ask, Booking, ByHand, PrepaidAccount
from ems.domain.billing.price_list import PriceList
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.refund import Refund, RefundAsk
from ems.domain.billing.statement import BillingGroup, Correction, Month, Statement
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live, Service
from ems.ports.money import PaymentFilter, PaymentStory
from ems.ports.payments import ChargeSwitch, PaymentProvider, Payments
from ems.runtime.loop import Loop, Output
from ems.runtime.purser import Purser, Ways
from ems.runtime.refunder import Refunder
from ems.runtime.till import Till

PAGE_S = 10.0
"""So long the answer waits for the provider's page."""


class MoneyParts(NamedTuple):
    """What the daemon needs of all this. `unpaid`: why the account behind a tag pays for nothing at an EVSE."""

    purser: Purser
    look: Output
    services: tuple[Service, ...]
    routers: Routers
    unpaid: Callable[[Tag, str], str]


def money_parts(  # noqa: PLR0913, PLR0917 - the parts that it joins
    store: Store,
    operations: SiteOperations,
    till: Till,
    loop: Loop,
    live: Live,
    switch: ChargeSwitch,
    clock: Clock,
    paying: tuple[PaymentProvider, Payments] | None,
) -> MoneyParts:
    """Prepaid accounts and statements always, refunds and top-ups where `paying` is there."""

    def tag_of(text: str) -> Tag | None:
        return operations.daybook.access.tag(text)

    ways = Ways(
        SitePrepaidBook(store),
        till,
        clock,
        loop.inbox.put,
        switch.stop,
        tag_of,
        lambda tag: groups_of(operations.daybook.access, tag),
        lambda: operations.daybook.prices.lists,
        lambda: loop.core.state,
    )
    purser = Purser(ways)
    refunder = None if paying is None else Refunder(paying[0], SiteRefundBook(store), clock, purser.renewed)
    payments = None if paying is None else paying[1]
    routers = money_ways(
        live,
        clock,
        SiteRecords(store, refunder),
        SitePrepaid(store, operations, live, clock, purser, payments),
        SiteBilling(store, operations, live, clock),
    )

    def unpaid(tag: Tag, evse: str) -> str:
        person = None if tag.person is None else operations.daybook.access.people.get(tag.person)
        return "" if person is None else purser.refusal(tag, evse, person.label)

    services: tuple[Service, ...] = (purser,) if refunder is None else (purser, refunder)
    return MoneyParts(purser, purser.look, services, routers, unpaid)


def groups_of(access: AccessBook, tag: Tag) -> frozenset[str]:
    """The groups of a tag, and those that these are in."""
    return frozenset(group.id for name in tag.groups for group in access.lineage(name))


@dataclass(frozen=True, slots=True)
class SitePrepaidBook:
    """The `PrepaidBook` port over the store."""

    store: Store

    async def accounts(self) -> Sequence[PrepaidAccount]:
        """All of them."""
        return await self.store.money.read(prepaid_rows.read_accounts)

    async def book(self, person: str, ask: Ask, at: datetime) -> PrepaidAccount:
        """Returns when it is booked so that it would survive a power cut."""
        return await self.store.money.change(partial(prepaid_rows.booked, person=person, ask=ask, at=at))

    async def receipt(self, session: str) -> Receipt | None:
        """The receipt of a session that is over."""
        return await self.store.receipt(session)

    async def unsettled(self) -> Sequence[tuple[str, str, int]]:
        """Sessions that an account should have paid for and did not."""
        return await self.store.money.read(prepaid_rows.read_unsettled)


@dataclass(frozen=True, slots=True)
class SiteRefundBook:
    """The `RefundBook` port over the store."""

    store: Store

    async def ask(self, reference: str, ask: RefundAsk, at: datetime) -> tuple[Refund, Payment]:
        """Returns when a refund would survive a power cut."""
        return await self.store.money.change(partial(refund_rows.asked, reference=reference, ask=ask, at=at))

    async def payment(self, reference: str) -> Payment:
        """The payment with that reference."""
        return await self.store.money.read(partial(refund_rows.read_reference, reference=reference))

    async def over(self, refund: Refund) -> None:
        """Returns when the end of a refund would survive a power cut."""
        await self.store.money.change(partial(refund_rows.over, done=refund))

    async def open(self) -> Sequence[tuple[Refund, Payment]]:
        """Refunds that are to be asked for."""
        return await self.store.money.read(refund_rows.read_open)


@dataclass(frozen=True, slots=True)
class SiteRecords:
    """The `PaymentRecords` port of a running daemon; without `refunder` nothing can be given back."""

    store: Store
    refunder: Refunder | None

    async def found(self, wanted: PaymentFilter) -> Sequence[tuple[Payment, int]]:
        """Payments, newest first, each with what went back of it."""
        return await self.store.money.read(partial(refund_rows.read_found, wanted=wanted))

    async def story(self, reference: str) -> PaymentStory:
        """Everything about one payment."""
        return await self.store.money.read(partial(refund_rows.read_story, reference=reference))

    async def refund(self, reference: str, ask: RefundAsk) -> Refund:
        """Give back what a payment took, or a part."""
        if self.refunder is None:
            raise ValueError("no payment provider is set up, so nothing can be given back here: payment in site.yaml")
        made = await self.refunder.refund(reference, ask)
        told = {"payment": reference, "amount_minor": made.amount, "reason": made.reason, "refund": made.id}
        self.store.audit.add(made.created, ask.who, "RefundAsked", told)
        return made


@dataclass(frozen=True, slots=True)
class SitePrepaid:
    """The `Prepaid` port of a running daemon; without `payments` nobody tops up by card."""

    store: Store
    operations: SiteOperations
    live: Live
    clock: Clock
    purser: Purser
    payments: Payments | None

    def people(self) -> Mapping[str, str]:
        """Who could have one."""
        return {name: one.label for name, one in sorted(self.operations.daybook.access.people.items())}

    @property
    def takes_cards(self) -> bool:
        """Whether accounts can be topped up by card."""
        return self.payments is not None

    async def accounts(self) -> Sequence[PrepaidAccount]:
        """All of them, by person."""
        return await self.store.money.read(prepaid_rows.read_accounts)

    async def account(self, person: str) -> PrepaidAccount:
        """One of them."""
        return await self.store.money.read(partial(prepaid_rows.read_account, person=person))

    async def linked(self, link: str) -> PrepaidAccount:
        """The one that its owner looks at."""
        return await self.store.money.read(partial(prepaid_rows.read_linked, link=link))

    async def bookings(self, person: str, most: int) -> Sequence[Booking]:
        """What was booked, newest first."""
        return await self.store.money.read(partial(prepaid_rows.read_bookings, person=person, most=most))

    async def open(self, person: str, is_open: bool, who: str) -> PrepaidAccount:
        """Open the account of a person, or close it."""
        if is_open and person not in self.operations.daybook.access.people:
            raise UnknownError(f"there is no person {person!r:.80}: add them first, and their tags")
        if not is_open:
            await self.account(person)
        now = self.clock.now().utc
        new = PrepaidAccount(person, self.live.state.site.currency, now, is_open, secrets.token_urlsafe(18))
        what = "PrepaidOpened" if is_open else "PrepaidClosed"
        told = self.store.audit.row(now, who, what, {"person": person})
        done = await self.store.money.change(partial(prepaid_rows.opened, known=new, told=told, audit=audit))
        self.purser.renewed()
        return done

    async def book(self, person: str, amount: int, note: str, key: str, who: str) -> PrepaidAccount:
        """Book an amount by hand."""
        ask, now = ByHand(amount, note, key, who), self.clock.now().utc
        done = await self.store.money.change(partial(prepaid_rows.booked, person=person, ask=ask, at=now))
        self.store.audit.add(now, who, "PrepaidBooked", {"person": person, "amount_minor": amount, "note": note})
        self.purser.renewed()
        return done

    async def top_up(self, person: str, amount: int, back_url: str) -> Payment:
        """Begin a payment by card that tops an account up."""
        known = await self.account(person)
        if self.payments is None:
            raise ValueError("nobody takes cards here: payment in site.yaml")
        if not known.is_open:
            raise ValueError("the account is closed")
        if not 0 < amount <= MAX_AMOUNT:
            raise ValueError("say how much is paid in")
        prices = PriceList("top-up", known.currency, (), "Prepaid account", hold=major(amount, known.currency))
        begun = await self.payments.top_up(person, prices, back_url)
        return await self.payments.opened(begun.id, PAGE_S)


@dataclass(frozen=True, slots=True)
class SiteBilling:
    """The `Billing` port of a running daemon."""

    store: Store
    operations: SiteOperations
    live: Live
    clock: Clock

    def tag_groups(self) -> Mapping[str, str]:
        """Which could."""
        return {name: one.label for name, one in sorted(self.operations.daybook.access.groups.items())}

    async def groups(self) -> Sequence[BillingGroup]:
        """All of them, by id."""
        return await self.store.money.read(statement_rows.read_groups)

    async def keep(self, group: BillingGroup, who: str) -> None:
        """Bill a group of tags, or describe anew how."""
        if group.id not in self.operations.daybook.access.groups:
            raise UnknownError(f"there is no group of tags {group.id!r:.80}: add it first, and its members")
        await self.store.money.change(partial(statement_rows.kept, group=group))
        self._noted(who, "BillingGroupKept", group.id, title=group.title, reference=group.reference)

    async def remove(self, group: str, who: str) -> None:
        """Bill a group no more."""
        await self.store.money.change(partial(statement_rows.removed, group=group))
        self._noted(who, "BillingGroupRemoved", group)

    async def statement(self, group: str, month: Month) -> Statement:
        """The statement of a month."""
        site = self.live.state.site
        query = partial(statement_rows.read_statement, group=group, month=month)
        await self.store.money.change(lambda _: None)  # what waits to be written belongs to it
        return await self.store.money.read(partial(query, currency=site.currency, zone=site.zone))

    async def statements(self, group: str) -> Sequence[Statement]:
        """Closed months, newest first."""
        return await self.store.money.read(partial(statement_rows.read_statements, group=group))

    async def close(self, group: str, month: Month, who: str) -> Statement:
        """Close a month."""
        site, now = self.live.state.site, self.clock.now().utc
        job = partial(statement_rows.closed, group=group, month=month, currency=site.currency, zone=site.zone)
        done = await self.store.money.change(partial(job, who=who, at=now))
        self._noted(who, "StatementClosed", group, month=month.text, total_minor=done.total)
        return done

    async def correct(self, correction: Correction) -> None:
        """Put something right that was wrong in a closed month."""
        await self.store.money.change(partial(statement_rows.corrected, told=correction))
        month, note = correction.of_month.text, correction.note
        what = "StatementCorrected"
        self._noted(correction.who, what, correction.group, month=month, amount_minor=correction.amount, note=note)

    def _noted(self, who: str, what: str, group: str, **told: str | int) -> None:
        self.store.audit.add(self.clock.now().utc, who, what, {"group": group, **told})
