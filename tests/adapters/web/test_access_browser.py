"""The page of people and tags in a real browser: a card is adopted by one click, and all can use it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from ems.domain.access.change import (
    PersonKept,
    PersonRemoved,
    ReservationRemoved,
    Reserved,
    TagRemoved,
    TagsKept,
    Waits,
    WaitsNoMore,
)
from ems.domain.access.reservation import Reservation, Waiting
from ems.domain.access.tag import Budget, Person, Rule, Tag, hours_of
from tests.adapters.web.access_office import AccessOffice
from tests.adapters.web.test_browser import CHROMIUM, Daemon, Visit, chromium
from tests.adapters.web.test_injection import HOSTILE

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

NAMES = tuple(text for text in HOSTILE.values() if text.isprintable() and text.strip() == text and len(text) < 100)[:8]


class Lodge(Daemon):
    """The web server of an office, in the event loop of another thread."""

    def __init__(self, folder: Path) -> None:
        self.office = AccessOffice(folder)
        self.scene = self.office.scene
        ways = self.office.ways(self.office.store.ledger.recovered(self.scene.instant))
        self.serve(WebServer(self.scene, self.scene, WebOptions(port=0), self.office.operations, None, ways))

    def change(self, *changes: Any) -> None:
        """Somebody else changes something."""
        for one in changes:
            asyncio.run_coroutine_threadsafe(self.office.operations.change(one, "somebody else"), self._loop).result(10)

    def stop(self) -> None:
        super().stop()
        self.office.close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lodge]:
    one = Lodge(tmp_path_factory.mktemp("lodge"))
    yield one
    one.stop()


@pytest.fixture
def lodge(opened: Lodge) -> Lodge:
    """Nothing is known of anybody."""
    book = opened.office.operations.daybook.access
    opened.change(
        *(WaitsNoMore(one.id) for one in book.waiting),
        *(ReservationRemoved(number) for number in book.reservations),
        *(TagRemoved(tag.id) for tag in book.tags.values()),
        *(PersonRemoved(name) for name in book.people),
    )
    opened.do(lambda: [opened.office.desk.forget(card.tag) for card in opened.office.desk.cards])
    return opened


def test_a_card_that_nobody_knows_is_on_top_and_adopted_by_one_click(chromium: Any, lodge: Lodge) -> None:
    lodge.do(lambda: (lodge.office.present("04A1B2C3"), lodge.office.present("0B0B0B0B")))
    visit = Visit(chromium, lodge.url + "access", viewport={"width": 390, "height": 844})
    visit.expects("#unknown li").to_have_count(2)
    assert visit.page.locator("main > section:visible").first.get_attribute("id") == "unknown"
    visit.page.fill('form[data-adopt="04A1B2C3"] input', "ada")
    visit.page.click('form[data-adopt="04A1B2C3"] button:not([type])')
    visit.expects("#said").to_have_text("04A1B2C3 may charge from now on.")
    visit.expects("#unknown li").to_have_count(1)
    visit.expects("#tags .tag").to_have_text("04A1B2C3")
    visit.expects("#people li").to_contain_text("ada")
    assert lodge.do(lambda: lodge.office.present("04a1b2c3"))
    visit.page.click('[data-forget="/api/v1/cards/0B0B0B0B"]')
    visit.expects("#unknown").to_be_hidden()
    visit.expects("#find [name=words]").to_be_focused()
    assert visit.complaints == []
    visit.page.close()


def test_a_tag_is_added_blocked_and_not_forgotten_when_somebody_else_changed_it(chromium: Any, lodge: Lodge) -> None:
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("text=Add a tag")
    for name, value in {"id": "04A1", "name": "Ada", "hours": "Mon-Fri 06:00-22:00", "budget_kwh": "200"}.items():
        visit.page.fill(f"#add-tag [name={name}]", value)
    visit.page.click("#add-tag button")
    visit.expects("#tags li").to_contain_text("Mon-Fri 06:00-22:00; 0.0 of 200 kWh a month")
    visit.page.click("[data-block='04A1']")
    visit.expects("#tags .bad").to_contain_text("blocked")
    assert lodge.office.operations.daybook.access.tags["04a1"].is_blocked
    etag = visit.page.get_attribute("[data-forget='/api/v1/tags/04A1']", "data-etag")
    lodge.change(TagsKept((Tag("04A1", "changed"),)))
    visit.page.evaluate("etag => document.querySelector('#tags [data-forget]').dataset.etag = etag", etag)
    visit.page.click("#tags [data-forget]")
    visit.expects("#said").to_contain_text("somebody has changed '04A1' meanwhile")
    visit.expects("#tags li").to_contain_text("changed")
    visit.page.close()


def test_a_list_shows_what_would_change_before_it_does(chromium: Any, lodge: Lodge) -> None:
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("text=Take a list")
    for text, words in (
        ("tag;groups\nA1;nobody\n", "there is no group 'nobody'"),
        ("tag;name\nA1;Ada\n", "new: A1 Ada"),
    ):
        visit.page.set_input_files("#list input", {"name": "t.csv", "mimeType": "text/csv", "buffer": text.encode()})
        visit.page.click("#list button:not([type])")
        visit.expects("#preview").to_contain_text(words)
    assert lodge.office.operations.daybook.access.tags == {}
    visit.page.click("#take")
    visit.expects("#tags .tag").to_have_text("A1")
    visit.expects("#preview").to_be_empty()
    visit.expects("form button:not([type]):focus").to_have_count(1)
    visit.page.close()


def test_a_long_list_says_how_much_of_it_is_shown(chromium: Any, lodge: Lodge) -> None:
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("text=Take a list")
    text = "tag\n" + "".join(f"A{number}\n" for number in range(250))
    visit.page.set_input_files("#list input", {"name": "t.csv", "mimeType": "text/csv", "buffer": text.encode()})
    visit.page.click("#list button:not([type])")
    visit.expects("#preview").to_contain_text("250 tags; nothing has changed yet.200 of 250 rows are shown here.")
    visit.expects("#preview li").to_have_count(200)
    visit.page.close()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_a_list_is_read_in_the_encodings_of_spreadsheets(chromium: Any, lodge: Lodge, encoding: str) -> None:
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("text=Take a list")
    content = "Kartennummer;Beschreibung;Gültig bis\r\nA1;Jürgen Groß;31.12.2027\r\n".encode(encoding)
    visit.page.set_input_files("#list input", {"name": "Karten.csv", "mimeType": "text/csv", "buffer": content})
    visit.page.click("#list button:not([type])")
    visit.expects("#preview li").to_have_text("new: A1 Jürgen Groß")
    visit.page.click("#take")
    visit.expects("#tags .tag").to_have_text("A1")
    assert lodge.office.operations.daybook.access.tags["a1"].valid_to is not None
    visit.page.close()


def test_what_was_not_looked_at_is_not_taken(chromium: Any, lodge: Lodge, tmp_path: Path) -> None:
    visit, (first, other) = Visit(chromium, lodge.url + "access"), (tmp_path / "first.csv", tmp_path / "other.csv")
    visit.page.click("text=Take a list")
    for file, tag in ((first, "A1"), (other, "B2")):
        file.write_text(f"tag\n{tag}\n")
    visit.page.set_input_files("#list input", str(first))
    visit.page.click("#list button:not([type])")
    visit.expects("#preview li").to_have_text("new: A1")
    visit.page.set_input_files("#list input", str(other))
    visit.expects("#take").to_be_hidden()
    visit.expects("#preview li").to_have_count(0)
    other.write_text("tag\nB2\nB3\n")  # saved once more: what was chosen can be read no more
    visit.page.click("#list button:not([type])")
    visit.expects("#preview").to_contain_text("choose it again")
    visit.expects("#take").to_be_hidden()
    visit.page.close()


def test_an_evse_is_held_and_somebody_waits(chromium: Any, lodge: Lodge) -> None:
    visit = Visit(chromium, lodge.url + "access")
    visit.page.clock.set_fixed_time(lodge.office.scene.now().utc - timedelta(days=400))  # a tablet with a flat battery
    visit.page.click("text=Hold an EVSE")
    visit.page.select_option("#reserve select", "CP-14/1")
    visit.page.fill("#reserve [name=tag]", "04A1")
    visit.page.click("#reserve button")
    visit.expects("#held li").to_contain_text("CP-14/1 for 04A1")
    (held,) = lodge.office.operations.daybook.access.reservations.values()
    assert (held.starts, held.ends - held.starts) == (lodge.office.scene.now().utc, timedelta(hours=1))
    visit.page.fill("#wait [name=tag]", "0B")
    visit.page.click("#wait button")
    visit.expects("#held li:nth-child(2)").to_contain_text("next")
    visit.page.click("#held li:first-child button")
    visit.expects("#held li").to_have_count(1)
    visit.page.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_everybody_can_use_it_whatever_is_written_there(
    chromium: Any, lodge: Lodge, scheme: str, width: int, tmp_path: Path
) -> None:
    """axe-core finds nothing, nothing is carried out, and nothing is wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    now = lodge.scene.instant.utc
    lodge.change(
        *(PersonKept(Person(f"p{k}", name, name[:20])) for k, name in enumerate(NAMES)),
        TagsKept(tuple(Tag(f"T{k}", name, f"p{k}") for k, name in enumerate(NAMES))),
        TagsKept((
            Tag("04A1", "Ada", rule=Rule(frozenset({"CP-11"}), hours_of(("22:00-06:00",))), budget=Budget(2e5)),
            Tag("OLD", valid_to=now - timedelta(days=1)), Tag("LOST", is_blocked=True, at_once=0),
        )),
        Reserved(Reservation(1, "CP-14/1", "04A1", now, now + timedelta(hours=1), "Ada")),
        Waits(Waiting(1, "OLD", now)),
    )  # fmt: skip
    lodge.do(lambda: [lodge.office.present(text) for text in ("0B0B0B0B", *HOSTILE.values())])
    visit = Visit(chromium, lodge.url + "access", color_scheme=scheme, viewport={"width": width, "height": 900})
    visit.expects("#tags .entry").to_have_count(len(NAMES) + 3)
    for summary in visit.page.locator("summary").all():
        summary.click()
    result = axe.run(visit.page)
    assert result.violations_count == 0, result.generate_report()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    visit.page.fill("#find input", "04a")
    visit.expects("#found").to_have_text(f"1 of {len(NAMES) + 3}")
    visit.page.screenshot(path=str(tmp_path / "access.png"), full_page=True)
    assert visit.complaints == []
    visit.page.close()


def test_without_scripts_it_can_still_be_read(chromium: Any, lodge: Lodge) -> None:
    lodge.change(TagsKept((Tag("04A1"),)))
    visit = Visit(chromium, lodge.url + "access", java_script_enabled=False)
    visit.expects("#tags .tag").to_have_text("04A1")
    visit.page.close()
