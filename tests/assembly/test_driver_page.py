"""A driver scans the code on a charger, pays, charges behind a small fuse, stops, and gets a receipt that adds up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

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
    visit.expects("[data-f=power]").to_have_text(re.compile(r"^(10\.[5-9]|11\.[01])\skW$"))
    visit.expects("[data-f=want]").to_have_text("12.0 kWh")
    visit.expects("[data-f=leave]").to_contain_text("23:59")
    session = lot.do(lambda: lot.daemon.live.state.evse("CP-01/1").session)
    assert session is not None
    assert (session.need.energy_wh, session.need.origin.value) == (12_000.0, "stated")
    assert session.cap_wh is not None
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
    picture(visit, tmp_path, "receipt")
    axe_of(visit)
    assert visit.complaints == []
    page.close()
