"""The pages of money as the server renders them. Forms are carried out by the interface; every word is from here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Path, Request, Response

from ems.adapters.web.api import FRESH
from ems.adapters.web.money.rows import (
    account_row,
    booking_row,
    brief_row,
    group_row,
    money,
    record_row,
    statement_row,
    story_row,
)
from ems.adapters.web.needs import needs
from ems.adapters.web.page import environment, render
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.adapters.web.texts import Calendar
from ems.adapters.web.values import time_of
from ems.domain.access.account import Role
from ems.domain.billing.money import decimals
from ems.domain.billing.payment import PaymentState
from ems.domain.billing.statement import Month
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock, Live, NotStoredError
from ems.ports.money import Billing, PaymentFilter, PaymentRecords, Prepaid

_HTML = "text/html; charset=utf-8"
SHOWN = 200
MONTHS = 12
Name = Annotated[str, Path(max_length=64)]
TONES = {
    "captured": "good", "charging": "wait", "stopping": "wait", "starting": "wait", "authorised": "wait",
    "manual-review": "bad", "failed": "bad",
}  # fmt: skip
STATES = {
    "created": "begun",
    "hold-requested": "waits for the driver to pay",
    "authorised": "the amount is held",
    "starting": "waits for the vehicle",
    "charging": "charges",
    "stopping": "is being settled",
    "captured": "paid",
    "released": "released, nothing was taken",
    "failed": "failed",
    "expired": "nobody paid",
    "manual-review": "needs somebody to look",
}
CAUSES = {
    "Created": "Begun",
    "HoldAsked": "A page to pay on is asked for",
    "CheckoutOpened": "The driver can pay",
    "HoldPlaced": "The driver paid: the amount is held",
    "HoldRefused": "The payment was declined",
    "Withdrawn": "The driver gave up",
    "CheckoutOver": "The page to pay on is over",
    "StartAsked": "The station is told to begin",
    "StartFailed": "It did not begin",
    "Began": "The session began",
    "Ended": "The session is over",
    "Captured": "The amount was taken",
    "Released": "The hold was let go",
    "Unsettled": "The provider refused",
}
KINDS = {
    "top-up": "Paid in by card",
    "by-hand": "Booked by hand",
    "hold": "Held for a session",
    "release": "No longer held",
    "charge": "Charged",
    "refund": "Given back to the card",
    "refund-undone": "Not given back after all",
}


class _Desk:
    """What the pages share."""

    def __init__(self, live: Live, clock: Clock) -> None:
        self.live, self.clock = live, clock

    @property
    def zone(self) -> ZoneInfo:
        """The clock of the site."""
        return self.live.state.site.zone

    async def page(self, template: str, **values: Any) -> Response:
        """A page with what is on all of them."""
        site, now = self.live.state.site, time_of(self.clock.now().utc)
        calendar = Calendar(site.zone, now)
        shown = await render(
            environment().get_template(template),
            site=site.name,
            zone=site.zone.key,
            currency=site.currency,
            step=f"{10 ** -decimals(site.currency):.{decimals(site.currency)}f}",
            now=calendar.clock(now),
            moment=lambda at: calendar.date(at) if at else "",
            states=STATES,
            tones=TONES,
            kinds=KINDS,
            causes=CAUSES,
            **values,
        )
        return Response(shown, headers=dict(FRESH), media_type=_HTML)

    async def found(self, work: Callable[[], Awaitable[Response]]) -> Response:
        """A page of something that may not be there."""
        try:
            return await work()
        except UnknownError as wrong:
            return problem(404, str(wrong), "unknown")
        except ValueError as wrong:
            return problem(422, str(wrong), "refused")
        except NotStoredError as wrong:
            return problem(503, str(wrong), "not-stored")


def money_pages(live: Live, clock: Clock, records: PaymentRecords, prepaid: Prepaid, billing: Billing) -> Router:
    """Payments, prepaid accounts, monthly bills, and what the owner of an account sees."""
    router, desk = Router(include_in_schema=False), _Desk(live, clock)
    _payments(router, desk, records)
    _prepaid(router, desk, prepaid)
    _billing(router, desk, billing)
    return router


def _payments(router: Router, desk: _Desk, records: PaymentRecords) -> None:
    operator = [needs(Role.OPERATOR)]

    @router.get("/payments", dependencies=operator)
    async def every(request: Request) -> Response:
        told = {name: request.query_params.get(name, "").strip()[:100] for name in ("state", "evse", "from", "to", "q")}

        async def work() -> Response:
            since, until = _day(told["from"], desk.zone), _day(told["to"], desk.zone, ends=True)
            states = (told["state"],) if told["state"] in STATES else ()
            wanted = PaymentFilter(states, told["evse"], since, until, told["q"], SHOWN)
            found = await records.found(wanted)
            taken = sum(one.amount for one, _ in found if one.state is PaymentState.CAPTURED)
            back, currency = sum(given for _, given in found), desk.live.state.site.currency
            return await desk.page(
                "payments.html",
                told=told,
                rows=[record_row(one, given) for one, given in found],
                evses=[evse.id for evse in desk.live.state.site.evses],
                sums={"count": len(found), "taken": money(taken, currency), "back": money(back, currency)},
                most=SHOWN,
            )

        return await desk.found(work)

    @router.get("/payments/{reference}", dependencies=operator)
    async def one(reference: Name) -> Response:
        async def work() -> Response:
            return await desk.page("payment.html", story=story_row(await records.story(reference)))

        return await desk.found(work)

    @router.get("/payments/{reference}/credit-notes/{number}", dependencies=operator)
    async def note(reference: Name, number: int) -> Response:
        async def work() -> Response:
            story = story_row(await records.story(reference))
            if not 1 <= number <= len(story["refunds"]):
                raise UnknownError("there is no such credit note")
            return await desk.page("credit_note.html", story=story, refund=story["refunds"][number - 1])

        return await desk.found(work)


def _prepaid(router: Router, desk: _Desk, prepaid: Prepaid) -> None:
    operator = [needs(Role.OPERATOR)]

    @router.get("/prepaid", dependencies=operator)
    async def every() -> Response:
        async def work() -> Response:
            found, people = await prepaid.accounts(), prepaid.people()
            rows = [{**account_row(one), "label": people.get(one.person, one.person)} for one in found]
            without = {name: label for name, label in people.items() if name not in {one.person for one in found}}
            return await desk.page("prepaid.html", rows=rows, people=without)

        return await desk.found(work)

    @router.get("/prepaid/{person}", dependencies=operator)
    async def one(person: Name) -> Response:
        async def work() -> Response:
            known = await prepaid.account(person)
            found = await prepaid.bookings(person, SHOWN)
            return await desk.page(
                "prepaid_account.html",
                account=account_row(known),
                label=prepaid.people().get(person, person),
                bookings=[booking_row(one, known.currency) for one in found],
                cards=prepaid.takes_cards,
            )

        return await desk.found(work)

    @router.get("/my/{link}", dependencies=[needs(None)])
    async def mine(link: Name) -> Response:
        async def work() -> Response:
            known = await prepaid.linked(link)
            found = await prepaid.bookings(known.person, 30)
            return await desk.page(
                "my_account.html",
                account=account_row(known),
                label=prepaid.people().get(known.person, known.person),
                bookings=[booking_row(one, known.currency) for one in found],
                cards=prepaid.takes_cards and known.is_open,
            )

        return await desk.found(work)


def _billing(router: Router, desk: _Desk, billing: Billing) -> None:
    operator = [needs(Role.OPERATOR)]

    @router.get("/billing", dependencies=operator)
    async def every() -> Response:
        async def work() -> Response:
            found, known = await billing.groups(), billing.tag_groups()
            rows = []
            this = Month.at(desk.clock.now().utc, desk.zone)
            for group in found:
                closed = [brief_row(one) for one in (await billing.statements(group.id))[:MONTHS]]
                there = {one["month"] for one in closed}
                months = [this.next(-k).text for k in range(3)]
                rows.append({
                    "group": group_row(group),
                    "label": group.title or known.get(group.id, group.id),
                    "closed": closed,
                    "open": [month for month in months if month not in there],
                })  # fmt: skip
            without = {name: label for name, label in known.items() if name not in {one.id for one in found}}
            return await desk.page("billing.html", rows=rows, groups=without)

        return await desk.found(work)

    @router.get("/billing/{group}/{month}", dependencies=operator)
    async def one(group: Name, month: Name) -> Response:
        async def work() -> Response:
            told = Month.of(month)
            known = await billing.statement(group, told)
            is_over = desk.clock.now().utc >= told.ends(desk.zone)
            return await desk.page("statement.html", bill=statement_row(known), is_over=is_over)

        return await desk.found(work)


def _day(text: str, zone: ZoneInfo, ends: bool = False) -> datetime | None:
    """The begin of a local day, or its end. Raises ValueError."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=int(ends))
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r:.20} is no day: write for example 2026-11-27") from None
    return datetime.combine(day, time(), zone)
