"""The pages of money in a real browser: what goes back, what is booked, and a bill that is closed and printed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from ems.domain.access.change import GroupKept, PersonKept, TagsKept
from ems.domain.access.tag import Group, Person, Tag
from ems.domain.billing import payment as p
from ems.ports.controller import Service
from tests.adapters.web.money_office import MoneyOffice, paid, sold
from tests.adapters.web.test_browser import CHROMIUM, Daemon, Visit, chromium
from tests.adapters.web.test_injection import HOSTILE

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
AT = datetime(2026, 1, 14, 9, 30, tzinfo=UTC)


class Bank(Daemon):
    """The web server of an office with its services, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self.office = MoneyOffice(folder)
        self.scene = self.office.scene
        filling = threading.Thread(target=self._fill)  # the browser has a loop in this thread
        filling.start()
        filling.join()
        ways = self.office.ways(self.office.store.ledger.recovered(self.scene.instant))
        self.server = WebServer(self.scene, self.scene, WebOptions(port=0), self.office.operations, None, ways)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.do(lambda: None)
        self.change(
            PersonKept(Person("ada", "Ada Lovelace")),
            PersonKept(Person("bob", "Bob")),
            GroupKept(Group("fleet", "Delivery fleet")),
            TagsKept((Tag("04A1", person="ada", groups=("fleet",)),)),
        )

    def _fill(self) -> None:
        store, hostile = self.office.store, HOSTILE["I02 script"]
        for k in range(3):
            at = AT + timedelta(days=k)
            paid(store, k, at, sold(store, at, 9137 + 1500 * k))
        paid(store, 7, AT, None, p.StartAsked(), p.StartFailed(hostile), p.Released())
        for k in range(4):
            sold(store, AT + timedelta(days=k, hours=3), 12_000 + 777 * k, ("fleet",), "ada")
        asyncio.run(store.flush())

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)

        async def all_of_it() -> None:
            async with asyncio.TaskGroup() as group:
                services: tuple[Service, ...] = (self.server, self.office.cashier, *self.office.money.services)
                for one in services:
                    group.create_task(one.run())

        self._task: Any = self._loop.create_task(all_of_it())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def change(self, *changes: Any) -> None:
        """Somebody else changes something."""
        for one in changes:
            asyncio.run_coroutine_threadsafe(self.office.operations.change(one, "somebody else"), self._loop).result(10)

    def stop(self) -> None:
        super().stop()
        self.office.close()


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    one = Bank(tmp_path)
    yield one
    one.stop()


def test_a_payment_is_found_and_a_part_of_it_given_back(chromium: Any, bank: Bank) -> None:
    visit = Visit(chromium, bank.url + "payments", viewport={"width": 390, "height": 844})
    visit.expects("#payments li").to_have_count(4)
    visit.page.select_option("[name=state]", "captured")
    visit.page.click(".find button")
    visit.expects("#payments li").to_have_count(3)
    visit.expects("#sums").to_contain_text("3 payments")
    visit.page.click("#payments li:last-child a")
    visit.page.fill("#refund [name=amount]", "1.50")
    visit.page.fill("#refund [name=reason]", "cable did not fit")
    visit.page.click("#refund button")
    visit.expects("#refund button").to_have_text("Press again to give it back")
    visit.page.click("#refund button")
    visit.expects("#said").to_contain_text("It is noted")
    visit.expects("#refunds li").to_contain_text("cable did not fit")
    visit.page.click("#refunds a")
    visit.expects("h2").to_contain_text("Credit note PAY-0000000000000000-C1")
    visit.expects(".sheet tbody").to_contain_text("-1.50 EUR")
    assert visit.complaints == []
    visit.page.close()


