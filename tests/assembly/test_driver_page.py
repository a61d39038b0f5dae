"""A driver scans the code on a charger, pays, charges behind a small fuse, stops, and gets a receipt that adds up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ems.domain.record.signed_value import SignedValue
from ems.settings.machine_token import known_token
from ems.sim.manners import Manners
from tests.adapters.ocmf.test_examination import KEBA
from tests.adapters.web.test_browser import CHROMIUM, Visit, chromium
from tests.assembly.lot import Lot, site_at

__all__ = ["chromium"]
pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
    pytest.mark.timeout(150),
]
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "locale": "en-GB"}
MOST_BYTES = 100_000


@pytest.fixture(scope="module")
def lot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lot]:
    more = "payment: {provider: sandbox}\naccess: {mode: tags}\n"
    opened = Lot(site_at(tmp_path_factory.mktemp("lot"), more))
    yield opened
    opened.close()


def axe_of(visit: Visit) -> Any:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    result = axe.run(visit.page)
    assert result.violations_count == 0, result.generate_report()
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def picture(visit: Visit, folder: Path, name: str) -> None:
    visit.page.screenshot(path=str(folder / f"{name}.png"), full_page=True)


def amount(text: str) -> Decimal:
    return Decimal(re.sub(r"[^\d.]", "", text))


def test_a_driver_pays_charges_stops_and_gets_a_receipt_that_adds_up(chromium: Any, lot: Lot, tmp_path: Path) -> None:
    weight: list[int] = []
    visit = Visit(chromium, "about:blank", **PHONE)
    page = visit.page
    page.on("requestfinished", lambda request: weight.append(sum(request.sizes().values())))
    page.goto(lot.url, wait_until="networkidle")
    assert 0 < sum(weight) < MOST_BYTES, weight
    visit.expects("[data-f=headline]").to_have_text("Free")
    picture(visit, tmp_path, "free")
    lot.plug()
    visit.expects("[data-f=headline]").to_have_text("Plugged in")
    assert "€200.00" in visit.text(".hold")
    axe_of(visit)
    page.click("summary:has-text('How much')")
    page.fill("[name=kwh]", "12")
    page.fill("[name=leave]", "23:59")
    picture(visit, tmp_path, "plugged")
    page.click("text=Pay by phone")
    page.wait_for_url("**/pay/sandbox/**")
    page.click("text=Approve")
    page.wait_for_url(lot.url)
    visit.expects("[data-f=headline]").to_have_text("Charging")
    visit.expects("[data-f=why]").to_have_text("The supply here is at its limit. The power is shared fairly.")
    # The station tells every ten seconds what flows, and its first word may come before it is allowed as much.
    visit.expects("[data-f=power]").to_have_text(re.compile(r"^(10\.[5-9]|11\.[01])\skW$"), timeout=60_000)
    visit.expects("[data-f=want]").to_have_text("12.0 kWh")
    visit.expects("[data-f=leave]").to_contain_text("23:59")
    session = lot.do(lambda: lot.daemon.live.state.evse("CP-01/1").session)
    assert session is not None
    assert (session.need.energy_wh, session.need.origin.value) == (12_000.0, "stated")
    assert session.cap_wh is not None
    assert session.transaction is not None
    told = SignedValue("d1", "CP-01/1", session.transaction.id, session.plugged, "Transaction.End", KEBA)
    lot.do(lambda: lot.daemon.store.signed.kept(told))
    picture(visit, tmp_path, "charging")
    axe_of(visit)
    page.click("text=+30 min")
    visit.expects("[role=status].said").to_have_text("Noted. The site plans with it.")
    visit.expects("[data-f=cost]").not_to_have_text("€0.00")
    page.click("summary:has-text('Stop charging')")
    page.click("text=Stop now")
    visit.expects("[data-f=headline]").to_have_text("Charging has ended")
    lot.unplug()
    visit.expects("[data-f=headline]").to_have_text("Thank you")
    paid = visit.text("[data-f=money]")
    picture(visit, tmp_path, "paid")
    page.click("text=Receipt")
    lines = [amount(text) for text in page.locator("[data-amount]").all_inner_texts()]
    total = amount(visit.text("[data-f=total]"))
    assert len(lines) == 2
    assert sum(lines) == total == amount(visit.text("[data-f=net]")) + amount(visit.text("[data-f=vat]"))
    assert f"€{total}" in paid
    assert f"€{200 - total}" in paid
    assert "DE123456789" in visit.text("main")
    assert re.search(r"Meter\s+[\d.,]+\skWh – [\d.,]+\skWh", page.inner_text("main"))
    with page.expect_download() as waiting:
        page.click("text=Signed meter values")
    assert "OCMF|" in Path(waiting.value.path()).read_text("utf-8")
    (taken,) = lot.ask("GET", "/payments?state=captured")["payments"]
    back = {"amount": "0.10", "reason": "the cable was too short"}
    lot.ask("PUT", f"/payment-records/{taken['reference']}/refunds/r1", back)
    page.reload()
    visit.expects("[data-f=given-back]").to_have_text(re.compile("€0.10 go back to your card.*the cable was too short"))
    picture(visit, tmp_path, "receipt")
    axe_of(visit)
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{lot.url}?lang=de")
    page.click("text=Beleg")
    picture(visit, tmp_path, "receipt-small")
    axe_of(visit)
    card = "document.querySelector('.receipt .card').getBoundingClientRect().right"
    assert page.evaluate(
        f"[...document.querySelectorAll('[data-amount]')].every(a => a.getBoundingClientRect().right < {card})"
    )
    assert visit.complaints == []
    page.close()


def test_what_goes_wrong_is_said_in_the_drivers_language_and_a_report_reaches_the_operator(
    chromium: Any, lot: Lot, tmp_path: Path
) -> None:
    lot.do(lambda: setattr(lot.station, "manners", Manners(refused=frozenset({"RemoteStartTransaction"}))))
    lot.plug()
    phone = Visit(chromium, lot.url, **{**PHONE, "locale": "de-DE"}, color_scheme="dark")
    page = phone.page
    phone.expects("[data-f=headline]").to_have_text("Angesteckt")
    axe_of(phone)
    picture(phone, tmp_path, "plugged-dark-german")
    page.click("text=Mit dem Handy bezahlen")
    page.click("text=Approve")
    phone.expects("[data-f=lead]").to_have_text("Der Ladepunkt hat den Start abgelehnt.")
    phone.expects("[data-f=money]").to_have_text("Es wurde nichts berechnet; der reservierte Betrag wird freigegeben.")
    picture(phone, tmp_path, "refused-dark-german")
    page.click("summary:has-text('Ein Problem melden')")
    page.select_option("[name=trouble]", "will-not-start")
    page.fill("[name=text]", "<img src=x onerror=alert(1)> geht nicht")
    page.click("text=Senden")
    phone.expects("p.said").to_have_text("Danke. Der Betreiber weiß Bescheid.")
    page.click("text=Noch einmal laden")
    phone.expects("[data-f=headline]").to_have_text("Angesteckt")
    page.click("text=English")
    phone.expects("[data-f=headline]").to_have_text("Plugged in")
    lot.do(lambda: setattr(lot.station, "manners", Manners()))
    lot.unplug()
    phone.expects("[data-f=headline]").to_have_text("Free")
    assert phone.complaints == []
    page.close()
    headers = {"Authorization": f"Bearer {known_token(lot.site.state)}"}
    for scheme, width in (("dark", 390), ("light", 1280)):
        desk = Visit(
            chromium, f"{lot.site.page}/stickers", extra_http_headers=headers, color_scheme=scheme,
            viewport={"width": width, "height": 900},
        )  # fmt: skip
        desk.expects("#reports li >> nth=0").to_contain_text("Charging does not start")
        desk.expects("#reports li >> nth=0").to_contain_text("<img src=x onerror=alert(1)> geht nicht")
        desk.expects(".sheet svg").to_have_count(2)
        axe_of(desk)
        picture(desk, tmp_path, f"stickers-{scheme}")
        if scheme == "light":
            desk.page.click("text=Seen to")
            desk.expects("#reports li >> nth=0").to_contain_text("seen to by")
            desk.page.emulate_media(media="print")
            picture(desk, tmp_path, "stickers-print")
        assert desk.complaints == []
        desk.page.close()


def test_without_scripts_a_driver_pays_too(chromium: Any, lot: Lot) -> None:
    lot.plug()
    phone = Visit(chromium, lot.url, java_script_enabled=False, **PHONE)
    page = phone.page
    while "Plugged in" not in phone.text("[data-f=headline]"):
        page.reload()
    page.click("text=Pay by phone")
    page.wait_for_url("**/pay/sandbox/**")
    page.click("text=Decline")
    page.wait_for_url(lot.url)
    for _ in range(50):
        if "It did not work" in phone.text("[data-f=headline]"):
            break
        page.wait_for_timeout(200)
        page.reload()
    assert phone.text("[data-f=lead]") == "Your card was declined."
    assert phone.text("[data-f=money]") == "Nothing was blocked."
    page.close()
    lot.unplug()


def test_a_page_that_cannot_be_loaded_says_that_it_is_old_and_is_loaded_when_it_can(chromium: Any, lot: Lot) -> None:
    """The stream still tells that the bay is another; a moment in a dead spot must not leave the old page there."""
    phone = Visit(chromium, lot.url, **PHONE)
    phone.expects("[data-f=headline]").to_have_text("Free")
    phone.page.route(lot.url, lambda route: route.abort())
    lot.plug()
    phone.expects("#stale").to_be_visible()
    phone.page.unroute(lot.url)
    phone.expects("[data-f=headline]").to_have_text("Plugged in")
    phone.expects("#stale").to_be_hidden()
    phone.page.close()
    lot.unplug()


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Lot]:
    """Energy is given away, and a sticker alone begins nothing."""
    opened = Lot(site_at(tmp_path, "access: {mode: free}\n", ", link: rotating"), None)
    yield opened
    opened.close()


def test_where_energy_is_given_away_the_code_of_the_display_begins(chromium: Any, given: Lot, tmp_path: Path) -> None:
    given.plug()
    headers = {"Authorization": f"Bearer {known_token(given.site.state)}"}
    display = Visit(chromium, f"{given.site.page}/stickers/display/CP-01/1", extra_http_headers=headers)
    display.expects("svg").to_have_count(1)
    axe_of(display)
    picture(display, tmp_path, "display")
    display.page.close()
    phone = Visit(chromium, given.url, **PHONE)
    phone.expects("[data-f=headline]").to_have_text("Plugged in")
    phone.expects("[data-tone=wait].said").to_contain_text("it changes every minute")
    phone.expects("text=Start >> nth=-1").not_to_have_class("press first")
    link = given.ask("GET", f"/stickers/{given.slug}/link")["url"]
    phone.page.goto(link)
    phone.page.click("button:has-text('Start')")
    phone.expects("[data-f=headline]").to_have_text("Charging")
    phone.page.click("summary:has-text('Stop charging')")
    phone.page.click("text=Stop now")
    phone.expects("[data-f=headline]").to_have_text("Charging has ended")
    given.unplug()
    phone.expects("[data-f=headline]").to_have_text("Thank you")
    assert phone.complaints == []
    phone.page.close()
