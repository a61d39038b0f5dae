"""What the page shows: which state, in which words, with which numbers, and what can be done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ems.adapters.web.driver.bay import LEAST_W, Bay, House, Mine
from ems.adapters.web.driver.language import Language
from ems.adapters.web.driver.offer import mark_of, prices_at
from ems.adapters.web.driver.words import CONDITIONS, COVERED, NO_COST, REASONS, REVIEW, SILENT, USED_UP, ending
from ems.domain.billing.money import major
from ems.domain.billing.payment import TAG_PREFIX, Payment, PaymentState
from ems.domain.billing.price_list import Unit
from ems.domain.decision import Binding, Reason
from ems.domain.driver.sticker import CLAIM_S, GIFT_PREFIX
from ems.domain.station import EvseStatus

S = PaymentState
TO_PAY = frozenset({S.CREATED, S.HOLD_REQUESTED})
STARTING = frozenset({S.AUTHORISED, S.STARTING})
PAUSES = frozenset({EvseStatus.SUSPENDED_EV, EvseStatus.SUSPENDED_EVSE, EvseStatus.FINISHING})
"""With a vehicle that takes nothing, or little, at the moment."""

OUT = {EvseStatus.FAULTED: "fault", EvseStatus.UNAVAILABLE: "out", EvseStatus.RESERVED: "reserved"}
QUIET = frozenset({"paid", "given", "failed", "offline", "fault", "out"})
"""States that nobody waits to see the end of."""

RUNNING = frozenset({"begun", "charging", "paused", "idle"})
"""States of a transaction that runs."""

OFFERING = frozenset({"pay", "give", "card", "scan"})
"""Who can do one of these is shown prices."""

MINUTE_S = 60
AWAKE_S = 120.0
"""Vehicles take some time until they draw what they are offered."""

FROM_HERE = (TAG_PREFIX, GIFT_PREFIX)
"""How tags begin with which sessions were begun by these pages."""


@dataclass(frozen=True, slots=True)
class Shown:
    """`can` is what the page offers: pay, go, give, card, scan, claim, need, stop, cancel, receipt, mail, again.
    `facts`: name to label and value, in order. `money`: a sentence about what becomes of it. Empty texts are not shown.
    `prices` marks those that stand there.
    """

    view: str
    tone: str
    icon: str
    headline: str
    lead: str
    why: str
    money: str
    facts: tuple[tuple[str, str, str], ...]
    can: frozenset[str]
    prices: str = ""

    @property
    def key(self) -> str:
        """Differs when more than words and numbers differ."""
        return ".".join([self.view, *sorted(self.can), *(name for name, _, _ in self.facts), self.prices])


def shown(house: House, bay: Bay, mine: Mine | None, has_pass: bool, language: Language) -> Shown:
    """The bay as this driver sees it. `has_pass`: they may begin here."""
    view = _of_mine(bay, mine) if mine is not None else ""
    ours = bool(view)
    view = view or _of_bay(house, bay)
    condition, say = CONDITIONS[view], language.say
    lead, money = say(condition.lead) if condition.lead else "", ""
    if not ours and view == "free" and house.drivers.begins_itself(bay.evse.id):
        lead = say("Plug in your vehicle: charging begins by itself.")
    if mine is not None and ours:
        lead, money = _told(bay, mine, view, lead, language)
    can = _of_ours(mine, view, house.imprint().mails) if mine is not None and ours else _can(house, bay, view, has_pass)
    offered = frozenset(can)
    return Shown(
        view,
        condition.tone,
        condition.icon,
        say(condition.headline),
        lead,
        _why(bay, mine, view, language) if mine is not None and ours else "",
        money,
        tuple(_facts(bay, mine, view, language)) if mine is not None and ours else (),
        offered,
        _prices(house, bay) if offered & OFFERING else "",
    )


def _prices(house: House, bay: Bay) -> str:
    """Marks the prices, and which of them hold now."""
    prices = prices_at(house, bay)
    local = bay.now.utc.astimezone(bay.state.site.zone)
    now = () if prices is None else (prices.fee(unit, local) for unit in Unit)
    return "-".join([mark_of(prices), *map(str, now)])


def _of_bay(house: House, bay: Bay) -> str:
    if bay.decision is None:
        return "starting"
    if not bay.connected:
        return "offline"
    status = bay.known.status
    if status in OUT:
        return OUT[status]
    if bay.session is not None and bay.session.transaction is not None:
        return "standing" if status in PAUSES and (bay.power_w or 0.0) < LEAST_W else "busy"
    if bay.is_taken or status is EvseStatus.FINISHING:
        return "left"
    if house.payments is not None and house.payments.is_awaited(bay.evse.id):
        return "awaited"
    if house.drivers.is_held(bay.evse.id):
        return "reserved"
    return "plugged" if status.is_occupied or bay.session is not None else "free"


def _of_mine(bay: Bay, mine: Mine) -> str:
    payment = mine.payment
    if payment is not None:
        if payment.state in TO_PAY:
            return "paying" if bay.now.utc < payment.expires else "cancelling"
        if payment.state in STARTING:
            return "waiting"
        if payment.state is S.STOPPING:
            return "settling"
        if payment.state is S.CAPTURED:
            return "paid"
        if payment.state.is_over:
            return "given" if _is_free_end(payment) else "failed"
    if mine.why:
        return "failed"
    if not mine.session:
        return "waiting" if mine.is_gift else "card"
    return _of_session(bay, mine)


def _of_session(bay: Bay, mine: Mine) -> str:
    session = bay.session
    if session is None or session.id != mine.session:
        return "settling" if mine.payment is not None else "given"
    if not bay.connected:
        return "lost"
    if session.transaction is None or bay.known.status is EvseStatus.FINISHING:
        return "ended"
    status = bay.known.status_at(bay.now.monotonic_s)
    if status is EvseStatus.SUSPENDED_EV:
        awakes = session.energy_wh <= 0 and (bay.now.utc - session.transaction.started).total_seconds() <= AWAKE_S
        return "begun" if awakes else "idle"
    paused = status is EvseStatus.SUSPENDED_EVSE or (bay.setpoint is not None and bay.setpoint.amps <= 0)
    return "paused" if paused and (bay.power_w or 0.0) < LEAST_W else "charging"


def _is_free_end(payment: Payment) -> bool:
    return payment.state is S.RELEASED and "less than can be taken" in payment.why


def _told(bay: Bay, mine: Mine, view: str, lead: str, language: Language) -> tuple[str, str]:
    """What to do, and what becomes of the money."""
    say, payment = language.say, mine.payment
    if payment is None:
        told, _ = ending(mine.why)
        return (say(told) if told else lead), ""
    if payment.state is S.MANUAL_REVIEW:
        return say(REVIEW), ""
    if view == "paying" and not payment.url:
        return say(SILENT), ""
    if view in {"paid", "given"} and bay.session is not None and bay.session.id == mine.session:
        lead = say(CONDITIONS["ended"].lead)
    told, money = ending(payment.why)
    if view in {"paid", "given", "failed"}:
        return (say(told) if told else lead), (say(money) if money else _charged(payment, language))
    if view in RUNNING | {"waiting", "ended"}:
        hold = language.money(major(payment.hold, payment.currency), payment.currency)
        blocked = say("%(hold)s are blocked on your card; you pay only what you use.", hold=hold)
        return lead, f"{blocked} {_idle_fee(payment, language)}".strip() if view in {"idle", "ended"} else blocked
    return lead, ""


def _idle_fee(payment: Payment, language: Language) -> str:
    fees = [fee.price for fee in payment.prices.fees if fee.unit is Unit.IDLE_MINUTE and fee.price]
    if not fees:
        return ""
    price = language.money(max(fees), payment.currency)
    minutes = payment.prices.idle_grace_min
    told = language.say(
        "Who stays plugged in after charging pays up to %(price)s per minute after %(minutes)s minutes.",
        price=price,
        minutes=minutes,
    )
    if payment.prices.idle_at_most is None:
        return told
    most = language.money(payment.prices.idle_at_most, payment.currency)
    held = language.say("You pay %(most)s at most for that.", most=most)
    return f"{told} {held}"


def _charged(payment: Payment, language: Language) -> str:
    if payment.state is not S.CAPTURED:
        return language.say(NO_COST) if payment.hold_id else ""
    paid, rest = (
        language.money(major(minor, payment.currency), payment.currency)
        for minor in (payment.amount, payment.hold - payment.amount)
    )
    return language.say("%(paid)s were charged to your card. The other %(rest)s are released.", paid=paid, rest=rest)


def _why(bay: Bay, mine: Mine, view: str, language: Language) -> str:
    """Why the power is what it is, or why it ended, without naming a circuit, a person or another bay."""
    setpoint, session = bay.setpoint, bay.session
    charges = view in {"charging", "paused", "idle"}
    if charges and session is not None and session.is_at_cap:
        return language.say(COVERED)
    if charges or view in {"ended", "settling", "paid"}:
        used_up = _used_up(mine)
        if used_up:
            return language.say(used_up)
    if not charges or setpoint is None:
        return ""
    told = language.say(REASONS[setpoint.reason.binding])
    more = _until(bay, setpoint.reason, language)
    return f"{told} {more}".strip()


def _used_up(mine: Mine) -> str:
    """What is said when all is used up that was held; empty while there is more."""
    payment, cost = mine.payment, mine.cost
    if payment is None or cost is None:
        return ""
    if payment.cap_wh is not None and cost.energy_wh >= payment.cap_wh:
        return COVERED
    return USED_UP if payment.is_used_up(cost.total) else ""


def _until(bay: Bay, reason: Reason, language: Language) -> str:
    if reason.binding is Binding.WAITING:
        minutes = round(bay.state.site.policy.rotation_s / MINUTE_S)
        return language.say("Turns change after %(minutes)s minutes at the latest.", minutes=minutes)
    if reason.until is None or reason.binding not in {Binding.LIMIT, Binding.CIRCUIT, Binding.HELD}:
        return ""
    return language.say("Until %(time)s.", time=language.clock(reason.until, bay.state.site.zone, bay.now.utc))


def _facts(bay: Bay, mine: Mine, view: str, language: Language) -> Iterator[tuple[str, str, str]]:
    say, session, zone, now = language.say, bay.session, bay.state.site.zone, bay.now.utc
    running = session if session is not None and session.id == mine.session else None
    receipt = mine.cost
    if view in RUNNING | {"ended", "lost"} and running is not None:
        yield "energy", say("Energy"), language.kwh(running.delivered_wh, 2)
        power = bay.power_w
        if view != "ended" and power is not None:
            yield "power", say("Power"), language.kw(power)
        yield "minutes", say("Time"), language.lasting(int(bay.now.monotonic_s - running.plugged_s))
        if running.soc_percent is not None:
            yield "soc", say("Battery"), f"{running.soc_percent:.0f}\u00a0%"
    elif view in {"settling", "paid", "given"} and receipt is not None:
        yield "energy", say("Energy"), language.kwh(receipt.energy_wh, 2)
    if receipt is not None and view != "failed":
        label = say("Cost") if mine.is_final else say("Cost so far")
        yield "cost", label, language.money(major(receipt.total, receipt.currency), receipt.currency)
    if view in RUNNING - {"idle"} and running is not None:
        finish, need = bay.finish(), running.need
        if need.energy_wh is not None:
            yield "want", say("Wanted"), language.kwh(need.energy_wh)
        if finish is not None:
            yield "finish", say("Ready at about"), language.clock(finish, zone, now)
        if need.departure is not None:
            yield "leave", say("You leave"), language.clock(need.departure, zone, now)


def _of_ours(mine: Mine, view: str, mails: bool) -> Iterator[str]:
    """What who charges here can do."""
    payment = mine.payment
    if view in {"paying", "waiting", "card"}:
        yield "cancel"
    if view == "paying" and payment is not None and payment.url:
        yield "go"
    if view in RUNNING:
        yield "need"
        if payment is not None or mine.is_gift:
            yield "stop"
    if view in {"paid", "given", "failed"}:
        yield "again"
    if mine.cost is not None and mine.is_final and mine.cost.lines:
        yield "receipt"
    if mails and mine.cost is not None and view in RUNNING | {"ended", "settling", "paid", "given"}:
        yield "mail"


def _can(house: House, bay: Bay, view: str, has_pass: bool) -> Iterator[str]:
    """What somebody who has nothing here yet can do."""
    if view not in {"free", "plugged", "busy", "standing"}:
        return
    if not has_pass:
        yield "scan"
        return
    name = bay.evse.id
    if view in {"busy", "standing"}:
        if _is_claimable(bay):
            yield "claim"
        return
    prices = prices_at(house, bay)
    if prices is not None and prices.hold is not None and house.payments is not None:
        yield "pay"
    if house.drivers.is_free(name) and not house.drivers.begins_itself(name):
        yield "give"
    else:
        yield "card"


def _is_claimable(bay: Bay) -> bool:
    """Whether who charges there may just have held up a card, and then looked at the page."""
    running = None if bay.session is None else bay.session.transaction
    if running is None or (running.id_tag or "").upper().startswith(FROM_HERE):
        return False
    return (bay.now.utc - running.started).total_seconds() <= CLAIM_S
