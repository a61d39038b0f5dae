"""Reports over the interface and as a page: figures, formats, what cannot be meant, and what somebody excludes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from ems.statistics.report import SHEETS
from tests.adapters.web.report_office import ReportOffice


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReportOffice]:
    with ReportOffice(tmp_path_factory.mktemp("reports")) as one:
        one.october()
        yield one


def test_a_report_tells_all_sheets(office: ReportOffice) -> None:
    told = office.told("GET", "/reports?month=2026-10")
    assert [sheet["name"] for sheet in told["sheets"]] == list(SHEETS)
    assert (told["from_day"], told["to_day"]) == ("2026-10-01", "2026-10-31")
    assert (told["begins"], told["ends"]) == ("2026-09-30T22:00:00+00:00", "2026-10-31T23:00:00+00:00")
    figures = {row["name"]: row["value"] for row in told["sheets"][0]["rows"]}
    centres = next(sheet for sheet in told["sheets"] if sheet["name"] == "cost-centres")
    days = next(sheet for sheet in told["sheets"] if sheet["name"] == "days")
    assert sum(row["energy_kwh"] for row in centres["rows"]) == pytest.approx(figures["energy_kwh"])
    assert sum(row["energy_kwh"] for row in days["rows"]) == pytest.approx(figures["energy_kwh"])
    assert sum(row["sessions"] for row in days["rows"]) == figures["sessions"]


def test_without_a_month_it_is_the_last_whole_one(office: ReportOffice) -> None:
    assert office.told("GET", "/reports")["from_day"] == "2026-10-01"


def test_days_that_are_asked_for(office: ReportOffice) -> None:
    told = office.told("GET", "/reports?from=2026-10-25&to=2026-10-25")
    assert (told["begins"], told["ends"]) == ("2026-10-24T22:00:00+00:00", "2026-10-25T23:00:00+00:00")


def test_a_sheet_as_csv_is_inert(office: ReportOffice) -> None:
    answer = office.ask("GET", "/reports/cost-centres?month=2026-10&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "cost-centres-2026-10.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert "'=1+1" in {row["cost_centre"] for row in rows}
    same = office.told("GET", "/reports/cost-centres?month=2026-10")["rows"]
    assert [float(row["energy_kwh"]) for row in rows] == [row["energy_kwh"] for row in same]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/reports?month=2026-13", 422, "is no month"),
        ("/reports?month=2026-1", 422, "is no month"),
        ("/reports?month=12345678", 422, "month"),
        ("/reports?month=2026-10&from=2026-10-01", 422, "not both"),
        ("/reports?to=2026-10-01", 422, "say from which day"),
        ("/reports?from=2026-10-02&to=2026-10-01", 422, "before it begins"),
        ("/reports?from=2000-01-01&to=2026-10-01", 422, "400 days at most"),
        ("/reports?from=0001-01-01&to=0001-01-02", 422, "no days of our time"),
        ("/reports?from=9999-12-30&to=9999-12-31", 422, ""),
        ("/reports?from=yesterday", 422, "from"),
        ("/reports/secrets?month=2026-10", 404, "it has: figures, cost-centres"),
        ("/reports/days?month=2026-10&format=xml", 422, "format"),
        ("/excluded-times?month=x", 422, "is no month"),
    ],
)
def test_what_cannot_be_meant_is_said(office: ReportOffice, path: str, status: int, said: str) -> None:
    found, words = office.refused("GET", path)
    assert found == status
    assert said in words


def test_a_time_is_excluded_and_taken_back(office: ReportOffice) -> None:
    def minutes() -> float:
        rows = office.told("GET", "/reports/uptime?month=2026-10")["rows"]
        return float(next(row["excluded_min"] for row in rows if row["evse"] == "CP-01/1"))

    assert minutes() == 0
    body = {
        "scope": "CP-01", "begins": "2026-10-10T02:00:00+02:00", "ends": "2026-10-10T05:00:00+02:00",
        "cause": "scheduled maintenance", "note": "new  contactor",
    }  # fmt: skip
    kept = office.told("POST", "/excluded-times", body, {"x-operator": "anna"})
    assert (kept["begins"], kept["note"]) == ("2026-10-10T00:00:00+00:00", "new contactor")
    assert kept["who"].startswith("anna")
    assert minutes() == 180
    assert [one["id"] for one in office.told("GET", "/excluded-times?month=2026-10")["excluded"]] == [kept["id"]]
    office.told("DELETE", f"/excluded-times/{kept['id']}")
    assert minutes() == 0
    assert office.refused("DELETE", f"/excluded-times/{kept['id']}")[0] == 404


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"scope": "CP-99"}, 404, "no EVSE or station 'CP-99'"),
        ({"ends": "2026-10-09T00:00:00Z"}, 422, "ends before it begins"),
        ({"ends": "2028-10-09T00:00:00Z"}, 422, "longer than a year"),
        ({"begins": "2026-10-10T00:00:00"}, 422, "begins"),
        ({"cause": "rain"}, 422, "cause"),
        ({"note": "\x1b[31m"}, 422, "printed"),
        ({"who": "me"}, 422, "who"),
    ],
)
def test_a_time_that_cannot_be_excluded(office: ReportOffice, change: dict[str, str], status: int, said: str) -> None:
    body = {"begins": "2026-10-10T00:00:00Z", "ends": "2026-10-10T03:00:00Z", "cause": "vandalism", **change}
    found, words = office.refused("POST", "/excluded-times", body)
    assert found == status
    assert said in words


def test_the_page_is_complete_without_script(office: ReportOffice) -> None:
    page = office.page("/reports?month=2026-10").text
    for words in (
        "Report: October 2026",
        "Sun 2026-10-25",
        "Energy and cost by cost centre",
        "Utilisation",
        "month=2026-09",
    ):
        assert words in page
    assert "<script>window" not in page
    assert "style=" not in page


@pytest.mark.parametrize("path", ["/reports?month=x", "/reports?from=2026-10-02&to=2026-10-01"])
def test_a_page_of_no_time_is_refused(office: ReportOffice, path: str) -> None:
    assert office.page(path).status_code == 422
