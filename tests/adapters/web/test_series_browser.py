"""The page of series in a real browser: a table is read, taken and taken back; a wrong one names its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from tests.adapters.web.test_browser import CHROMIUM, Daemon, Visit, chromium
from tests.adapters.web.test_energy import GreenMarket

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

TABLE = "start;intensity_g_kwh\n2026-11-21T05:00+01:00;410\n2026-11-21T06:00+01:00;n/a\n2026-11-21T07:00+01:00;395\n"


class Market(Daemon):
    """The web server of an office whose reports follow a series."""

    def __init__(self, folder: Path) -> None:
        self.office = GreenMarket(folder)
        self.scene = self.office.scene
        ways = self.office.further
        self.serve(WebServer(self.scene, self.scene, WebOptions(port=0), self.office.operations, None, ways))

    def stop(self) -> None:
        super().stop()
        self.office.close()


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    one = Market(tmp_path)
    yield one
    one.stop()


def test_a_table_is_read_taken_and_taken_back(chromium: Any, market: Market, tmp_path: Path) -> None:
    visit = Visit(chromium, f"{market.url}series", viewport={"width": 390, "height": 900})
    page = visit.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("text=Take a table")
    wrong, right = tmp_path / "wrong.csv", tmp_path / "right.csv"
    wrong.write_text(TABLE.replace("410", "x").replace("395", "y"))
    right.write_text(TABLE)
    page.set_input_files("[name=file]", wrong)
    page.click("text=What would be taken")
    visit.expects(".preview li").to_have_count(3)
    visit.expects(".preview").to_contain_text("row 2: the intensity 'x' is not a number")
    visit.expects("[data-take]").to_be_hidden()
    page.set_input_files(
        "[name=file]", {"name": "prices.xlsx", "mimeType": "", "buffer": b"PK\x03\x04\0\xe4[Content_Types].xml"}
    )
    page.click("text=What would be taken")
    visit.expects(".preview").to_contain_text("this is the workbook of a spreadsheet, not a CSV file")
    visit.expects(".preview").to_contain_text("save its sheet as CSV")
    hours = (f"2026-11-{21 + n // 24}T{n % 24:02}:00+01:00;x" for n in range(230))
    many = "\n".join((TABLE.partition("\n")[0], *hours))
    page.set_input_files("[name=file]", {"name": "many.csv", "mimeType": "text/csv", "buffer": many.encode()})
    page.click("text=What would be taken")
    visit.expects(".preview").to_contain_text("200 of 230 rows are shown here")
    visit.expects(".preview li").to_have_count(200)
    page.set_input_files("[name=file]", right)
    visit.expects(".preview").to_be_empty()
    page.click("text=What would be taken")
    visit.expects(".preview").to_contain_text("2 values from 21 Nov 2026")
    visit.expects(".preview").to_contain_text("nothing has changed yet")
    assert "Delete what was pushed" not in page.inner_text("main")
    page.click("[data-take]")
    visit.expects("#said").to_contain_text("The table was taken")
    visit.expects(".preview").to_be_empty()
    visit.expects("form button:not([type]):focus").to_have_count(1)
    visit.expects("tbody tr:first-child").to_contain_text("Sat 21 Nov 2026")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    found = axe.run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    page.click("text=Delete what was pushed")
    visit.expects("#said").to_contain_text("It is gone")
    visit.expects("tbody tr:first-child").to_contain_text("Fri 20 Nov 2026")
    assert visit.complaints == [] or all("422" in one for one in visit.complaints), visit.complaints
    page.close()
