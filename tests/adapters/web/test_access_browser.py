"""The page of people and tags in a real browser: a card is adopted by one click, and all can use it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.app import WebOptions
from ems.adapters.web.server import WebServer
from ems.domain.access.change import (
    GroupKept,
    GroupRemoved,
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
from ems.domain.access.tag import Budget, Group, Period, Person, Rule, Tag, hours_of
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
        *(GroupRemoved(name) for name in sorted(book.groups, key=lambda name: -len(list(book.lineage(name))))),
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


def fills(visit: Visit, form: str, values: dict[str, str]) -> None:
    """Somebody types into fields of a form."""
    for name, value in values.items():
        field = visit.page.locator(f"#{form} [name={name}]")
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def said(visit: Visit, form: str, *names: str) -> list[str]:
    """What stands in fields of a form."""
    return [visit.page.input_value(f"#{form} [name={name}]") for name in names]


def ticked(visit: Visit) -> list[str]:
    """The groups that are ticked for a tag."""
    return [box.get_attribute("value") for box in visit.page.locator("#tag [name=groups]:checked").all()]


KEEP = "button:not([type])"


def test_a_tag_is_added_blocked_and_not_forgotten_when_somebody_else_changed_it(chromium: Any, lodge: Lodge) -> None:
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("[data-new=tag]")
    visit.expects("#tag [name=id]").to_be_focused()
    fills(visit, "tag", {"id": "04A1", "name": "Ada", "hours": "Mon-Fri 06:00-22:00", "budget_kwh": "200"})
    visit.page.click(f"#tag {KEEP}")
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


def test_a_tag_is_added_with_all_it_may_have_and_shown_and_changed_by_the_clock_of_the_site(
    chromium: Any, lodge: Lodge
) -> None:
    """The browser stands in New York, the site in Berlin."""
    lodge.change(PersonKept(Person("ada")), GroupKept(Group("crew", "Crew")), GroupKept(Group("night")))
    visit = Visit(
        chromium, lodge.url + "access", timezone_id="America/New_York", viewport={"width": 390, "height": 844}
    )
    visit.page.click("[data-new=tag]")
    told = {"id": "04A1", "name": "Ada's", "person": "ada", "budget_kwh": "200.5", "budget_cost": "50.10",
            "budget_period": "week", "hours": "Mon-Fri 06:00-22:00\nSat 08:00-12:00",
            "valid_from": "2026-12-01T06:00", "valid_to": "2027-07-01T00:00"}  # fmt: skip
    fills(visit, "tag", told)
    visit.page.check("#tag [name=groups][value=crew]")
    visit.page.click("#tag .further summary")
    for place in ("CP-02/1", "CP-11/1"):
        visit.page.check(f"#tag [name=places][value='{place}']")
    visit.expects("#tag fieldset:has([name=places]) [data-ticked]").to_have_text("CP-02/1; CP-11/1")
    fills(visit, "tag", {"priority": "-3", "at_once": "2"})
    visit.page.check("#tag [name=blocked]")
    visit.page.click(f"#tag {KEEP}")
    visit.expects("#said").to_have_text("04A1 is kept.")
    assert lodge.office.operations.daybook.access.tags["04a1"] == Tag(
        "04A1", "Ada's", "ada", ("crew",),
        datetime(2026, 12, 1, 5, tzinfo=UTC), datetime(2027, 6, 30, 22, tzinfo=UTC),
        Rule(frozenset({"CP-02/1", "CP-11/1"}), hours_of(("Mon-Fri 06:00-22:00", "Sat 08:00-12:00"))),
        Budget(200_500.0, Period.WEEK, 5010), -3, 2, True,
    )  # fmt: skip
    assert said(visit, "tag", "id", "name", "valid_from", "hours") == ["", "", "", ""]
    visit.expects("#tag :checked:not(option)").to_have_count(0)
    visit.page.click("[data-edit=tag]")
    visit.expects("#tag [data-about]").to_contain_text("04A1 as it is now")
    visit.expects("#tag [name=id]").to_have_css("border-top-style", "dashed")
    assert said(visit, "tag", *told) == [*told.values()]
    assert visit.page.locator("#tag .further").get_attribute("open") is not None
    visit.page.uncheck("#tag [name=groups][value=crew]")
    visit.page.check("#tag [name=groups][value=night]")
    fills(visit, "tag", {"name": "Ada", "budget_cost": "", "at_once": "0"})
    visit.page.uncheck("#tag [name=blocked]")
    visit.page.click(f"#tag {KEEP}")
    visit.expects("#tags b.foreign").to_have_text("Ada")
    changed = lodge.office.operations.daybook.access.tags["04a1"]
    assert (changed.groups, changed.budget) == (("night",), Budget(200_500.0, Period.WEEK))
    assert (changed.at_once, changed.is_blocked) == (0, False)
    assert changed.valid_to == datetime(2027, 6, 30, 22, tzinfo=UTC)
    assert visit.complaints == []
    visit.page.close()


def test_a_validity_that_was_not_touched_stays_to_the_second_and_in_the_hour_that_comes_twice(
    chromium: Any, lodge: Lodge
) -> None:
    twice, second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)
    lodge.change(TagsKept((Tag("04A1", valid_from=twice, valid_to=second),)))
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("[data-edit=tag]")
    visit.expects("#tag [name=valid_from]").to_have_value("2026-10-25T02:30")
    visit.expects("#tag [name=valid_to]").to_have_value("2026-12-31T23:59:59")
    fills(visit, "tag", {"name": "Ada"})
    visit.page.click(f"#tag {KEEP}")
    visit.expects("#tags b.foreign").to_have_text("Ada")
    changed = lodge.office.operations.daybook.access.tags["04a1"]
    assert (changed.valid_from, changed.valid_to) == (twice, second)
    visit.page.close()


def test_what_is_refused_is_said_beside_the_form_and_what_was_typed_stays(chromium: Any, lodge: Lodge) -> None:
    lodge.change(GroupKept(Group("early")), GroupKept(Group("zero")))
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("[data-new=tag]")
    visit.page.check("#tag [name=groups][value=zero]")
    fills(visit, "tag", {"id": "04A1", "valid_from": "2026-12-02T06:00", "valid_to": "2026-12-01T06:00"})
    visit.page.click(f"#tag {KEEP}")
    visit.expects("#tag .refusal").to_have_text(
        re.compile('tag 04A1: "Valid until" must be after "Valid from"'), use_inner_text=True
    )
    visit.expects("#tag [name=valid_to][aria-invalid=true]").to_have_count(1)
    visit.expects("#tag [name=valid_to]").to_have_css("border-top-width", "2px")
    visit.expects("#tag [data-mine]").to_be_hidden()
    lodge.change(GroupKept(Group("late")), PersonKept(Person("eve")))  # the page renews itself around the form
    visit.expects("#tag [name=groups][value=late]").to_have_count(1)
    assert said(visit, "tag", "id", "valid_to") == ["04A1", "2026-12-01T06:00"]
    assert ticked(visit) == ["zero"]
    fills(visit, "tag", {"valid_to": "2026-12-03T06:00"})
    visit.expects("#tag [name=valid_to][aria-invalid=true]").to_have_count(0)
    visit.page.click(f"#tag {KEEP}")
    visit.expects("#tags .tag").to_have_text("04A1")
    visit.expects("#tag .refusal").to_be_hidden()
    lodge.change(TagsKept((Tag("0B", "Eve"),)))
    visit.page.click("[data-new=tag]")
    fills(visit, "tag", {"id": "0b"})
    visit.page.click(f"#tag {KEEP}")
    visit.expects("#tag .refusal [role=alert]").to_contain_text("it is there already: change that one")
    visit.page.close()


def test_what_was_read_into_a_form_stays_when_the_page_renews_itself_around_it(chromium: Any, lodge: Lodge) -> None:
    lodge.change(GroupKept(Group("early")), GroupKept(Group("zero")), TagsKept((Tag("04A1", "Ada", groups=("zero",)),)))
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("[data-edit=tag]")
    visit.expects("#tag [name=id]").to_have_value("04A1")
    visit.page.click(f"#tag {KEEP}")  # what is in the form once it was kept is what the page says
    visit.expects("#said").to_have_text("04A1 is kept.")
    visit.page.click("[data-edit=tag]")
    visit.expects("#tag [name=groups]:checked").to_have_count(1)
    visit.page.focus("#find input")
    lodge.change(GroupKept(Group("late")))
    visit.expects("#tag [name=groups][value=late]").to_have_count(1)
    assert ticked(visit) == ["zero"]
    visit.expects("#tag fieldset:has([name=groups]) [data-ticked]").to_have_text("zero")
    visit.page.close()


def test_a_place_that_has_no_box_gets_one_and_stays_until_somebody_takes_it_away(chromium: Any, lodge: Lodge) -> None:
    """A whole station that has one EVSE, told over the interface; or what the site has no more."""
    lodge.change(TagsKept((Tag("04A1", "Ada", rule=Rule(frozenset({"CP-11"}))),)))
    visit = Visit(chromium, lodge.url + "access")
    for name, boxes, after in (("Eve", {}, "CP-11"), ("Ida", {"CP-11": False, "CP-12/1": True}, "CP-12/1")):
        visit.page.click("[data-edit=tag]")
        visit.expects("#tag [name=places]:checked").to_have_value("CP-11")
        fills(visit, "tag", {"name": name})
        for place, wanted in boxes.items():
            visit.page.set_checked(f"#tag [name=places][value='{place}']", wanted)
        visit.page.click(f"#tag {KEEP}")
        visit.expects("#tags b.foreign").to_have_text(name)
        visit.expects("#tag [data-gone]").to_have_count(0)
        assert lodge.office.operations.daybook.access.tags["04a1"].rule.places == {after}
    visit.page.close()


def test_of_two_operators_who_change_the_same_tag_the_second_sees_what_the_first_did_and_chooses(
    chromium: Any, lodge: Lodge
) -> None:
    lodge.change(GroupKept(Group("crew")), TagsKept((Tag("04A1", "Ada"),)))
    visit = Visit(chromium, lodge.url + "access")
    for choice, name in (("data-theirs", "theirs"), ("data-mine", "mine")):
        visit.page.click("[data-edit=tag]")
        visit.expects("#tag [name=id]").to_have_value("04A1")
        fills(visit, "tag", {"name": "mine"})
        until = datetime(2027, 1, 1, tzinfo=UTC)
        lodge.change(TagsKept((Tag("04A1", "theirs", groups=("crew",), valid_to=until, at_once=3),)))
        visit.page.click(f"#tag {KEEP}")
        visit.expects("#tag .refusal [role=alert]").to_contain_text(
            "Somebody has changed 04A1 meanwhile: Name is now theirs; Groups is now crew;"
            " Valid until is now 2027-01-01 01:00; Sessions at once, 0: any number is now 3."
        )
        assert said(visit, "tag", "name") == ["mine"]
        visit.page.click(f"#tag [{choice}]")
        visit.expects("#tag .refusal").to_be_hidden()
        if choice == "data-theirs":
            visit.expects("#tag [name=name]").to_have_value("theirs")
            visit.expects("#tag [name=groups]:checked").to_have_count(1)
            visit.page.click("#tag button[type=reset]")
            lodge.change(TagsKept((Tag("04A1", "Ada"),)))
        else:
            visit.expects("#tags b.foreign").to_have_text("mine")
            visit.expects(f"#tag {KEEP}").to_be_focused()
        assert lodge.office.operations.daybook.access.tags["04a1"].name == ("mine" if name == "mine" else "Ada")
    visit.page.close()


def test_a_tag_that_somebody_removed_meanwhile_is_added_anew_only_by_who_wants_that(
    chromium: Any, lodge: Lodge
) -> None:
    lodge.change(TagsKept((Tag("04A1", "Ada"),)))
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("[data-edit=tag]")
    visit.expects("#tag [name=id]").to_have_value("04A1")
    fills(visit, "tag", {"name": "mine"})
    lodge.change(TagRemoved("04A1"))
    visit.page.click(f"#tag {KEEP}")
    visit.expects("#tag .refusal [role=alert]").to_contain_text("Somebody has removed 04A1 meanwhile")
    assert lodge.office.operations.daybook.access.tags == {}
    visit.page.click(f"#tag {KEEP}")
    visit.expects("#tags b.foreign").to_have_text("mine")
    visit.page.close()


def test_what_is_typed_about_one_tag_is_not_lost_to_the_next(chromium: Any, lodge: Lodge) -> None:
    lodge.change(TagsKept((Tag("04A1", "Ada"), Tag("0B", "Eve"))))
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("[data-edit=tag][data-id='04A1']")
    visit.expects("#tag [name=id]").to_have_value("04A1")
    fills(visit, "tag", {"name": "typed"})
    visit.page.click("[data-edit=tag][data-id='0B']")
    visit.expects("#tag .refusal [role=alert]").to_contain_text("What is typed here about 04A1 is not kept yet")
    assert said(visit, "tag", "id", "name") == ["04A1", "typed"]
    visit.page.click("#tag button[type=reset]")
    visit.page.click("[data-edit=tag][data-id='0B']")
    visit.expects("#tag [name=id]").to_have_value("0B")
    visit.page.close()


def test_a_group_is_made_changed_and_removed_once_nobody_is_in_it(chromium: Any, lodge: Lodge) -> None:
    visit = Visit(chromium, lodge.url + "access", viewport={"width": 390, "height": 844})
    visit.page.click("#one-group > summary")
    fills(visit, "group", {"id": "crew", "name": "Crew", "hours": "Mon-Fri 06:00-22:00"})
    visit.page.click("#group .further summary")
    visit.page.check("#group [name=places][value='CP-03/1']")
    fills(visit, "group", {"stop_tag": "CREW-STOP"})
    visit.page.click(f"#group {KEEP}")
    visit.expects("#groups li").to_contain_text("Crew crew with 0 tags")
    visit.expects("#groups li").to_contain_text(
        "at CP-03/1; Mon-Fri 06:00-22:00; its members may end each other's sessions (CREW-STOP)"
    )
    group = Group("crew", "Crew", None, Rule(frozenset({"CP-03/1"}), hours_of(("Mon-Fri 06:00-22:00",))), False)
    assert lodge.office.operations.daybook.access.groups == {"crew": replace(group, stop_tag="CREW-STOP")}
    lodge.change(TagsKept((Tag("04A1", groups=("crew",)),)))
    visit.expects("#groups li").to_contain_text("Before it can be removed, 1 tag must leave it", timeout=15_000)
    visit.expects("#groups [data-forget]").to_have_count(0)
    visit.page.click("[data-edit=group]")
    visit.expects("#group [name=places]:checked").to_have_count(1)
    fills(visit, "group", {"name": "Day crew", "parent": "nobody"})
    visit.page.click(f"#group {KEEP}")
    visit.expects("#group .refusal [role=alert]").to_contain_text("no group 'nobody'")
    fills(visit, "group", {"parent": ""})
    visit.page.click(f"#group {KEEP}")
    visit.expects("#groups b").to_have_text("Day crew")
    assert lodge.office.operations.daybook.access.groups["crew"].stop_tag == "CREW-STOP"
    lodge.change(TagRemoved("04A1"))
    visit.expects("#groups li").to_contain_text("Removing it changes nothing for any tag.")
    visit.page.click("#groups [data-forget]")
    visit.expects("#groups li").to_have_text("There is no group.")
    assert lodge.office.operations.daybook.access.groups == {}
    assert all("422" in one for one in visit.complaints), visit.complaints
    visit.page.close()


def test_a_person_is_added_changed_and_blocked(chromium: Any, lodge: Lodge) -> None:
    lodge.change(TagsKept((Tag("04A1"),)))
    visit = Visit(chromium, lodge.url + "access")
    visit.page.click("#one-person > summary")
    fills(visit, "person", {"id": "ada", "name": "Ada"})
    visit.page.click(f"#person {KEEP}")
    visit.expects("#people-list option[value=ada]").to_have_count(1)
    visit.page.click("[data-edit=person]")
    visit.expects("#person [name=name]").to_have_value("Ada")
    fills(visit, "person", {"name": "Ada Lovelace", "cost_centre": "R&D"})
    visit.page.check("#person [name=blocked]")
    visit.page.click(f"#person {KEEP}")
    visit.expects("#people li").to_contain_text("Ada Lovelace ada R&D")
    visit.expects("#people .bad").to_contain_text("blocked")
    assert lodge.office.operations.daybook.access.people == {"ada": Person("ada", "Ada Lovelace", "R&D", True)}
    visit.page.close()


def test_of_500_tags_as_many_are_shown_as_anybody_pages_through_and_all_are_found(chromium: Any, lodge: Lodge) -> None:
    lodge.change(TagsKept(tuple(Tag(f"T{number:03}", f"Driver {number}") for number in range(501))))
    visit = Visit(chromium, lodge.url + "access", viewport={"width": 390, "height": 844})
    visit.expects("#tags .entry:visible").to_have_count(50)
    visit.page.fill("#find input", "driver 499")
    visit.expects("#found").to_have_text("1 of 500")
    visit.expects("#further").to_be_hidden()
    visit.page.fill("#find input", "")
    visit.page.click("#further button")
    visit.expects("#tags .entry:visible").to_have_count(500)
    visit.expects("[data-edit=tag][data-id=T050]").to_be_focused()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.page.fill("#find input", "driver 500")
    visit.expects("#found").to_have_text("0 of 500")
    visit.expects("[data-more]").to_contain_text("1 more are not on this page")
    visit.page.press("#find input", "Enter")
    visit.expects("#tags .tag").to_have_text("T500")
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
        *(GroupKept(Group(f"g{k}", name)) for k, name in enumerate(NAMES)),
        GroupKept(Group("inner", parent="g0", is_blocked=True)),
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
    visit.page.click("[data-edit=tag][data-id='04A1']")
    visit.expects("#tag [name=id]").to_have_value("04A1")
    visit.page.fill("#tag [name=valid_from]", "2027-01-02T00:00")
    visit.page.fill("#tag [name=valid_to]", "2027-01-01T00:00")
    visit.page.click(f"#tag {KEEP}")
    visit.expects("#tag .refusal").to_be_visible()
    result = axe.run(visit.page)
    assert result.violations_count == 0, result.generate_report()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    visit.page.fill("#find input", "04a")
    visit.expects("#found").to_have_text(f"1 of {len(NAMES) + 3}")
    visit.page.screenshot(path=str(tmp_path / "access.png"), full_page=True)
    assert all("422" in one for one in visit.complaints), visit.complaints  # the refusal above
    visit.page.close()


def test_without_scripts_it_can_still_be_read(chromium: Any, lodge: Lodge) -> None:
    lodge.change(TagsKept((Tag("04A1"),)))
    visit = Visit(chromium, lodge.url + "access", java_script_enabled=False)
    visit.expects("#tags .tag").to_have_text("04A1")
    visit.page.close()
