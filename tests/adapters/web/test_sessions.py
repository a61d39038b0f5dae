"""Sessions over the interface: periods, filters, sums, pieces, files, corrections, and what meters signed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from ems.adapters.store.report_reading import read_past
from ems.adapters.web.app import WebOptions
from ems.domain.access.account import LoginRule
from ems.statistics.period import Period
from ems.statistics.record import Facts
from ems.statistics.report import report_of
from tests.adapters.web.session_office import CARBON, HOSTILE, METER_KEY, NOW, OCTOBER_WH, SESSIONS, SessionOffice

FREE = WebOptions(login=LoginRule.LOOPBACK_FREE)
OCTOBER = "from=2026-10-01&to=2026-11-01"
LAST = quote(SESSIONS[4].id)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SessionOffice]:
    with SessionOffice(tmp_path_factory.mktemp("sessions"), FREE) as one:
        yield one


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SessionOffice]:
    """One in which something is changed."""
    with SessionOffice(tmp_path_factory.mktemp("own"), FREE) as one:
        yield one


def ids(told: Any) -> list[int]:
    return [[one.id for one in SESSIONS].index(row["id"]) for row in told["sessions"]]


def test_a_month_holds_what_began_in_it_and_its_sums(opened: SessionOffice) -> None:
    told = opened.told("GET", f"/sessions?{OCTOBER}")
    assert (told["since"], told["until"]) == ("2026-09-30T22:00:00+00:00", "2026-10-31T23:00:00+00:00")
    assert ids(told) == [4, 3, 2, 1, 0]
    assert told["sums"] == {
        "sessions": 5, "open": 0, "energy_wh": OCTOBER_WH, "occupied_s": 36_000.0, "idle_s": 7_800,
        "cost": {"EUR": "20.00"},
    }  # fmt: skip


def test_without_a_span_it_is_this_month(opened: SessionOffice) -> None:
    told = opened.told("GET", "/sessions")
    assert (told["since"], ids(told)) == ("2026-10-31T23:00:00+00:00", [5])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("evse=CP-01/1", [3, 2, 0]), ("station=CP-02", [1]), ("circuit=grid", [4, 3, 2, 1, 0]),
        ("tag=04aa", [4, 0]), ("person=anna", [4, 0]), ("vehicle=Bus%2017", [1]), ("group=fleet", [1]),
        ("cost_centre=4711", [0]), ("payment=captured", [1]), ("payment=none", [4, 3, 2, 0]),
        ("payment=none&payment=captured", [4, 3, 2, 1, 0]), ("ended_by=inferred", [2]), ("ended_by=Remote", [1]),
        ("state=charging", []), ("sort=energy", [4, 1, 0, 3, 2]), ("sort=energy&order=rising", [2, 3, 0, 1, 4]),
        ("sort=cost", [4, 1, 0, 3, 2]), ("tag=&person=&evse=", [4, 3, 2, 1, 0]),
    ],
)  # fmt: skip
def test_a_filter(opened: SessionOffice, query: str, expected: list[int]) -> None:
    assert ids(opened.told("GET", f"/sessions?{OCTOBER}&{query}")) == expected


def test_pieces_follow_each_other(opened: SessionOffice) -> None:
    first = opened.told("GET", f"/sessions?{OCTOBER}&limit=2")
    second = opened.told("GET", f"/sessions?{OCTOBER}&limit=2&after={first['next']}")
    third = opened.told("GET", f"/sessions?{OCTOBER}&limit=2&after={second['next']}")
    assert [ids(one) for one in (first, second, third)] == [[4, 3], [2, 1], [0]]
    assert (third["next"], second["sums"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("from=soon", 422, "from: write a day"), ("from=2026-02-30", 422, "from: write a day"),
        ("from=2026-11-01&to=2026-10-01", 422, "does not lie before"), ("from=1900-01-01", 422, "at most 11 years"),
        ("circuit=nowhere", 404, "no circuit 'nowhere'"), ("after=%C3%A4", 422, "take it from `next`"),
        ("after=eyJhIjoxfQ", 422, "take it from `next`"), ("after=WzFlOTk5LCAieCJd", 422, "take it from `next`"),
        ("limit=0", 422, "limit"), ("limit=1001", 422, "limit"), ("payment=gold", 422, "payment"), ("x=1", 422, "x"),
        ("sort=colour", 422, "sort"), (f"tag={'x' * 101}", 422, "tag"), ("from=0001-01-01&to=0001-01-02", 422, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_by_name(opened: SessionOffice, query: str, status: int, words: str) -> None:
    told = opened.refused("GET", f"/sessions?{query}")
    assert told[0] == status
    assert words in told[1]


def test_one_session_tells_where_its_energy_flowed_and_what_its_meter_signed(opened: SessionOffice) -> None:
    told = opened.told("GET", f"/sessions/{LAST}")
    assert (told["session"]["id"], told["session"]["cost"]) == (SESSIONS[4].id, "10.00")
    assert sum(one["energy_wh"] for one in told["quarters"]) == 20_000
    assert told["quarters"][0]["starts"] == "2026-10-31T22:45:00+00:00"
    assert [one["reason"] for one in told["transactions"]] == ["EVDisconnected"]
    assert [one["verdict"] for one in told["signed_values"]] == ["own-key", "wrong"]
    assert opened.refused("GET", "/sessions/nobody")[0] == 404


def test_a_key_that_somebody_confirms_verifies_and_one_that_is_withdrawn_no_more(own: SessionOffice) -> None:
    def verdicts() -> list[str]:
        return [one["verdict"] for one in own.told("GET", f"/sessions/{LAST}")["signed_values"]]

    assert "verified" not in verdicts()
    (key,) = own.told("POST", "/meter-keys/CP-03/1", {"key": f"oca:base16:asn1:{METER_KEY.upper()}"})["keys"]
    assert (key["key"], key["evse"]) == (METER_KEY, "CP-03/1")
    assert verdicts() == ["verified", "wrong"]
    assert own.told("GET", "/meter-keys")["keys"] == [key]
    own.told("DELETE", f"/meter-keys/CP-03/1/{METER_KEY}")
    assert verdicts() == ["own-key", "wrong"]
    assert own.refused("DELETE", f"/meter-keys/CP-03/1/{METER_KEY}")[0] == 404


@pytest.mark.parametrize(
    ("evse", "key", "status", "words"),
    [
        ("CP-99/1", METER_KEY, 404, "no EVSE"),
        ("CP-03/1", "zz", 422, "no public key"),
        ("CP-03/1", "", 422, "no public"),
    ],
)
def test_a_key_that_is_none_is_refused(opened: SessionOffice, evse: str, key: str, status: int, words: str) -> None:
    told = opened.refused("POST", f"/meter-keys/{evse}", {"key": key})
    assert told[0] == status
    assert words in told[1]


def test_signed_values_go_to_transparency_software_to_the_letter(opened: SessionOffice) -> None:
    answer = opened.ask("GET", f"/sessions/{LAST}/signed.xml")
    assert answer.headers["content-type"] == "application/xml"
    values = ET.fromstring(answer.text)
    data = [value.findtext("signedData") or "" for value in values]
    assert any(text.startswith("OCMF|") and "1-b:1.8.0" in text for text in data)
    assert METER_KEY in [value.findtext("publicKey") for value in values]
    assert opened.refused("GET", f"/sessions/{quote(SESSIONS[0].id)}/signed.xml")[0] == 404


def test_energy_belongs_to_the_interval_in_which_it_flowed(opened: SessionOffice) -> None:
    told = opened.told("GET", f"/energy?circuit=row-a&step=day&{OCTOBER}")
    assert (told["kind"], told["step"], told["points"]) == ("circuit", "day", [])
    assert opened.refused("GET", f"/energy?{OCTOBER}") == (422, "name a circuit or an evse")
    assert opened.refused("GET", f"/energy?circuit=grid&evse=CP-01/1&{OCTOBER}")[0] == 422
    assert opened.refused("GET", "/energy?circuit=grid&step=quarter&from=2020-01-01")[0] == 422
    assert opened.refused("GET", f"/energy?circuit=nowhere&{OCTOBER}")[0] == 404


def test_a_file_holds_the_sessions_of_the_filter(opened: SessionOffice) -> None:
    answer = opened.ask("GET", f"/exports/sessions?{OCTOBER}&station=CP-01")
    assert answer.headers["content-disposition"] == 'attachment; filename="sessions-2026-10-01-2026-11-01.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["energy_wh"] for row in rows] == ["8000.0", "1000.0", "2000.0"]
    assert rows[2]["tag"] == f"'{HOSTILE}"
    assert (
        sum(
            float(row["energy_wh"])
            for row in csv.DictReader(io.StringIO(opened.ask("GET", f"/exports/sessions?{OCTOBER}").text))
        )
        == OCTOBER_WH
    )


def test_a_file_for_a_spreadsheet_and_one_for_programs(opened: SessionOffice) -> None:
    german = opened.ask("GET", f"/exports/sessions?{OCTOBER}&lang=de&columns=plugged,energy_wh&evse=CP-01/1")
    assert german.content.startswith(b"\xef\xbb\xbf")
    assert german.content.decode("utf-8-sig").splitlines()[2:] == [
        "2026-10-25 02:30:00;1000,0;UTC+02:00", "2026-10-25 02:30:00;2000,0;UTC+01:00",
    ]  # fmt: skip
    told = json.loads(opened.ask("GET", f"/exports/sessions?{OCTOBER}&format=json&evse=CP-03/1").text)
    assert [one["cost"] for one in told] == ["10.00"]


@pytest.mark.parametrize("what", ["sessions", "energy", "transactions", "alarms"])
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_everything_can_be_had_as_every_kind_of_file(opened: SessionOffice, what: str, form: str) -> None:
    answer = opened.ask("GET", f"/exports/{what}?{OCTOBER}&format={form}")
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith({"csv": b"", "json": b"[", "parquet": b"PAR1"}[form])


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/exports/sessions?columns=colour", "no column 'colour'"), ("/exports/sessions?lang=xx", "choose from en"),
        ("/exports/sessions?format=xls", "format"), ("/exports/dreams", "what"), ("/exports/../../etc/passwd", ""),
        ("/exports/energy?circuit=grid&evse=b", "name a circuit or an evse"),
    ],
)  # fmt: skip
def test_a_file_that_there_is_not_is_refused_with_words(opened: SessionOffice, path: str, words: str) -> None:
    status, told = opened.refused("GET", path)
    assert status in {404, 422}
    assert words in told


def test_a_correction_counts_and_stays_in_the_record(own: SessionOffice) -> None:
    path = f"/sessions/{LAST}"
    told = own.told("POST", f"{path}/corrections", {"reason": "meter misread", "energy_kwh": 19.5, "person": ""})
    assert (told["session"]["energy_wh"], told["session"]["person"]) == (19_500.0, None)
    (one,) = told["corrections"]
    assert one["changes"] == {"energy_wh": [20_000.0, 19_500.0], "person": ["anna", None]}
    assert own.told("GET", f"/sessions?{OCTOBER}")["sums"]["energy_wh"] == OCTOBER_WH - 500
    own.told("POST", f"{path}/corrections", {"reason": "a test", "void": True})
    assert own.told("GET", f"/sessions?{OCTOBER}")["sums"]["energy_wh"] == OCTOBER_WH - 20_000
    assert ids(own.told("GET", f"/sessions?{OCTOBER}&void=true"))[0] == 4


@pytest.mark.parametrize(
    ("name", "body", "status", "words"),
    [
        (LAST, {"reason": "", "void": True}, 422, "say in 1 to 500"), (LAST, {"reason": "x"}, 422, "nothing is to be"),
        (LAST, {"reason": "x", "energy_kwh": -1}, 422, "energy_kwh"),
        (LAST, {"reason": "x", "colour": 1}, 422, "colour"),
        (LAST, {"reason": "x", "energy_kwh": "1"}, 422, "energy_kwh"), (LAST, {"void": True}, 422, "reason"),
        ("nobody", {"reason": "x", "void": True}, 404, "no session"),
        (quote(SESSIONS[5].id), {"reason": "x", "void": True}, 422, "this session lasts"),
    ],
)  # fmt: skip
def test_what_cannot_be_corrected_is_refused(
    opened: SessionOffice, name: str, body: dict[str, Any], status: int, words: str
) -> None:
    told = opened.refused("POST", f"/sessions/{name}/corrections", body)
    assert told[0] == status
    assert words in told[1]


def test_the_co2_of_a_session_is_that_of_the_quarter_hours_in_which_it_charged(opened: SessionOffice) -> None:
    """3 kWh in each of four: 100 g/kWh of the series, three quarters of that and a quarter of PV, PV alone, and what
    counts where the series says nothing.
    """
    told = opened.told("GET", f"/sessions/{quote(SESSIONS[1].id)}")
    assert told["co2_g"] == pytest.approx(3 * (100 + (0.75 * 100 + 0.25 * 40) + 40 + 400))


def test_the_co2_of_all_sessions_is_that_of_the_report(opened: SessionOffice) -> None:
    site, now_s = opened.scene.site, int(NOW.timestamp())
    period = Period(date(2026, 10, 1), date(2026, 11, 30), site.zone)
    past = read_past(opened.store.database, site, period, now_s)
    co2_kg = next(row[2] for row in report_of(past, Facts(site, carbon=CARBON)).sheets[0].rows if row[0] == "co2_kg")
    assert isinstance(co2_kg, float)
    told = [opened.told("GET", f"/sessions/{quote(one.id)}")["co2_g"] for one in SESSIONS]
    assert sum(told) == pytest.approx(1000.0 * co2_kg)
    assert all(told)


def test_only_an_administrator_makes_sessions_forget(opened: SessionOffice) -> None:
    assert opened.refused("POST", "/erasures", {"person": "anna", "before": "2026-11-01"})[0] == 401
