"""A month begins and ends on the clock of the site; its sums are those of its lines, rate by rate."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.billing.statement import BillingGroup, Correction, Month, Statement, StatementLine, must_be_over

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 3, 29, 1, tzinfo=UTC)
GROUP = BillingGroup("fleet", "Ada Ltd", "1 Yard\nLondon", "PO 1")


@pytest.mark.parametrize("text", ["", "2026-13", "2026-00", "2026-1", "26-01", "2026-01-01", "٢٠٢٦-01", "2026/01"])
def test_what_is_no_month_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is no month"):
        Month.of(text)


def test_a_month_with_a_short_day_is_an_hour_shorter() -> None:
    march = Month.of("2026-03")
    assert (march.ends(BERLIN) - march.begins(BERLIN)).total_seconds() == 31 * 86_400
    hours = (march.ends(BERLIN).timestamp() - march.begins(BERLIN).timestamp()) / 3600
    assert hours == 31 * 24 - 1
    assert Month.at(march.begins(BERLIN), BERLIN) == march
    assert (march.next(10).text, march.next(-3).text) == ("2027-01", "2025-12")


def test_a_month_can_be_closed_from_its_last_moment_on() -> None:
    last = Month.of("2026-03").ends(BERLIN)
    must_be_over(Month.of("2026-03"), last, BERLIN)
    with pytest.raises(ValueError, match="from 2026-04-01 on"):
        must_be_over(Month.of("2026-03"), datetime(2026, 3, 31, 21, 59, tzinfo=UTC), BERLIN)


LINES = st.builds(
    StatementLine, st.just(AT), st.just("x"), st.just("A1/1"), st.integers(0, 99_999),
    st.sampled_from((Decimal(0), Decimal(7), Decimal(19))), st.integers(-5000, 5000), st.integers(-500, 500),
)  # fmt: skip


@given(st.lists(LINES, max_size=20))
def test_sums_are_those_of_the_lines(lines: list[StatementLine]) -> None:
    bill = Statement(GROUP, Month.of("2026-03"), "EUR", tuple(lines))
    assert bill.total == sum(line.amount for line in lines) == bill.net + bill.vat
    assert bill.vat == sum(line.vat for line in lines)
    assert [rate.vat_percent for rate in bill.rates] == sorted({line.vat_percent for line in lines})
    for rate in bill.rates:
        assert rate.amount == sum(line.amount for line in lines if line.vat_percent == rate.vat_percent)
        assert rate.net + rate.vat == rate.amount


def test_a_correction_takes_back_the_tax_that_was_in_it() -> None:
    told = Correction("k", "fleet", AT, Month.of("2026-02"), -119, Decimal(19), "meter was wrong", "eve")
    line = told.line()
    assert (line.amount, line.vat, line.net) == (-119, -19, -100)
    assert line.words == "Correction of 2026-02: meter was wrong"


@pytest.mark.parametrize(
    ("amount", "rate", "note", "said"),
    [(0, "19", "x", "how much"), (10**12, "19", "x", "billions"), (1, "101", "x", "0 to 100"),
     (1, "NaN", "x", "0 to 100"), (1, "19", "", "what is corrected"), (1, "19", "a\nb", "what is corrected")],
)  # fmt: skip
def test_a_correction_that_cannot_be_is_refused(amount: int, rate: str, note: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Correction("k", "fleet", AT, Month.of("2026-02"), amount, Decimal(rate), note, "eve")


@pytest.mark.parametrize("address", ["x" * 501, "\n" * 11, "a\x1b[2J"])
def test_an_address_is_some_printable_lines(address: str) -> None:
    with pytest.raises(ValueError, match="up to ten lines"):
        BillingGroup("fleet", address=address)
