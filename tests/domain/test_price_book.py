"""Price lists change one after the other, each change refused or made as a whole, and never backwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ems.domain.billing.price_book import PriceListKept, PriceListRemoved
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.daybook import Change, Daybook, UnknownError, changed, must_fit
from ems.domain.validity import Validity
from tests.builders import circuit, evse, layout

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 9, 17, 0, tzinfo=UTC)
SITE = layout([circuit("grid", 100)], [evse("A1", "grid")])
PUBLIC = PriceList("public", "EUR", (Fee(Unit.KWH, Decimal("0.39")),))


def after(*changes: Change, known: Daybook | None = None) -> Daybook:
    book = known or Daybook()
    for change in changes:
        book = changed(book, change, NOW, BERLIN)
    return book


def test_a_list_is_kept_changed_and_removed() -> None:
    dearer = replace(PUBLIC, fees=(Fee(Unit.KWH, Decimal("0.49")),))
    assert after(PriceListKept(PUBLIC), PriceListKept(dearer)).prices.lists == {"public": dearer}
    assert after(PriceListKept(PUBLIC), PriceListRemoved("public")) == Daybook()
    with pytest.raises(UnknownError, match="no price list 'public'"):
        after(PriceListRemoved("public"))


def test_of_two_lists_it_must_be_plain_which_counts() -> None:
    with pytest.raises(ValueError, match="'public' and 'other' would both count"):
        after(PriceListKept(PUBLIC), PriceListKept(replace(PUBLIC, id="other")))
    ended = replace(PUBLIC, validity=Validity(None, date(2026, 12, 31)))
    follows = replace(PUBLIC, id="2027", validity=Validity(date(2027, 1, 1)))
    assert len(after(PriceListKept(ended), PriceListKept(follows)).prices.lists) == 2


def test_prices_do_not_change_backwards() -> None:
    over = replace(PUBLIC, validity=Validity(None, date(2026, 3, 8)))
    with pytest.raises(ValueError, match="do not change backwards"):
        after(PriceListKept(over))
    last_day = replace(PUBLIC, validity=Validity(None, date(2026, 3, 9)))
    assert after(PriceListKept(last_day)).prices.lists == {"public": last_day}


@pytest.mark.parametrize(
    ("prices", "kind", "words"),
    [
        (replace(PUBLIC, evses=("A1/1", "A9/1")), UnknownError, "the site has no EVSE 'A9/1'"),
        (replace(PUBLIC, currency="USD"), ValueError, "is in USD, the site in EUR"),
        (
            replace(PUBLIC, hold=Decimal("0.60")),
            ValueError,
            "not pay for a single kWh: raise it, or leave A1/1 to another",
        ),
    ],
)
def test_prices_fit_the_site(prices: PriceList, kind: type[ValueError], words: str) -> None:
    with pytest.raises(kind, match=words):
        must_fit(SITE, (), PriceListKept(prices))
    must_fit(SITE, (), PriceListKept(replace(PUBLIC, evses=("A1/1",))))
