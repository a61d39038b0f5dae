"""Sessions in tables that nobody here has seen before: read by the words of their headings."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ems.assembly.export_tables import SESSIONS
from ems.sim.session_columns import Column, columns_of
from ems.sim.session_record import SessionRecord
from ems.sim.sessions import SessionFile, parse_sessions

BERLIN = ZoneInfo("Europe/Berlin")
EIGHT = datetime(2026, 3, 10, 7, tzinfo=UTC)
"""Eight in the morning in Berlin."""


def read(text: str, encoding: str = "utf-8") -> SessionFile:
    return parse_sessions(text.encode(encoding), "x", BERLIN)


def only(file: SessionFile) -> SessionRecord:
    assert file.rejected == ()
    (session,) = file.records
    return session


FORMS = {
    "our own export": "id,evse,plugged,unplugged,energy_wh,idle_s,tag,need_wh,departure\n"
    "a,P-01/1,2026-03-10T07:00:00Z,2026-03-10T09:30:00Z,5500.0,0,ada,,\n",
    "a German spreadsheet": "Ladepunkt;Standort;Ladebeginn;Ladeende;Geladene Energie (kWh);Nutzer\n"
    "P-01/1;Köln;10.03.2026 08:00;10.03.2026 10:30;5,5;ada\n",
    "readings of a meter": "transactionId,chargeBoxId,connectorId,idTag,"
    "startTimestamp,stopTimestamp,meterStart,meterStop\n"
    "7,P-01,1,ada,2026-03-10T07:00:00Z,2026-03-10T09:30:00Z,1000,6500\n",
    "an American back office": "Station Name,Port,Start Date,End Date,Energy (kWh),User ID\n"
    "P-01,1,3/10/2026 8:00:00 AM,3/10/2026 10:30:00 AM,5.5,ada\nP-01,1,3/31/2026 8:00 AM,3/31/2026 8:01 PM,,ada\n",
    "a database": "user_id\tevse_id\tstart_time\tend_time\tenergy_wh\n"
    "ada\tP-01/1\t2026-03-10 08:00:00+01\t2026-03-10 10:30:00+01\t5500\n",
    "a title above, clocks and a duration": "Sessions of March\n\n"
    "Date,Start Time,Charger,Plug,Duration,Driver,Total kWh\n"
    "2026-03-10,08:00,P-01,1,2:30:00,ada,5.5\n",
    "times that are UTC": "EVSE|Start (UTC)|End (UTC)|kWh|Driver\nP-01/1|2026-03-10 07:00|2026-03-10 09:30|5.5|ada\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_session_is_read_from_tables_of_any_make(form: str) -> None:
    session = read(FORMS[form]).records[0]
    assert (session.station, session.user) == ("P-01/1", "ada")
    assert (session.arrival, session.departure - session.arrival) == (EIGHT, timedelta(hours=2.5))
    assert session.delivered_wh == 5500


def test_spreadsheets_need_not_write_utf_8() -> None:
    text = FORMS["a German spreadsheet"]
    assert only(read(text, "cp1252")) == only(read(text, "utf-16")) == only(read(text))


@pytest.mark.parametrize("times", [("2026-03-10T08:00", "2026-03-10T10:30"), (1773126000, 1773135000.0)])
@pytest.mark.parametrize("within", [None, "data"])
def test_a_list_of_objects_is_a_table_too(times: tuple[object, object], within: str | None) -> None:
    items = [{"chargePointId": "P-01/1", "start": times[0], "end": times[1], "energyKwh": 5.5, "userId": "ada"}]
    session = only(read(json.dumps(items if within is None else {within: items, "page": 1})))
    assert (session.station, session.arrival, session.delivered_wh, session.user) == ("P-01/1", EIGHT, 5500, "ada")


def test_what_a_driver_said_is_kept_apart_from_what_happened() -> None:
    text = "evse,plugged,unplugged,energy_wh,need_wh,departure\n"
    row = "A,2026-03-10T07:00Z,2026-03-10T09:00Z,5000,9000,2026-03-10T10:00Z\n"
    session = only(read(text + row))
    assert (session.requested_wh, session.delivered_wh) == (9000, 5000)
    assert (session.departure, session.stated_departure) == (EIGHT + timedelta(hours=2), EIGHT + timedelta(hours=3))


def test_where_nothing_else_tells_the_end_a_departure_is_it() -> None:
    session = only(read("evse,arrival,departure,energy_kwh\nA,2026-03-10 08:00,2026-03-10 09:00,5\n"))
    assert (session.departure, session.stated_departure) == (EIGHT + timedelta(hours=1), None)


def test_an_end_without_a_date_is_the_next_time_that_the_clock_shows_it() -> None:
    file = read("date,start time,end time,evse,kwh\n2026-03-10,22:00,06:30,A,5\n2026-03-11,08:00,09:00,A,5\n")
    assert [record.departure - record.arrival for record in file.records] == [
        timedelta(hours=8.5),
        timedelta(hours=1),
    ]


def test_the_clock_of_the_site_is_set_twice_a_year() -> None:
    head = "evse,from,to,energy_kwh\n"
    skipped = read(head + "A,2026-03-29 02:30,2026-03-29 04:00,5\n")
    assert "the clock of Europe/Berlin skips 02:30 on 2026-03-29" in skipped.rejected[0].reason
    rows = "A,2026-03-29 01:30,2026-03-29 03:30,5\nA,2026-10-25 01:30,2026-10-25 03:30,5\n"
    twice = "A,2026-10-26 00:00,2026-10-26 01:00,5\nB,2026-10-25 02:45,2026-10-25 02:15,5\n"
    stays = [(r.departure - r.arrival).total_seconds() / 3600 for r in read(head + rows + twice).records]
    assert stays == [1, 3, 0.5, 1]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("A,soon,2026-03-10 09:00,5", "the begin 'soon' is not a time: write it as"),
        ("A,2026-03-10 08:00,,5", "the end is missing"),
        ("A,2026-03-10 08:00,2026-03-10 07:00,5", "departs"),
        ("A,2026-03-10 08:00,2026-03-10 09:00,much", "energy_kwh 'much' is not a number"),
        ("A,2026-03-10 08:00,2026-03-10 09:00,nan", "the energy is missing"),
        ("A,2026-03-10 08:00,2026-03-10 09:00,-1", "delivered energy is -1000 Wh"),
        (",2026-03-10 08:00,2026-03-10 09:00,5", "no station is named"),
        ("A,2026-03-10 08:00,2026-03-10 09:00,5,6", "4 columns expected, found 5"),
    ],
)
def test_a_row_that_is_no_session_is_named_with_its_line(row: str, reason: str) -> None:
    file = read(f"evse,from,to,energy_kwh\nB,2026-03-10 08:00,2026-03-10 09:00,5\n{row}\n")
    assert len(file.records) == 1
    assert file.rejected[0].where == "line 3"
    assert reason in file.rejected[0].reason


def test_a_reader_without_a_zone_refuses_times_without_one() -> None:
    file = parse_sessions(b"evse,from,to,energy_kwh\nA,2026-03-10 08:00,2026-03-10 09:00,5\n", "x")
    assert "has no zone" in file.rejected[0].reason


def test_how_a_table_was_understood_is_told() -> None:
    form = read(FORMS["a German spreadsheet"]).form
    assert form == (
        "table by its headings: Ladepunkt, Ladebeginn, Ladeende, Geladene Energie (kWh), Nutzer; "
        "times without an offset are of Europe/Berlin"
    )


def test_no_two_columns_are_known_by_the_same_heading() -> None:
    names = [name for column in Column if column is not Column.STATED for name in column.value]
    assert len(set(names)) == len(names)


def test_our_own_export_is_understood_as_it_is_written() -> None:
    headings = [column.name for column in SESSIONS]
    found = {column: headings[place] for column, place in columns_of(headings).items()}
    assert found == {
        Column.ID: "id",
        Column.EVSE: "evse",
        Column.BEGIN: "plugged",
        Column.END: "unplugged",
        Column.DELIVERED: "energy_wh",
        Column.REQUESTED: "need_wh",
        Column.STATED: "departure",
        Column.USER: "tag",
        Column.VOID: "void",
    }


def test_a_session_that_was_made_void_is_left_out() -> None:
    rows = "A,2026-03-10T07:00Z,2026-03-10T09:00Z,5000,true\nB,2026-03-10T07:00Z,2026-03-10T09:00Z,5000,false\n"
    file = read("evse,plugged,unplugged,energy_wh,void\n" + rows)
    assert [record.station for record in file.records] == ["B"]
    assert file.rejected[0].reason == "it was made void"
