"""What stands in the PDF is what the sheets tell, read back from the document itself."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from functools import cache

import pytest
from pypdf import PdfReader

from ems.adapters.pdf.document import pdf_of
from ems.statistics.record import Past
from ems.statistics.report import Report, report_of
from ems.statistics.sheet import in_words
from tests.adapters.web.test_injection import HOSTILE
from tests.statistics.month import BERLIN, FACTS, NOW_S, OCTOBER, PAST, SECOND


def text_of(report: Report) -> str:
    pages = PdfReader(io.BytesIO(pdf_of(report))).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


REPORT = report_of(PAST, FACTS)


@cache
def text() -> str:
    """What the report of the month says."""
    return text_of(REPORT)


def test_it_tells_the_report_of_the_month() -> None:
    for words in (
        "Yard",
        "Report of October 2026",
        "11.0 kWh",
        "3.30 EUR",
        "2.80 EUR",
        "2.10 EUR",
        "Sun 2026-10-25",
        "Anna Arndt",
    ):
        assert words in text()


@pytest.mark.parametrize("name", [sheet.name for sheet in REPORT.sheets if sheet.name != "figures"])
def test_every_cell_of_a_sheet_is_there(name: str) -> None:
    sheet = REPORT.sheet(name)
    assert sheet is not None
    assert sheet.title in text()
    pairs = ((value, column) for row in sheet.rows for value, column in zip(row, sheet.columns, strict=True))
    words = {" ".join(in_words(value, column, BERLIN).split()) for value, column in pairs}
    assert {one for one in words if one not in text()} == set()


def test_the_same_report_gives_the_same_bytes() -> None:
    assert pdf_of(REPORT) == pdf_of(REPORT)


def test_nothing_is_a_document_too() -> None:
    assert "Nothing in this time." in text_of(report_of(Past(OCTOBER, NOW_S), FACTS))


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_somebody_calls_himself_is_text(hostile: str) -> None:
    guest = SECOND._replace(tag=hostile[:20], person=hostile, cost_centre=hostile, vehicle=hostile)
    document = PdfReader(io.BytesIO(pdf_of(report_of(replace(PAST, sessions=(guest,)), FACTS))))
    assert len(document.pages) < 20
    assert not any("/JavaScript" in str(page.get_object()) for page in document.pages)


def test_names_of_all_of_europe_are_written() -> None:
    names = "Łukasz Żółć Δήμητρα Светлана Ğüneş"
    guest = SECOND._replace(cost_centre=names)
    assert names in text_of(report_of(replace(PAST, sessions=(guest,)), FACTS))