def test_an_account_is_opened_booked_to_and_topped_up_by_its_owner(chromium: Any, bank: Bank) -> None:
    visit = Visit(chromium, bank.url + "prepaid")
    visit.page.select_option("#open select", "ada")
    visit.page.click("#open button")
    visit.expects("#accounts li").to_contain_text("Ada Lovelace")
    visit.page.click("#accounts a")
    visit.page.fill("#book [name=amount]", "30")
    visit.page.fill("#book [name=note]", "cash at the gate")
    visit.page.click("#book button")
    visit.expects("#balance").to_have_text("30.00 EUR")
    visit.expects("#bookings").to_contain_text("Booked by hand: cash at the gate")
    visit.page.fill("#book [name=amount]", "-31")
    visit.page.fill("#book [name=note]", "too much")
    visit.page.click("#book button")
    visit.expects("#said").to_contain_text("only 30.00 EUR are left")
    visit.page.click(".facts a")
    visit.expects("#balance").to_have_text("30.00")
    visit.page.fill("#top-up [name=amount]", "20")
    visit.page.click("#top-up button")
    visit.page.click("button[value=approve]")
    visit.page.wait_for_url("**/my/**")
    for _ in range(20):
        if visit.text("#balance") == "50.00":
            break
        visit.page.wait_for_timeout(300)
        visit.page.reload()
    visit.expects("#balance").to_have_text("50.00")
    assert all("422" in one for one in visit.complaints), "what was refused, and nothing else"
    visit.page.close()


def test_a_month_is_billed_closed_corrected_and_fits_paper(chromium: Any, bank: Bank, tmp_path: Path) -> None:
    visit = Visit(chromium, bank.url + "billing")
    visit.page.fill("#add [name=title]", "Ada Ltd")
    visit.page.fill("#add textarea", "1 Yard\nLondon")
    visit.page.click("#add button")
    visit.expects("main h2").to_have_count(2)
    visit.page.goto(bank.url + "billing/fleet/2026-01")
    visit.expects(".sheet tbody tr").to_have_count(4)
    total = visit.text("#total")
    visit.page.click("#close button")
    visit.page.click("#close button")
    visit.expects("#correct").to_be_visible()
    visit.expects("#total").to_have_text(total)
    visit.page.fill("#correct [name=amount]", "-2.5")
    visit.page.fill("#correct [name=note]", "meter was wrong")
    visit.page.click("#correct button:not([type])")
    visit.expects("#said").to_contain_text("next month")
    visit.expects("#total").to_have_text(total)
    with visit.page.expect_download() as coming:
        visit.page.click("a[download]")
    lines = Path(coming.value.path()).read_text("utf-8-sig").splitlines()
    assert len(lines) == 5
    visit.page.emulate_media(media="print")
    visit.page.pdf(path=str(tmp_path / "statement.pdf"), format="A4")
    assert visit.page.locator("nav").is_hidden()
    assert visit.page.locator("#correct").is_hidden()
    visit.page.emulate_media(media="screen")
    visit.page.goto(bank.url + "billing/fleet/2026-02")
    visit.expects(".sheet tbody").to_contain_text("Correction of 2026-01: meter was wrong")
    assert visit.complaints == []
    visit.page.close()


PAGES = ("payments", "payments/PAY-0000000000000001", "prepaid", "prepaid/bob", "billing", "billing/fleet/2026-01")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("path", PAGES)
def test_everybody_can_use_them(chromium: Any, bank: Bank, scheme: str, width: int, path: str, tmp_path: Path) -> None:
    """axe-core finds nothing, and nothing is wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    visit = Visit(chromium, bank.url + "prepaid", color_scheme=scheme, viewport={"width": width, "height": 900})
    visit.page.select_option("#open select", "bob")
    visit.page.click("#open button")
    visit.expects("#accounts li").to_contain_text("Bob")
    visit.page.goto(bank.url + "billing")
    visit.page.fill("#add [name=title]", "Ada Ltd")
    visit.page.click("#add button")
    visit.expects("main h2").to_have_count(2)
    visit.page.goto(bank.url + path)
    for summary in visit.page.locator("summary").all():
        summary.click()
    result = axe.run(visit.page)
    assert result.violations_count == 0, result.generate_report()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    visit.page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
    assert visit.complaints == []
    visit.page.close()
