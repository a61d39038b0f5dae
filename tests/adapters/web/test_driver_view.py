"""What a driver sees in each state of a bay and of a payment: words, money, reasons, and what can be done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal

import pytest

from ems.adapters.web.driver.bay import Bay, Mine
from ems.adapters.web.driver.offer import offer, prices_at
from ems.adapters.web.driver.receipt import receipt_values
from ems.adapters.web.driver.view import Shown, shown
from ems.adapters.web.driver.visit import Visit
from ems.domain.billing.payment import Payment, PaymentState
from ems.domain.billing.price_book import PriceListKept
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.receipt import receipt
from ems.domain.billing.usage import supposed
from ems.domain.decision import Binding, Reason
from ems.domain.grant import Grant, Held
from ems.domain.instant import Instant
from ems.domain.recurrence import DayWindow, Recurrence
from ems.domain.station import EvseStatus
from tests.adapters.web.driver_office import DriverOffice

EVSE = "CP-11/1"
PRICES = PriceList(
    "public",
    "EUR",
    (Fee(Unit.KWH, Decimal("0.50")), Fee(Unit.IDLE_MINUTE, Decimal("0.10"))),
    vat_percent=Decimal(19),
    idle_grace_min=10,
    hold=Decimal(40),
)
S = PaymentState


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriverOffice]:
    with DriverOffice(tmp_path_factory.mktemp("office")) as opened:
        yield opened


def bay(office: DriverOffice, name: str = EVSE) -> Bay:
    found = Bay.of(office.house, name)
    assert found is not None
    return found


def paid(office: DriverOffice, state: PaymentState, why: str = "", **more: object) -> Mine:
    now = office.scene.instant.utc
    session = office.session(EVSE).id if state in {S.CHARGING, S.STOPPING, S.CAPTURED} else ""
    known = Payment(
        "p" * 22, "PAY-1", EVSE, "sandbox", PRICES, 4000, 50, 70_000, now, now + timedelta(minutes=30), now,
        state=state, session=session, why=why, hold_id="h",
        **{"url": "https://pay.example/x", **more},  # type: ignore[arg-type]  # whatever a row needs
    )  # fmt: skip
    usage = replace(supposed(EVSE, now, 9000, 11_000, 0), session=session)
    cost = receipt(usage, PRICES, office.scene.site.zone) if session else None
    return Mine(known, session, cost=cost, is_final=state is S.CAPTURED)


def seen(office: DriverOffice, mine: Mine | None, at: Bay | None = None, language: str = "en") -> Shown:
    spoken = office.house.languages.of(language)
    assert spoken is not None
    return shown(office.house, at or bay(office), mine, True, spoken)


@pytest.mark.parametrize(
    ("state", "why", "headline", "money", "can"),
    [
        (S.CREATED, "", "Waiting for the payment", "", {"cancel", "go"}),
        (S.HOLD_REQUESTED, "", "Waiting for the payment", "", {"cancel", "go"}),
        (S.AUTHORISED, "", "Starting", "€40.00 are blocked on your card", {"cancel"}),
        (S.STARTING, "", "Starting", "€40.00 are blocked on your card", {"cancel"}),
        (S.CHARGING, "", "Charging", "you pay only what you use", {"need", "stop"}),
        (S.STOPPING, "", "One moment", "", set()),
        (S.CAPTURED, "", "Thank you", "€4.50 were charged to your card. The other €35.50", {"again", "receipt"}),
        (
            S.RELEASED,
            "no energy flowed",
            "It did not work",
            "Nothing was charged; the blocked amount is rel",
            {"again"},
        ),
        (S.RELEASED, "it cost less than can be taken", "Thank you", "Nothing was charged; the blocked", {"again"}),
        (S.FAILED, "the payment was declined", "It did not work", "Nothing was blocked.", {"again"}),
        (S.EXPIRED, "nobody paid in time", "It did not work", "Nothing was blocked.", {"again"}),
        (S.MANUAL_REVIEW, "Stripe says no", "It did not work", "", {"again"}),
    ],
)
def test_every_state_of_a_payment(
    office: DriverOffice, state: PaymentState, why: str, headline: str, money: str, can: set[str]
) -> None:
    found = seen(office, paid(office, state, why, amount=450 if state is S.CAPTURED else 0))
    assert found.headline == headline
    assert money in found.money
    assert bool(found.money) == bool(money)
    assert found.can == can
    assert "Stripe" not in found.lead


def test_who_has_paid_and_is_still_plugged_in_is_asked_to_make_room(office: DriverOffice) -> None:
    mine = paid(office, S.CAPTURED, amount=450)
    assert seen(office, mine).lead == "Please unplug and make room for others."
    gone = replace(bay(office), known=replace(bay(office).known, session=None))
    assert seen(office, mine, gone).lead == "Charging has ended, and is paid."


def test_a_payment_service_that_does_not_answer_is_named_and_what_is_cancelled_offers_nothing_more(
    office: DriverOffice,
) -> None:
    silent = seen(office, paid(office, S.HOLD_REQUESTED, url=""))
    assert silent.headline == "Waiting for the payment"
    assert silent.can == {"cancel"}
    assert silent.lead.startswith("The payment service does not answer yet.")
    left = paid(office, S.HOLD_REQUESTED)
    assert left.payment is not None
    over = seen(office, left._replace(payment=replace(left.payment, expires=office.scene.instant.utc)))
    assert over.lead == "The payment is being cancelled."
    assert not over.can


def test_a_receipt_of_what_was_too_little_to_be_taken_says_that_nothing_was_charged(office: DriverOffice) -> None:
    mine = paid(office, S.CAPTURED, amount=450)
    assert mine.payment is not None
    sticker, english = next(iter(office.desk.stickers)), office.house.languages.of("en")
    assert english is not None
    visit = Visit(sticker, bay(office), english, None, True, False)
    taken = receipt_values(office.house, visit, mine, None)
    assert (taken["charged"], taken["uncharged"]) == ("€4.50", "")
    let_go = replace(mine.payment, state=S.RELEASED, why="it cost less than can be taken", amount=0)
    free = receipt_values(office.house, visit, mine._replace(payment=let_go), None)
    assert (free["charged"], free["uncharged"]) == ("", "Nothing was charged; the blocked amount is released.")


def test_what_the_charger_refused_is_said_in_the_words_of_the_promise(office: DriverOffice) -> None:
    found = seen(office, paid(office, S.RELEASED, "the charger refused the start: Rejected"))
    assert f"{found.lead} {found.money}" == (
        "The charger refused the start. Nothing was charged; the blocked amount is released."
    )


@pytest.mark.parametrize("set_s", [0, -3600, 3600])
def test_the_time_is_that_since_plug_in_before_and_after_the_end_whatever_the_clock_is_set_to(
    office: DriverOffice, set_s: int
) -> None:
    """As it is billed."""
    at = bay(office)
    session = office.session(EVSE)
    now = Instant(session.plugged_s + 25 * 60.0, at.now.utc + timedelta(seconds=set_s))
    over = replace(at.known, session=replace(session, transaction=None))
    for known in (at.known, over):
        found = seen(office, paid(office, S.CHARGING), replace(at, known=known, now=now))
        assert {name: value for name, _, value in found.facts}["minutes"] == "25 min"


def test_what_a_charge_shows_while_it_runs(office: DriverOffice) -> None:
    at = bay(office)
    session = at.session
    assert session is not None
    running = replace(session, energy_wh=4200.0, soc_percent=43.0)
    running = replace(running, need=replace(session.need, energy_wh=9000.0, departure=at.now.utc + timedelta(hours=1)))
    at = replace(at, known=replace(at.known, session=running, power_w=11_040.0))
    facts = {name: value for name, _, value in seen(office, paid(office, S.CHARGING), at).facts}
    assert facts.pop("minutes").endswith("min")
    assert facts == {
        "energy": "4.20\u00a0kWh",
        "power": "11.0\u00a0kW",
        "soc": "43\u00a0%",
        "cost": "€4.50",
        "want": "9.0\u00a0kWh",
        "finish": "17:58",
        "leave": "18:31",
    }


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason(Binding.CIRCUIT, "row-a L1 (63 A)"), "The supply here is at its limit. The power is shared fairly."),
        (Reason(Binding.LIMIT, "evening cap"), "The site may use less power at the moment."),
        (Reason(Binding.WAITING, "row-a", 6.0), "Turns change after 15 minutes at the latest."),
        (Reason(Binding.FALLBACK, "meter main is silent"), "safe, lower power"),
        (Reason(Binding.VEHICLE, "", 16.0), "Your vehicle takes no more at the moment."),
        (Reason(Binding.EVSE), "You get all that this charger can give."),
        (Reason(Binding.PLANNED, "cheap at night"), "ready when you leave"),
    ],
)
def test_why_the_power_is_limited_is_said_without_names(office: DriverOffice, reason: Reason, said: str) -> None:
    at = bay(office)
    assert at.decision is not None
    assert at.setpoint is not None
    told = tuple(one._replace(reason=reason) if one.evse == EVSE else one for one in at.decision.setpoints)
    why = seen(office, paid(office, S.CHARGING), replace(at, decision=replace(at.decision, setpoints=told))).why
    assert said in why
    assert not any(name in why for name in ("row-a", "evening cap", "main", "CP-"))


def test_a_limit_says_until_when(office: DriverOffice) -> None:
    at = bay(office)
    assert at.decision is not None
    until = Reason(Binding.LIMIT, "x", until=at.now.utc + timedelta(hours=2))
    told = tuple(one._replace(reason=until) for one in at.decision.setpoints)
    why = seen(office, paid(office, S.CHARGING), replace(at, decision=replace(at.decision, setpoints=told))).why
    assert why.endswith("Until 19:31.")


def test_who_has_got_all_that_is_paid_for_is_told_so(office: DriverOffice) -> None:
    at = bay(office)
    session = replace(office.session(EVSE), cap_wh=1.0, energy_wh=2.0)
    at = replace(at, known=replace(at.known, session=session))
    assert seen(office, paid(office, S.CHARGING), at).why == "You have got all the energy that your payment covers."


@pytest.mark.parametrize("state", [S.CHARGING, S.STOPPING, S.CAPTURED])
@pytest.mark.parametrize(
    ("cap_wh", "hold", "said"),
    [
        (9_000, 4000, "You have got all the energy that your payment covers."),
        (None, 450, "The amount that was blocked on your card is used up."),
        (70_000, 4000, ""),
    ],
)
def test_why_a_charge_ended_is_said_when_it_is_over_too(
    office: DriverOffice, state: PaymentState, cap_wh: int | None, hold: int, said: str
) -> None:
    """9 kWh for 4.50: the station ends it, and whoever comes back hours later wants to know why."""
    at = bay(office)
    at = replace(at, known=replace(at.known, status=EvseStatus.FINISHING))
    mine = paid(office, state)
    assert mine.payment is not None
    assert seen(office, mine._replace(payment=replace(mine.payment, cap_wh=cap_wh, hold=hold)), at).why == said


@pytest.mark.parametrize(
    ("status", "connected", "headline", "says"),
    [
        (EvseStatus.SUSPENDED_EV, True, "Your vehicle takes nothing", "up to €0.10 per minute after 10 minutes"),
        (EvseStatus.FINISHING, True, "Charging has ended", "up to €0.10 per minute after 10 minutes"),
        (EvseStatus.CHARGING, False, "Charger not reachable", ""),
    ],
)
def test_the_ends_of_a_charge(
    office: DriverOffice, status: EvseStatus, connected: bool, headline: str, says: str
) -> None:
    at = bay(office)
    at = replace(at, connected=connected, known=replace(at.known, status=status))
    found = seen(office, paid(office, S.CHARGING), at)
    assert found.headline == headline
    assert says in found.money


@pytest.mark.parametrize(
    ("energy_wh", "seconds", "offered_a", "headline"),
    [
        (0.0, 3, 16.0, "Starting"),
        (0.0, 150, 16.0, "Your vehicle takes nothing"),
        (900.0, 3, 16.0, "Your vehicle takes nothing"),
        (900.0, 150, 0.0, "Waiting for power"),
    ],
    ids=["it awakes", "it does not", "it has had its fill", "it is paused, whatever its station calls that"],
)
def test_a_vehicle_that_takes_nothing(
    office: DriverOffice, energy_wh: float, seconds: float, offered_a: float, headline: str
) -> None:
    at = bay(office)
    session = at.session
    assert session is not None
    assert session.transaction is not None
    running = replace(session.transaction, started=at.now.utc - timedelta(seconds=seconds))
    grant = Grant(floor=Held(6.0, 0.0), session=Held(offered_a, 0.0))
    known = replace(
        at.known,
        status=EvseStatus.SUSPENDED_EV,
        session=replace(session, transaction=running, energy_wh=energy_wh),
        grant=grant,
        power_w=0.0,
    )
    found = seen(office, paid(office, S.CHARGING), replace(at, known=known))
    assert (found.headline, "stop" in found.can) == (headline, True)


def test_the_same_in_german(office: DriverOffice) -> None:
    found = seen(office, paid(office, S.CAPTURED, amount=450), language="de")
    assert (found.headline, found.money) == (
        "Danke",
        "Ihrer Karte wurden 4,50\u00a0€ belastet. Die übrigen 35,50\u00a0€ werden freigegeben.",
    )


def test_the_price_stands_there_before_the_start(office: DriverOffice) -> None:
    """Every fee with its hours, tax, an example, and what is blocked."""
    night = Recurrence(windows=(DayWindow(frozenset(range(5)), time(22), time(6)),))
    prices = replace(
        PRICES,
        fees=(Fee(Unit.KWH, Decimal("0.29"), night), Fee(Unit.KWH, Decimal("0.495")), Fee(Unit.SESSION, Decimal(1)),
              Fee(Unit.IDLE_MINUTE, Decimal("0.10"))),
    )  # fmt: skip
    english, german = office.house.languages.shown
    told = offer(bay(office, "CP-14/1"), prices, True, english)
    assert [(one.text, one.when, one.is_now) for one in told.lines] == [
        ("€0.29 per kWh", "Mon–Fri 22:00–06:00", False),
        ("€0.495 per kWh", "", True),
        ("€0.10 per minute after charging, once 10 minutes are over", "", True),
        ("€1.00 per charge", "", True),
    ]
    held = offer(bay(office, "CP-14/1"), replace(prices, idle_at_most=Decimal(12)), True, english).lines[2]
    assert held.text == "€0.10 per minute after charging, once 10 minutes are over, €12.00 at most"
    assert told.vat == "All prices include 19\u00a0% VAT."
    assert told.example == "For example 30\u00a0kWh: about €15.85."
    assert told.hold.startswith("We block €40.00 on your card. You pay only what you use; the rest is released.")
    assert offer(bay(office, "CP-14/1"), prices, False, german).hold == ""
    assert offer(bay(office, "CP-14/1"), None, False, english).lines == ()


def test_the_expected_power_is_an_equal_part_of_what_is_left(office: DriverOffice) -> None:
    at = bay(office, "CP-14/1")
    assert 0.0 < at.expected_w() <= at.evse.max_a * 3 * 230.0
    assert at.decision is not None
    none_left = tuple(one._replace(headroom_a=(0.0, 0.0, 0.0)) for one in at.decision.circuits)
    full = replace(at, decision=replace(at.decision, circuits=none_left))
    assert full.expected_w() == 0.0
    english = office.house.languages.shown[0]
    assert offer(full, None, False, english).power.startswith("All power is in use now")


def test_the_price_list_that_counts_for_nobody_in_particular_is_shown(office: DriverOffice) -> None:
    office._runner.run(office.operations.change(PriceListKept(PRICES), "test"))
    office._runner.run(office.operations.change(PriceListKept(replace(PRICES, id="bus", groups=("buses",))), "test"))
    found = prices_at(office.house, bay(office, "CP-14/1"))
    assert found is not None
    assert found.id == "public"


@pytest.mark.parametrize("status", [EvseStatus.SUSPENDED_EV, EvseStatus.SUSPENDED_EVSE, EvseStatus.FINISHING])
def test_of_a_vehicle_that_takes_nothing_nobody_is_told_that_it_charges(
    office: DriverOffice, status: EvseStatus
) -> None:
    """It is its driver's all the same, who can follow it."""
    at = bay(office)
    drawing = seen(office, None, at)
    assert "is charging here" in drawing.lead
    still = replace(at, known=replace(at.known, status=status, power_w=0.0))
    told = seen(office, None, still)
    assert (told.headline, told.lead) == ("In use", "A vehicle is plugged in here, and takes nothing at the moment.")
    assert told.can == drawing.can
    assert seen(office, None, still, "de").lead == "Hier ist ein Fahrzeug angesteckt, das gerade nichts nimmt."
