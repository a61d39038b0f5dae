"""The pages of drivers: nobody logs in, nothing is given away, and only who stands there begins anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.driver.bay import Imprint
from ems.adapters.web.driver.code import ALPHABET, VALID_S, Word, code_at, is_code, word_of
from ems.adapters.web.driver.pace import Pace
from ems.adapters.web.picture import evses
from ems.adapters.web.view import View
from ems.domain.access.book import AccessMode, Doors
from ems.domain.billing.payment import Payment, PaymentState
from ems.domain.billing.price_book import PriceListKept
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.driver.sticker import SLUG_LENGTH
from ems.domain.record.signed_value import SignedValue
from ems.domain.strategy import Strategy
from ems.ports.payments import Cost
from tests.adapters.ocmf.test_examination import KEBA
from tests.adapters.web.driver_office import DriverOffice
from tests.adapters.web.test_driver_view import PRICES
from tests.adapters.web.test_injection import HOSTILE

FREE, READY, BUSY = "CP-14/1", "CP-09/1", "CP-11/1"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[DriverOffice]:
    with DriverOffice(tmp_path) as opened:
        yield opened


@pytest.fixture
def gift(tmp_path: Path) -> Iterator[DriverOffice]:
    """Everybody charges for nothing."""
    with DriverOffice(tmp_path, doors=Doors(AccessMode.FREE)) as opened:
        yield opened


def test_the_code_is_that_of_ocpp() -> None:
    """The vector that two other programs agree on."""
    assert code_at("mysharedsecret", 1_700_000_000, 30, 8) == "Mrc351Gu"


@pytest.mark.parametrize(("age_s", "counts"), [(0, True), (VALID_S, True), (2 * VALID_S, False), (-VALID_S, False)])
def test_a_code_counts_for_its_minute_and_the_next(age_s: int, counts: bool) -> None:
    assert is_code("secret", 1_700_000_000 + age_s, code_at("secret", 1_700_000_000)) is counts
    assert set(code_at("secret", 0)) <= set(ALPHABET)


def test_a_cookie_is_worth_nothing_elsewhere_later_or_changed() -> None:
    cookie = Word("payment", "abc", 1000).signed("secret")
    assert word_of("secret", cookie, 999) == Word("payment", "abc", 1000)
    assert word_of("secret", cookie, 1000) is None
    assert word_of("other", cookie, 999) is None
    assert word_of("secret", cookie.replace("payment", "session"), 999) is None
    for text in ("", ".", "a.b.c.d", cookie[:-1], cookie + "x", "ü" * 50, "." * 600):
        assert word_of("secret", text, 999) is None


def test_who_comes_too_often_waits_and_others_do_not() -> None:
    pace = Pace(2, 10.0)
    assert [pace.wait_s("a", 0.0), pace.wait_s("a", 0.0), pace.wait_s("b", 0.0)] == [0, 0, 0]
    assert pace.wait_s("a", 0.0) == 10.0
    assert pace.wait_s("a", 9.0) == pytest.approx(1.0)
    assert pace.wait_s("a", 10.0) == 0


@pytest.mark.parametrize(
    ("evse", "headline", "offered"),
    [
        (FREE, "Free", {"card"}),
        (READY, "Plugged in", {"card"}),
        (BUSY, "In use", {"claim"}),
        ("CP-06/1", "Out of order", set()),
        ("CP-10/1", "Charger not reachable", set()),
        ("CP-13/1", "Reserved", set()),
    ],
)
def test_every_state_of_a_bay_in_plain_words(office: DriverOffice, evse: str, headline: str, offered: set[str]) -> None:
    page = office.visit(f"/c/{office.slug(evse)}").text
    assert f'<span data-f="headline" role="status">{headline}</span>' in page
    assert {name for name in ("pay", "give", "card", "claim", "stop", "need") if f'/{name}"' in page} == offered


def test_a_page_gives_nothing_away(office: DriverOffice) -> None:
    """No tag, no vehicle, no other bay, no circuit, no energy of somebody else."""
    office.begin(FREE, "04SECRET")
    for evse in (FREE, "CP-01/1", BUSY):
        for path in ("", "/live"):
            text = office.visit(f"/c/{office.slug(evse)}{path}").text
            others = [one.id for one in office.scene.site.evses if one.id != evse]
            assert not any(name in text for name in (*others, "04SECRET", "Van 3", "row-a", "kWh/", "GroundFailure"))
            assert 'data-f="energy"' not in text


def test_a_word_that_nobody_printed_leads_nowhere_and_cannot_be_guessed(office: DriverOffice) -> None:
    assert office.visit("/c/23456789ab").status_code == 404
    answers = [office.visit(f"/c/{k:0{SLUG_LENGTH}d}/live") for k in range(20)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert office.visit(f"/c/{office.slug(FREE)}").status_code == 200, "who has a sticker is not kept away"


def test_floods_of_pages_and_of_forms_are_slowed_down(office: DriverOffice) -> None:
    path = f"/c/{office.slug(FREE)}"
    assert {office.visit(f"{path}/live").status_code for _ in range(260)} == {200, 429}
    assert {office.visit(f"{path}/card", {}).status_code for _ in range(15)} == {303, 429}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example", "sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"content_type": "application/json"}, 415),
        ({"origin": "null", "sec_fetch_site": "cross-site"}, 403),
    ],
)
@pytest.mark.parametrize("deed", ["pay", "give", "card", "need", "stop", "problem"])
def test_a_forged_form_is_refused(gift: DriverOffice, deed: str, headers: dict[str, str], status: int) -> None:
    assert gift.visit(f"/c/{gift.slug(FREE)}/{deed}", {"sure": "yes"}, None, **headers).status_code == status
    assert gift.switch.started == []


def test_a_price_list_that_costs_nothing_gives_energy_away_at_its_bay(gift: DriverOffice) -> None:
    dear = PriceList("public", "EUR", (Fee(Unit.KWH, Decimal("0.50")),))
    for prices in (dear, PriceList("none", "EUR", (Fee(Unit.KWH, Decimal(0)),), evses=(READY,))):
        gift._runner.run(gift.operations.change(PriceListKept(prices), "test"))
    free, paid = (gift.visit(f"/c/{gift.slug(evse)}").text for evse in (READY, FREE))
    assert ("Free of charge" in free, "For example" in free, "/give" in free) == (True, False, True)
    assert ("Free of charge" in paid, "For example" in paid, "/give" in paid) == (False, True, False)


def test_where_energy_is_given_away_a_press_begins_and_only_that_phone_ends_it(gift: DriverOffice) -> None:
    phone: dict[str, str] = {}
    path = f"/c/{gift.slug(READY)}"
    assert "Free of charge" in gift.visit(path, cookies=phone).text
    assert gift.visit(f"{path}/give", {"how": "kwh", "kwh": "7,5", "leave": "23:30"}, phone).status_code == 303
    ((evse, tag),) = gift.switch.started
    assert (evse, len(tag) <= 20) == (READY, True)
    assert "Starting" in gift.visit(path, cookies=phone).text
    gift.begin(READY, tag)
    page = gift.visit(path, cookies=phone).text
    assert "Stop charging" in page
    assert "7.5\u00a0kWh" in page
    assert gift.session(READY).need.energy_wh == 7500.0
    stranger = gift.visit(path).text
    assert "Stop charging" not in stranger
    assert gift.visit(f"{path}/stop", {"sure": "yes"}).status_code == 422
    assert gift.visit(f"{path}/stop", {}, phone).status_code == 422, "it is asked again first"
    assert gift.switch.stopped == []
    gift.switch.why = "Rejected"
    refused = gift.visit(f"{path}/stop", {"sure": "yes"}, phone)
    assert (refused.status_code, "The charger does not stop." in refused.text) == (422, True)
    gift.switch.why = ""
    assert gift.visit(f"{path}/stop", {"sure": "yes"}, phone).status_code == 303
    assert gift.switch.stopped == [READY, READY]


def test_a_charger_that_refuses_says_so_and_costs_nothing(gift: DriverOffice) -> None:
    phone: dict[str, str] = {}
    gift.switch.why = "Rejected"
    path = f"/c/{gift.slug(READY)}"
    gift.visit(f"{path}/give", {}, phone)
    page = gift.visit(path, cookies=phone).text
    assert "The charger refused the start." in page
    gift.visit(f"{path}/again", {}, phone)
    assert "The charger refused" not in gift.visit(path, cookies=phone).text


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"kwh": "lots"}, "Write a number"),
        ({"kwh": "-5"}, "Write a number"),
        ({"kwh": "9999"}, "No battery is like that"),
        ({"kwh": "0"}, "Write a number"),
        ({"leave": "25:00"}, "Write the time"),
        ({"how": "percent", "to": "80"}, "battery"),
        ({"how": "percent", "to": "20", "from": "50", "battery": "60"}, "The target must be above"),
    ],
)
def test_what_cannot_be_meant_is_said_and_nothing_begins(gift: DriverOffice, told: dict[str, str], words: str) -> None:
    answer = gift.visit(f"/c/{gift.slug(READY)}/give", told)
    assert answer.status_code == 422
    assert words in answer.text
    assert gift.switch.started == []


def test_whose_card_it_was_follows_the_session_and_states_a_need_but_does_not_stop_it(office: DriverOffice) -> None:
    phone, other = {}, {}  # type: dict[str, str], dict[str, str]
    path = f"/c/{office.slug(READY)}"
    office.visit(f"{path}/card", {"how": "percent", "from": "40", "to": "80", "battery": "45"}, phone)
    assert "Hold your card to the reader" in office.visit(path, cookies=phone).text
    office.begin(READY, "04AABB")
    page = office.visit(path, cookies=phone).text
    assert "To stop, hold your card to the reader again." in page
    assert '/stop"' not in page
    assert office.session(READY).need.energy_wh == pytest.approx(20_000.0)
    assert office.visit(f"{path}/claim", {}, other).status_code == 422, "another phone follows it"
    assert office.visit(f"{path}/need", {"kwh": "3"}, other).status_code == 422
    assert office.visit(f"{path}/need", {"kwh": "30"}, phone).status_code == 303
    assert office.session(READY).need.energy_wh == 30_000.0
    before = office.session(READY).need.departure
    office.visit(f"{path}/need", {"later": "60"}, phone)
    office.visit(f"{path}/need", {"later": "30"}, phone)
    assert before is None
    assert office.session(READY).need.departure == office.scene.instant.utc + timedelta(minutes=90)


def test_who_held_the_card_up_first_may_look_at_the_page_afterwards(office: DriverOffice) -> None:
    phone: dict[str, str] = {}
    office.begin(FREE, "04AABB")
    path = f"/c/{office.slug(FREE)}"
    assert office.visit(f"{path}/claim", {}, phone).status_code == 303
    assert 'data-f="energy"' in office.visit(path, cookies=phone).text


def test_who_charges_again_without_unplugging_sees_one_session_and_says_what_is_to_come(office: DriverOffice) -> None:
    """The page and others count from plug-in; what is wanted at the begin of a transaction comes on top of that."""
    path, first, then = f"/c/{office.slug(READY)}", dict[str, str](), dict[str, str]()
    percent = {"how": "percent", "from": "40", "to": "80", "battery": "45"}
    office.visit(f"{path}/card", {"kwh": "30"}, first)
    office.begin(READY, "04AABB", 900)
    office.charges(READY, 6000.0)
    office.ends(READY, 900)
    office.begin(READY, "04AABB", 901)
    office.charges(READY, 3000.0)
    session = office.session(READY)
    assert (session.energy_wh, session.delivered_wh, session.missing_wh()) == (3000.0, 9000.0, 21_000.0)
    assert "9.00" in office.visit(path, cookies=first).text
    row = {row["id"]: row for row in evses(View(office.loop.core.state, None, office.scene.instant))}[READY]
    assert row["session"] is not None
    assert row["energy_wh"] == row["session"]["energy_wh"] == 9000.0
    office.visit(f"{path}/need", percent, first)
    assert office.session(READY).need.energy_wh == pytest.approx(29_000.0), "20 kWh from now on"
    office.visit(f"{path}/need", {"kwh": "40"}, first)
    assert office.session(READY).need.energy_wh == 40_000.0, "of the session that the page shows"
    office.ends(READY, 901)
    office.visit(f"{path}/card", percent, then)
    office.begin(READY, "04CCDD", 902)
    assert office.session(READY).need.energy_wh == pytest.approx(29_000.0), "20 kWh in the transaction that begins"


def test_a_session_that_a_phone_began_is_claimed_by_no_other(gift: DriverOffice) -> None:
    phone: dict[str, str] = {}
    path = f"/c/{gift.slug(READY)}"
    gift.visit(f"{path}/give", {}, phone)
    gift.begin(READY, gift.switch.started[0][1])
    assert '/claim"' not in gift.visit(path).text
    assert gift.visit(f"{path}/claim", {}).status_code == 422


def test_a_cookie_of_one_bay_says_nothing_at_another(gift: DriverOffice) -> None:
    phone: dict[str, str] = {}
    gift.visit(f"/c/{gift.slug(READY)}/give", {}, phone)
    gift.begin(READY, gift.switch.started[0][1])
    assert "Stop charging" not in gift.visit(f"/c/{gift.slug(FREE)}", cookies=phone).text


@pytest.fixture
def rotating(tmp_path: Path) -> Iterator[DriverOffice]:
    with DriverOffice(tmp_path, Imprint("https://pay.example", True), Doors(AccessMode.FREE)) as opened:
        yield opened


def test_a_photograph_of_a_sticker_begins_nothing_where_the_code_changes(rotating: DriverOffice) -> None:
    path = f"/c/{rotating.slug(READY)}"
    page = rotating.visit(path).text
    assert "scan the code on the display" in page
    assert '/give"' not in page
    refused = rotating.visit(f"{path}/give", {})
    assert (refused.status_code, rotating.switch.started) == (422, [])
    assert "only good for a minute" in refused.text


def test_the_code_on_the_display_lets_begin_for_a_while(rotating: DriverOffice) -> None:
    phone: dict[str, str] = {}
    slug = rotating.slug(READY)
    url = rotating.told("GET", f"/stickers/{slug}/link")["url"]
    assert url.startswith(f"https://pay.example/c/{slug}/")
    scanned = rotating.visit(url.removeprefix("https://pay.example"), cookies=phone)
    assert (scanned.status_code, scanned.headers["location"]) == (303, f"/c/{slug}")
    assert '/give"' in rotating.visit(f"/c/{slug}", cookies=phone).text
    assert rotating.visit(f"/c/{slug}/give", {}, phone).status_code == 303
    assert rotating.visit(f"/c/{rotating.slug(FREE)}/give", {}, phone).status_code == 422, "only at that bay"


def test_a_code_that_is_over_or_guessed_is_refused(rotating: DriverOffice) -> None:
    slug = rotating.slug(READY)
    url = rotating.told("GET", f"/stickers/{slug}/link")["url"].removeprefix("https://pay.example")
    rotating.scene.instant = rotating.scene.instant.later(3.0 * VALID_S)
    assert rotating.visit(url).status_code == 403
    assert {rotating.visit(f"/c/{slug}/{k:08d}").status_code for k in range(15)} == {403, 429}


@pytest.mark.parametrize("ending", ["pay", "give", "need", "stop", "problem", "", "x" * 40])
def test_a_browser_that_comes_back_to_where_a_form_was_sent_shows_the_page(office: DriverOffice, ending: str) -> None:
    """After a night, or by the button that goes back; no guess at a code."""
    path = f"/c/{office.slug(READY)}"
    answers = [office.visit(f"{path}/{ending}") for _ in range(12)]
    assert {(one.status_code, one.headers.get("location")) for one in answers} == {(303, path)}


@pytest.mark.parametrize("word", ["a" * 40, "GMD2S2PYPW", "%C3%BC%0A", "..%2f.."])
def test_a_word_of_no_sticker_is_answered_in_the_language_of_who_typed_it(office: DriverOffice, word: str) -> None:
    answer = office.visit(f"/c/{word}", accept_language="de")
    assert (answer.status_code, "Zu diesem Code gibt es keinen Ladepunkt." in answer.text) == (404, True)


def test_a_report_lands_where_the_operator_looks_and_is_inert_there(office: DriverOffice) -> None:
    path = f"/c/{office.slug(FREE)}"
    for text in list(HOSTILE.values())[:3]:
        assert office.visit(f"{path}/problem", {"trouble": "cable", "text": text}).status_code == 303
    assert "The operator has been told" in office.visit(f"{path}?done=reported").text
    reports = office.told("GET", "/driver-reports")["reports"]
    assert [(one["evse"], one["trouble"], one["closed"]) for one in reports] == [(FREE, "cable", None)] * 3
    page = office.visit("/stickers").text
    assert page.count("The cable or plug is stuck or broken") >= 3
    assert "<script>alert" not in page
    assert office.visit(f"{path}/problem", {"trouble": "spell", "text": "x" * 9000}).status_code == 303
    office.told("POST", f"/driver-reports/{reports[0]['number']}/close", {})
    assert office.told("GET", "/driver-reports")["reports"][-1]["closed"] is not None
    assert office.refused("POST", "/driver-reports/1/close", {})[0] == 404
    assert {office.visit(f"{path}/problem", {"text": "again"}).status_code for _ in range(6)} == {303, 429}
    assert [one["what"] for one in office.told("GET", "/audit")["audit"]][:1] == ["TroubleReported"]


def test_stickers_are_printed_for_every_bay_and_survive_a_restart_and_a_rename(office: DriverOffice) -> None:
    before = office.told("GET", "/stickers")["stickers"]
    assert [one["evse"] for one in before] == [one.id for one in office.scene.site.evses]
    assert len({one["slug"] for one in before}) == 14
    page = office.visit("/stickers").text
    assert page.count("<svg") >= 14
    assert f"/c/{before[0]['slug']}" in page
    office.restart()
    assert office.told("GET", "/stickers")["stickers"] == before
    office.told("PUT", f"/stickers/{before[0]['slug']}", {"evse": FREE})
    assert office.visit(f"/c/{before[0]['slug']}").text.count(FREE) >= 1
    assert office.refused("PUT", f"/stickers/{before[0]['slug']}", {"evse": "CP-99/1"})[0] == 404
    assert office.refused("PUT", "/stickers/23456789ab", {"evse": FREE})[0] == 404


def test_the_language_is_the_browsers_until_somebody_chooses(office: DriverOffice) -> None:
    phone: dict[str, str] = {}
    path = f"/c/{office.slug(FREE)}"
    page = office.visit(path, cookies=phone, accept_language="fr;q=0.9, de-AT;q=0.8, en;q=0.5").text
    assert '<html lang="de"' in page
    assert "Stecken Sie zuerst Ihr Fahrzeug an." in page
    office.visit(f"{path}?lang=en", cookies=phone)
    assert '<html lang="en"' in office.visit(path, cookies=phone, accept_language="de").text
    assert office.visit(f"{path}?lang=../../etc").status_code == 200


def test_what_a_page_says_live_is_what_it_shows(office: DriverOffice) -> None:
    path = f"/c/{office.slug(READY)}"
    page, live = office.visit(path).text, office.visit(f"{path}/live").json()
    key = re.search('data-key="([^"]*)"', page)
    assert key is not None
    assert key[1] == live["key"]
    assert live["texts"]["headline"] == "Plugged in"


def test_nobody_reads_the_stickers_without_a_login(tmp_path: Path) -> None:
    """Who may look may not begin: the words of stickers are for operators."""
    with DriverOffice(tmp_path) as office:
        needs: Any = {path: office.app.needed("GET", path) for path in ("/stickers", "/api/v1/stickers")}
        assert {path: need.role.name for path, need in needs.items()} == dict.fromkeys(needs, "OPERATOR")


def test_a_phone_goes_on_after_a_restart_of_the_controller(gift: DriverOffice) -> None:
    phone: dict[str, str] = {}
    path = f"/c/{gift.slug(READY)}"
    gift.visit(f"{path}/give", {}, phone)
    gift.begin(READY, gift.switch.started[0][1])
    gift.visit(path, cookies=phone)
    gift.restart()
    assert "Stop charging" in gift.visit(path, cookies=phone).text
    gift.visit(f"{path}/stop", {"sure": "yes"}, phone)
    assert gift.switch.stopped == [READY]


def test_a_report_is_an_alarm_until_somebody_has_seen_to_it_also_after_a_restart(office: DriverOffice) -> None:
    office.visit(f"/c/{office.slug(FREE)}/problem", {"trouble": "cable", "text": "stuck"})
    (told,) = office.desk.heard.troubles()
    assert (told.scope, told.text) == (FREE, "a driver at CP-14/1 reports: cable (stuck)")
    office.restart()
    office.visit(f"/c/{office.slug(FREE)}")
    assert list(office.desk.heard.troubles()) == [told]
    office.told("POST", f"/driver-reports/{told.key.partition(':')[2]}/close", {})
    assert list(office.desk.heard.troubles()) == []


@pytest.mark.parametrize(("deed", "words"), [("card", "Hold your card"), ("give", "No vehicle was plugged in")])
def test_who_never_comes_does_not_keep_others_waiting(tmp_path: Path, deed: str, words: str) -> None:
    """After five minutes whoever begins there is somebody else."""
    mode = AccessMode.FREE if deed == "give" else AccessMode.TAGS
    with DriverOffice(tmp_path, doors=Doors(mode)) as office:
        phone: dict[str, str] = {}
        path = f"/c/{office.slug(READY)}"
        office.visit(f"{path}/{deed}", {"kwh": "5"}, phone)
        office.scene.instant = office.scene.instant.later(290.0)
        if deed == "give":
            assert office.visit(f"{path}/give", {}).status_code == 422, "somebody else is starting"
        office.scene.instant = office.scene.instant.later(20.0)
        office.visit(path)
        office.begin(READY, "04AABB")
        page = office.visit(path, cookies=phone).text
        assert '/need"' not in page
        assert (words in page) == (deed == "give")
        assert office.session(READY).need.energy_wh is None


def test_the_last_who_says_so_holds_the_card(office: DriverOffice) -> None:
    first, last = {}, {}  # type: dict[str, str], dict[str, str]
    path = f"/c/{office.slug(READY)}"
    office.visit(f"{path}/card", {}, first)
    office.visit(f"{path}/card", {}, last)
    office.begin(READY, "04AABB")
    assert '/need"' not in office.visit(path, cookies=first).text
    assert '/need"' in office.visit(path, cookies=last).text


def test_signed_values_and_receipts_are_for_who_began_the_session_alone(office: DriverOffice) -> None:
    """A signed value may name the card; whoever holds that is asked in person."""
    phone: dict[str, str] = {}
    path = f"/c/{office.slug(FREE)}"
    office.begin(FREE, "04AABB", 901)
    office.store.signed.kept(SignedValue("d", FREE, 901, office.scene.instant.utc, "Transaction.End", KEBA))
    office.visit(f"{path}/claim", {}, phone)
    office.visit(path, cookies=phone)
    for jar in (phone, None):
        assert office.visit(f"{path}/signed.xml", cookies=jar).status_code == 404
        assert office.visit(f"{path}/receipt", cookies=jar).status_code == 404


class Till:
    """Payments of whom one may be open at an EVSE; the payment service lets go of it a moment after it was asked to."""

    def __init__(self, office: DriverOffice) -> None:
        self._clock = office.scene
        self.known: list[Payment] = []
        self.returns: list[str] = []
        self._patience = 0

    async def begin(self, evse: str, back_url: str, key: str = "") -> Payment:
        self._patience -= 1
        if any(not one.state.is_over for one in self.known) and self._patience != 0:
            raise ValueError(f"somebody else is paying or charging at {evse}")
        now, number = self._clock.instant.utc, len(self.known)
        made = Payment(
            f"p{number}", f"PAY-{number}", evse, "sandbox", PRICES, 4000, 50, None, now, now + timedelta(minutes=30),
            now, back_url,
            PaymentState.HOLD_REQUESTED, url="https://pay.example/x",
        )  # fmt: skip
        self.known.append(made)
        return made

    async def payment(self, name: str) -> Payment:
        return next(one for one in self.known if one.id == name)

    async def opened(self, name: str, within_s: float) -> Payment:
        del within_s
        return await self.payment(name)

    def is_awaited(self, evse: str) -> bool:
        return any(one.evse == evse and one.state is PaymentState.STARTING for one in self.known)

    def returned(self, name: str) -> None:
        self.returns.append(name)

    def give_way(self, evse: str, before: datetime) -> bool:
        left = [one for one in self.known if one.evse == evse and one.created <= before and not one.state.is_over]
        for one in left:
            self._expire(one.id)
        return bool(left)

    async def top_up(self, account: str, prices: PriceList, back_url: str) -> Payment:
        raise AssertionError(f"nobody tops up from this page: {account}, {prices.id}, {back_url}")

    async def stop(self, name: str) -> Payment:
        self._expire(name)
        return await self.payment(name)

    def _expire(self, name: str) -> None:
        self._patience = 2
        self.known = [replace(one, state=PaymentState.EXPIRED) if one.id == name else one for one in self.known]

    async def cost(self, name: str) -> Cost | None:
        del name
        return None

    def noticed(self, signature: str, body: bytes) -> None:
        del signature, body


@pytest.fixture
def selling(tmp_path: Path) -> Iterator[DriverOffice]:
    with DriverOffice(tmp_path) as office:
        object.__setattr__(office.house, "payments", Till(office))
        office._runner.run(office.operations.change(PriceListKept(PRICES), "test"))
        yield office


def test_paying_leads_to_the_page_of_the_service_and_pressing_again_to_the_same(selling: DriverOffice) -> None:
    phone: dict[str, str] = {}
    path = f"/c/{selling.slug(READY)}"
    assert '/pay"' in selling.visit(path).text
    pages = [selling.visit(f"{path}/pay", {}, phone).text for _ in range(2)]
    assert all('content="0;url=https://pay.example/x"' in page for page in pages)
    assert isinstance(selling.house.payments, Till)
    assert len(selling.house.payments.known) == 1
    assert "Waiting for the payment" in selling.visit(path, cookies=phone).text
    assert "Waiting for the payment" not in selling.visit(path).text
    selling.visit(f"{path}/cancel", {}, phone)
    assert selling.house.payments.known[0].state is PaymentState.EXPIRED


def form_of(page: str) -> dict[str, str]:
    """What the form for a start carries."""
    return {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("once", "shown")}


def test_a_second_tap_goes_on_with_what_the_first_began_though_its_answer_was_dropped(selling: DriverOffice) -> None:
    path = f"/c/{selling.slug(READY)}"
    form, other = (form_of(selling.visit(path).text) for _ in range(2))
    assert form["once"] != other["once"]
    pages = [selling.visit(f"{path}/pay", form, {}) for _ in range(2)]
    assert all("https://pay.example/x" in page.text for page in pages)
    assert isinstance(selling.house.payments, Till)
    assert len(selling.house.payments.known) == 1
    assert selling.visit(f"{path}/pay", other, {}).status_code == 422, "another phone"
    selling.house.payments._expire("p0")
    assert "https://pay.example/x" not in selling.visit(f"{path}/pay", form, {}).text, "that one is over"
    assert "https://pay.example/x" in selling.visit(f"{path}/pay", form, {}).text
    assert [one.state.is_over for one in selling.house.payments.known] == [True, False]


def test_who_has_paid_and_goes_back_to_the_page_before_pays_nothing_twice(selling: DriverOffice) -> None:
    phone: dict[str, str] = {}
    path = f"/c/{selling.slug(READY)}"
    form = form_of(selling.visit(path).text)
    selling.visit(f"{path}/pay", form, phone)
    till = selling.house.payments
    assert isinstance(till, Till)
    till.known = [replace(one, state=PaymentState.AUTHORISED) for one in till.known]
    again = selling.visit(f"{path}/pay", form, phone)
    assert (again.status_code, again.headers["location"]) == (303, path)
    assert len(till.known) == 1


def test_two_taps_on_a_start_that_costs_nothing_are_one(gift: DriverOffice) -> None:
    path = f"/c/{gift.slug(READY)}"
    form = form_of(gift.visit(path).text)
    phones: list[dict[str, str]] = [{}, {}]
    assert [gift.visit(f"{path}/give", form, phone).status_code for phone in phones] == [303, 303]
    assert len(gift.switch.started) == 1
    assert gift.visit(f"{path}/give", {}).status_code == 422, "another phone"


def test_who_left_without_paying_keeps_nobody_away_for_long(selling: DriverOffice) -> None:
    path = f"/c/{selling.slug(READY)}"
    selling.visit(f"{path}/pay", {})
    refused = selling.visit(f"{path}/pay", {})
    assert (refused.status_code, "Somebody else is paying" in refused.text) == (422, True)
    selling.scene.instant = selling.scene.instant.later(200.0)
    assert "https://pay.example/x" in selling.visit(f"{path}/pay", {}).text
    assert isinstance(selling.house.payments, Till)
    assert [one.state.is_over for one in selling.house.payments.known] == [True, False]


def test_nobody_pays_a_price_that_was_changed_while_the_page_stood_open(selling: DriverOffice) -> None:
    path = f"/c/{selling.slug(READY)}"
    page, live = selling.visit(path).text, selling.visit(f"{path}/live").json()
    dearer = replace(PRICES, fees=(replace(PRICES.fees[0], price=Decimal("0.99")), *PRICES.fees[1:]))
    selling._runner.run(selling.operations.change(PriceListKept(dearer), "test"))
    refused = selling.visit(f"{path}/pay", form_of(page))
    assert (refused.status_code, "The price has changed meanwhile." in refused.text) == (422, True)
    assert "€0.99" in refused.text
    assert isinstance(selling.house.payments, Till)
    assert not selling.house.payments.known
    assert selling.visit(f"{path}/live").json()["key"] != live["key"], "a page that is live loads it by itself"
    assert "https://pay.example/x" in selling.visit(f"{path}/pay", form_of(refused.text)).text


def test_who_comes_back_from_the_payment_page_is_known_and_the_address_shows_nothing(selling: DriverOffice) -> None:
    phone: dict[str, str] = {}
    path = f"/c/{selling.slug(READY)}"
    selling.visit(f"{path}/pay", {})
    back = selling.visit(f"{path}?payment=p0", cookies=phone)
    assert (back.status_code, back.headers["location"]) == (303, path)
    assert isinstance(selling.house.payments, Till)
    assert selling.house.payments.returns == ["p0"], "who may have paid is not kept waiting"
    assert "HttpOnly" in back.headers["set-cookie"]
    assert "Waiting for the payment" in selling.visit(path, cookies=phone).text
    other: dict[str, str] = {}
    selling.visit(f"/c/{selling.slug(FREE)}?payment=p0", cookies=other)
    assert "Waiting for the payment" not in selling.visit(f"/c/{selling.slug(FREE)}", cookies=other).text


def begun(selling: DriverOffice, evse: str) -> tuple[str, dict[str, str], Till]:
    """The page of an EVSE, a phone on which somebody has pressed Pay there, and the till."""
    path, phone = f"/c/{selling.slug(evse)}", dict[str, str]()
    selling.visit(f"{path}/pay", {}, phone)
    assert isinstance(selling.house.payments, Till)
    return path, phone, selling.house.payments


def test_who_comes_after_somebody_has_paid_is_not_told_that_the_bay_is_free(selling: DriverOffice) -> None:
    path, phone, till = begun(selling, FREE)
    assert "Plug in your vehicle first" in selling.visit(path).text, "who has not paid keeps nobody away"
    till.known = [replace(one, state=PaymentState.STARTING) for one in till.known]
    other = selling.visit(path).text
    assert "Somebody has paid here, and is about to plug in." in other
    assert '/pay"' not in other
    assert "Somebody has paid here" not in selling.visit(path, cookies=phone).text


def test_who_left_the_vehicle_for_a_week_finds_it_and_what_is_over_is_forgotten_sooner(selling: DriverOffice) -> None:
    path, phone, till = begun(selling, READY)
    selling.scene.instant = selling.scene.instant.later(7 * 86_400.0)
    till.known = [replace(one, state=PaymentState.STARTING) for one in till.known]
    assert "Starting" in selling.visit(path, cookies=phone).text
    now = selling.scene.instant.utc
    for days, headline in ((1, "Thank you"), (3, "Plugged in")):
        till.known = [replace(one, state=PaymentState.CAPTURED, since=now - timedelta(days=days)) for one in till.known]
        assert f'role="status">{headline}' in selling.visit(path, cookies=phone).text
    session = selling.scene.state.evse(READY).session
    assert session is not None
    till.known = [replace(one, session=session.id) for one in till.known]
    assert 'role="status">Thank you' in selling.visit(path, cookies=phone).text, "the vehicle still stands there"


def test_where_there_are_terms_nobody_pays_without_agreeing(selling: DriverOffice) -> None:
    selling.imprint = Imprint(terms_url="https://example.com/terms")
    path = f"/c/{selling.slug(READY)}"
    refused = selling.visit(f"{path}/pay", {})
    assert (refused.status_code, "Agree to the terms first." in refused.text) == (422, True)
    assert "https://pay.example/x" in selling.visit(f"{path}/pay", {"terms": "yes"}).text


def test_who_hurries_says_so_and_thinks_better_of_it(office: DriverOffice) -> None:
    phone: dict[str, str] = {}
    path = f"/c/{office.slug(READY)}"
    office.visit(f"{path}/card", {"leave": "23:50", "pace": "flexible"}, phone)
    office.begin(READY, "04AABB")
    assert office.session(READY).need.hurries is False
    office.visit(f"{path}/need", {"pace": "soon"}, phone)
    need = office.session(READY).need
    assert need.hurries
    assert need.departure is not None
    office.visit(f"{path}/need", {"kwh": "20"}, phone)
    assert office.session(READY).need.hurries, "what is not said stays"
    office.visit(f"{path}/need", {"pace": "flexible"}, phone)
    assert not office.session(READY).need.hurries


def test_the_choice_is_there_where_it_makes_a_difference_and_the_operator_offers_it(tmp_path: Path) -> None:
    offered = []
    for may, strategy in ((True, Strategy.CHEAPEST), (True, Strategy.EQUAL), (False, Strategy.CHEAPEST)):
        name = f"{may}-{strategy.value}"
        (tmp_path / name).mkdir()
        with DriverOffice(tmp_path / name, Imprint(may_hurry=may)) as opened:
            opened.scene.state = replace(opened.scene.state, chosen=strategy)
            phone: dict[str, str] = {}
            path = f"/c/{opened.slug(READY)}"
            offered.append("As soon as possible" in opened.visit(path).text)
            answer = opened.visit(f"{path}/card", {"pace": "soon"}, phone)
            assert (answer.status_code == 303) is may
            assert may or "That is not offered here." in answer.text
    assert offered == [True, False, False]
