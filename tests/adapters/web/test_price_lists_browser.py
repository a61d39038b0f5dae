"""Price lists in a real browser: written, priced before they are kept, changed, and not lost when two do so at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.web.test_browser import CHROMIUM, Visit
from tests.adapters.web.test_pages_browser import SIZES, Site, chromium, site

__all__ = ["chromium", "site"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")


def fee(visit: Visit, nth: int, **told: str) -> None:
    row = visit.page.locator("#fees .fee").nth(nth)
    for name, value in told.items():
        field = row.locator(f"[data-of={name}]")
        field.select_option(value) if name == "unit" else field.fill(value)


def test_a_list_is_written_priced_kept_and_counts(chromium: Any, site: Site) -> None:
    visit = Visit(chromium, site.url("/price-lists"), viewport=SIZES["phone"])
    page = visit.page
    page.click("text=Add a price list")
    for name, value in {
        "id": "yard",
        "name": "Yard",
        "vat_percent": "19",
        "hold": "40",
        "idle_grace_min": "10",
    }.items():
        page.fill(f"#list [name={name}]", value)
    fee(visit, 0, price="0,50")
    page.click("#more")
    fee(visit, 1, price="0.1", unit="idle-minute", when="Mon-Sun 06:00-22:00")
    page.click("text=Only at some EVSEs")
    page.check("#list [name=evses][value='CP-02/1']")
    page.fill("#list [name=energy_kwh]", "10")
    page.click("#preview")
    visit.expects("#shown tbody tr").to_have_text("10.000 kWh0.55.00")
    visit.expects("#shown tfoot").to_contain_text("5.00")
    page.click("#list button:not([type])")
    visit.expects("#said").to_have_text("yard is kept.")
    visit.expects("#places").to_contain_text("Yard at CP-02/1")
    kept = site.do(lambda: site.office.operations.daybook.prices.lists["yard"])
    assert [(str(one.price), one.unit.value) for one in kept.fees] == [("0.50", "kwh"), ("0.1", "idle-minute")]
    assert (kept.evses, kept.idle_grace_min, str(kept.hold)) == (("CP-02/1",), 10, "40")
    page.click("[data-forget='/api/v1/price-lists/yard']")
    visit.expects("#lists").not_to_contain_text("Yard")
    assert visit.complaints == []
    page.close()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"price": "a lot"}, "price"),
        ({"price": "0.5", "when": "sometimes"}, "'sometimes'"),
        ({"price": "0.5", "seasons": "summer"}, "'summer' is not a season"),
        ({"price": "0.5", "when": "Mon-Fri 17:07-20:00"}, "a fee changes at 17:07"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_written_stays(
    chromium: Any, site: Site, told: dict[str, str], words: str
) -> None:
    visit = Visit(chromium, site.url("/price-lists"), viewport=SIZES["desk"])
    visit.page.click("text=Add a price list")
    visit.page.fill("#list [name=id]", "odd")
    fee(visit, 0, **told)
    visit.page.click("#preview")
    visit.expects("#shown").to_contain_text(words)
    visit.page.click("#list button:not([type])")
    visit.expects("#list .refusal").to_contain_text(words)
    assert visit.page.locator("#fees [data-of=price]").input_value() == told["price"]
    assert "odd" not in site.do(lambda: site.office.operations.daybook.prices.lists)
    visit.page.close()


def test_who_comes_too_late_is_told_and_a_copy_is_another_list(chromium: Any, site: Site) -> None:
    first, other = (Visit(chromium, site.url("/price-lists"), viewport=SIZES["desk"]) for _ in range(2))
    for visit in (first, other):
        visit.page.click("button[aria-label='Edit public']")
        visit.expects("#fees .fee").to_have_count(2)
    fee(other, 1, price="0.41")
    other.page.click("#list button:not([type])")
    other.expects("#said").to_contain_text("public is kept")
    fee(first, 1, price="0.45")
    first.page.click("#list button:not([type])")
    first.expects("#list .refusal").to_contain_text(
        "Somebody has changed public meanwhile: Fees in EUR, VAT inside is now 0.59 per kWh Mon-Fri 17:00-20:00, 0."
    )
    first.page.click("#list [data-theirs]")
    assert first.page.locator("#fees [data-of=price]").nth(1).input_value() == "0.41"
    first.page.click("button[aria-label='Copy public']")
    first.expects("#list [name=id]").to_be_focused()
    first.page.fill("#list [name=id]", "later")
    first.page.fill("#list [name=valid_from]", "2099-01-01")
    first.page.click("#list button:not([type])")
    first.expects("#list .refusal").to_contain_text("would both count for somebody")
    other.page.close()
    first.page.close()


def test_fees_are_put_in_order_and_left_out_by_the_keyboard(chromium: Any, site: Site) -> None:
    visit = Visit(chromium, site.url("/price-lists"), viewport=SIZES["desk"])
    page = visit.page
    page.click("text=Add a price list")
    for nth, price in enumerate(("1", "2", "3")):
        if nth:
            page.focus("#more")
            page.keyboard.press("Enter")
        fee(visit, nth, price=price)
    page.locator("[data-up]").nth(2).press("Enter")

    def prices() -> list[str]:
        return [one.input_value() for one in page.locator("#fees [data-of=price]").all()]

    assert prices() == ["1", "3", "2"]
    visit.expects("[data-up]:focus").to_have_count(1)
    page.locator("[data-out]").nth(0).press("Enter")
    assert prices() == ["3", "2"]
    visit.expects("[data-out]:focus").to_have_count(1)
    page.close()
