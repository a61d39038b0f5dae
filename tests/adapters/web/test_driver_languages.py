"""Drivers are spoken to in their language; another one is one file."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from ems.adapters.web.driver.language import Languages
from ems.adapters.web.driver.words import REASONS, ending, refusal
from ems.domain.billing.payment import PaymentState
from ems.domain.decision import Binding
from tests.adapters.web.messages import sentences

GAP = re.compile(r"%\(\w+\)s")
SAME = {"Start", "%(minutes)s min", "%(hours)s h %(minutes)s min", "+30 min", "+1 h", "+2 h"}


def catalogue(folder: Path, name: str, told: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    made = Catalog(locale=name.partition(".")[0])
    for text, said in told.items():
        made.add(text, said)
    content = io.BytesIO()
    write_po(content, made)
    (folder / name).write_bytes(content.getvalue())
    return folder


def test_german_says_everything_with_the_same_gaps() -> None:
    german, found = Languages().of("de"), sentences()
    assert german is not None
    assert len(found) > 150
    for text, place in found.items():
        said = german.say(text)
        assert said != text or text in SAME, f"{place}: {text}"
        assert sorted(GAP.findall(said)) == sorted(GAP.findall(text)), f"{place}: {text}"


def test_nothing_is_translated_that_nobody_says() -> None:
    text = (Path(__file__).parents[3] / "ems/adapters/web/driver/languages/de.po").read_text(encoding="utf-8")
    known = {one for one in re.findall(r'^msgid "(.+)"$', text, re.MULTILINE)}
    assert known == set(sentences())


def test_a_third_language_is_one_file(tmp_path: Path) -> None:
    """A made-up translation of everything is offered by its own name, and understood where browsers ask for it."""
    folder = catalogue(tmp_path / "languages", "eo.po", {text: f"[{text}]" for text in sentences()})
    languages = Languages((folder,))
    assert [one.code for one in languages.shown] == ["en", "de", "eo"]
    esperanto = languages.chosen("", "eo, de;q=0.5")
    assert (esperanto.code, esperanto.name) == ("eo", "Esperanto")
    assert esperanto.say("Until %(time)s.", time="17:30") == "[Until 17:30.]"
    assert esperanto.say("something new") == "something new"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("xx-yy.po", b'msgid ""\nmsgstr ""\n'),
        ("fr.po", b"\xff\xfe not a catalogue"),
        ("it.po", b"msgid Free msgstr Gratis\n"),
    ],
)
def test_a_file_that_is_no_catalogue_is_left_out_and_named(
    tmp_path: Path, name: str, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / name).write_bytes(content)
    assert [one.code for one in Languages((tmp_path,)).shown] == ["en", "de"]
    assert name in caplog.text


def test_a_translation_with_a_wrong_gap_does_not_take_the_page_down(tmp_path: Path) -> None:
    folder = catalogue(tmp_path, "nl.po", {"Until %(time)s.": "Tot %(tijd)s."})
    dutch = Languages((folder,)).of("nl")
    assert dutch is not None
    assert dutch.say("Until %(time)s.", time="17:30") == "Until 17:30."


@pytest.mark.parametrize(
    ("chosen", "accepted", "code"),
    [
        ("", "", "en"),
        ("", "de", "de"),
        ("", "de-CH, en;q=0.9", "de"),
        ("", "fr, it;q=0.8", "en"),
        ("", "en;q=0.2, de;q=0.7", "de"),
        ("", "de;q=0, en", "en"),
        ("de", "en", "de"),
        ("xx", "de", "de"),
        ("", ";;;q=, *;q=x," * 200, "en"),
    ],
)
def test_the_language_is_the_chosen_one_else_what_the_browser_likes(chosen: str, accepted: str, code: str) -> None:
    assert Languages().chosen(chosen, accepted).code == code


def test_amounts_and_times_are_written_as_people_do() -> None:
    english, german = Languages().shown
    at, zone = datetime(2026, 11, 27, 22, 5, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    assert (english.money(Decimal("0.395"), "EUR"), german.money(Decimal("0.395"), "EUR")) == ("€0.395", "0,395\u00a0€")
    assert (english.money(Decimal("1200.00"), "EUR"), german.money(Decimal(350), "JPY")) == ("€1,200.00", "350\u00a0¥")
    assert (english.kwh(12_345, 2), german.kwh(12_345, 2)) == ("12.34\u00a0kWh", "12,34\u00a0kWh")
    assert (english.clock(at, zone, at), german.clock(at, zone, at)) == ("23:05", "23:05")
    assert english.clock(at, zone, datetime(2026, 11, 28, 12, tzinfo=UTC)) == "Fri 23:05"
    assert german.clock(at, zone, datetime(2026, 11, 28, 12, tzinfo=UTC)) == "Fr. 23:05"


@pytest.mark.parametrize(
    ("amount", "currency", "in_english", "in_german"),
    [
        ("2061.30", "HUF", "HUF 2,061.30", "2.061,30 HUF"),
        ("350", "HUF", "HUF 350.00", "350,00 HUF"),
        ("18517.5", "MGA", "MGA 18,517.50", "18.517,50 MGA"),
        ("0.45", "CHF", "CHF 0.45", "0,45 CHF"),
        ("1.2", "KWD", "KWD 1.200", "1,200 KWD"),
        ("1800", "ISK", "ISK 1,800", "1.800 ISK"),
        ("1765", "JPY", "JP¥1,765", "1.765 ¥"),
        ("55.5", "JPY", "JP¥55.5", "55,5 ¥"),
        ("5E+1", "EUR", "€50.00", "50,00 €"),
        ("-3.5", "EUR", "-€3.50", "-3,50 €"),
    ],
)
def test_an_amount_has_the_places_of_its_currency(amount: str, currency: str, in_english: str, in_german: str) -> None:
    told = [language.money(Decimal(amount), currency).replace("\u00a0", " ") for language in Languages().shown]
    assert told == [in_english, in_german]


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    english, german = Languages().shown
    zone, twice = ZoneInfo("Europe/Berlin"), [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    assert [german.moment(at, zone) for at in twice] == ["25.10.2026, 02:30:00 MESZ", "25.10.2026, 02:30:00 MEZ"]
    assert [english.moment(at, zone) for at in twice] == ["25 Oct 2026, 02:30:00 CEST", "25 Oct 2026, 02:30:00 CET"]


def test_every_reason_has_a_sentence() -> None:
    assert set(REASONS) == set(Binding)


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("the payment was declined", "Your card was declined."),
        ("the payment provider refused: card_error", "The payment service refused the payment."),
        ("nobody paid in time", "The payment was not finished."),
        ("the charger refused the start: Rejected", "The charger refused the start."),
        ("nobody plugged in within five minutes", "No vehicle was plugged in within five minutes."),
        ("a card began the charge", "The charge was begun with a card."),
        ("you stopped it before it began", "You stopped before it began."),
        ("the charger is no longer part of the site", "This charger is not in use any more."),
        ("no energy flowed", "No energy flowed."),
        ("it cost less than can be taken", "It cost so little that it is free for you."),
        ("nobody knows what was delivered", "Nobody knows what was delivered, so it is free for you."),
        ("somebody else charges there now", "Another vehicle charges here now; yours is settled until then."),
        ("the hold on the card ended", "The block on your card ended, so the charge was settled before that."),
    ],
)
def test_every_end_of_a_payment_has_a_sentence(why: str, said: str) -> None:
    """And the words are those of the payment machine: who changes one there, finds out here."""
    folder = Path(__file__).parents[3] / "ems"
    machine = "".join((folder / name).read_text("utf-8") for name in ("domain/billing/payment.py", "runtime/errand.py",
                                                                      "runtime/cashier.py"))  # fmt: skip
    assert ending(why)[0] == said
    assert why.partition(":")[0] in machine
    assert len(PaymentState) == 11, "another state needs its words too"


@pytest.mark.parametrize(
    "why",
    [
        "nobody pays by card at CP-01/1",
        "CP-01/1 is not in service now",
        "somebody else is paying or charging at CP-01/1",
        "somebody charges at CP-01/1 already; unplug first",
        "the hold of price list 'public' does not pay for a single kWh: raise it",
        "120 kWh are more than Van 3 can take: its battery holds 60 kWh",
    ],
)
def test_no_refusal_names_anybody_or_anything(why: str) -> None:
    assert refusal(why) != refusal("")
    assert not re.search(r"CP-01|Van|public", refusal(why))
