"""Pull-out lists as depots write them: every row is a departure, or is named with what to do about it."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.adapters.lists.cell import number_in, wall_of
from ems.adapters.lists.pull_out import read_list
from ems.adapters.lists.pull_out.column import FORM, Column
from ems.adapters.lists.table import table_of
from ems.domain.daybook import Daybook, changed
from ems.domain.departure import Departure, Goal
from ems.domain.fleet import Fleet
from ems.domain.pull_out import PullOutList
from ems.domain.vehicle import Vehicle
from tests.builders import circuit, evse, layout

BERLIN = ZoneInfo("Europe/Berlin")
SITE = layout([circuit("grid", 63)], [evse("CP-01", "grid"), evse("CP-02", "grid")])
FLEET = Fleet(
    {
        one.id: one
        for one in (
            Vehicle("Bus 17", battery_wh=360e3),
            Vehicle("Bus 18", name="Anna", id_tags=("04A1",)),
            Vehicle("Bus 19", name="Anna 2", battery_wh=100e3, efficiency=1.0),
        )
    }
)
NOW = datetime(2026, 3, 9, 17, 0, tzinfo=UTC)
TEN_PAST_FIVE = datetime(2026, 3, 10, 4, 10, tzinfo=UTC)


def read(text: str, now: datetime = NOW) -> PullOutList:
    return read_list(text, FLEET, SITE, now)


def one_row(departure: str = "2026-03-10 05:10", **more: str) -> PullOutList:
    cells = {"vehicle": "Bus 17", "departure": departure, "kwh": "55"} | more
    return read(";".join(cells) + "\n" + ";".join(cells.values()) + "\n")


EXPECTED = Departure("Bus 17", TEN_PAST_FIVE, Goal(soc_percent=82.5), "CP-01/1", 3)


@pytest.mark.parametrize(
    "text",
    [
        "vehicle,departure,target_soc,evse,priority\nBus 17,2026-03-10T05:10,82.5,CP-01/1,3\n",
        "vehicle,departure,target_soc,bay,prio\nBus 17,2026-03-10T05:10+01:00,82.5 %,CP-01,3\n",
        "vehicle,departure,target_soc,bay,prio\nBus 17,2026-03-10T04:10:00Z,82.5,CP-01/1,3\n",
        "Fahrzeug;Abfahrt;Ziel-SoC [%];Stellplatz;Priorität\nBus 17;10.03.2026 05:10;82,5;CP-01/1;3\n",
        "\ufeffFahrzeug;Datum;Uhrzeit;Ziel-SoC;Ladepunkt;Prio\r\nbus 17;10.3.26;5:10 Uhr;82,50 %;CP-01/1;3\r\n",
        "Wagen\tBetriebstag\tAusfahrtszeit\tSoll SOC (%)\tEVSE\tKlasse\nBus 17\t2026-03-10\t05.10\t82,5\tCP-01/1\t3",
        'vehicle,date,time,target soc,evse,class\n"Bus 17","10/03/2026","05:10","82,5","CP-01/1","3"\n',
        "Depot Nord | Auszug\n\n# Leitstelle\nbus|pull-out|soc|charger|prio\nBus 17|2026-03-10 05:10|82.5|CP-01|3\n",
    ],
    ids=["iso", "offset", "utc", "german", "spreadsheet", "tabs", "quoted", "titles"],
)  # fmt: skip
def test_one_departure_in_the_forms_that_people_write(text: str) -> None:
    found = read(text)
    assert found.departures == (EXPECTED,)
    assert found.findings == ()
    assert not found.is_refused


@pytest.mark.parametrize(
    ("cells", "said", "remedy"),
    [
        ({"departure": "2026-03-09 17:59"}, "the departure was on 2026-03-09 at 17:59", "correct the date, or remove"),
        ({"departure": "2027-03-11 05:10"}, "more than a year away", "correct the date"),
        ({"departure": "2026-03-29 02:30"}, "the clock of Europe/Berlin skips 02:30 on 2026-03-29", "an hour later"),
        ({"departure": "tomorrow"}, "'tomorrow' is not a departure", "2026-03-10 05:10"),
        ({"departure": "2026-13-10 05:10"}, "'2026-13-10 05:10' is not a departure", "2026-03-10 05:10"),
        ({"departure": "2026-03-10"}, "'2026-03-10' is not a departure", "2026-03-10 05:10"),
        ({"departure": ""}, "'' is not a departure", "2026-03-10 05:10"),
        ({"departure": "05:10", "date": "soon"}, "'soon' is not a date", "2026-03-10"),
        ({"date": "2026-03-11"}, "it leaves on 2026-03-10, but the row is of 2026-03-11", "correct one"),
        ({"vehicle": "Buss 17"}, "there is no vehicle 'Buss 17'; is Bus 17 meant?", "add the vehicle first"),
        ({"vehicle": "=cmd|'/c calc'!A1"}, "there is no vehicle '=cmd|'/c calc'!A1'", "add the vehicle first"),
        ({"vehicle": "x\x1b[31m"}, "there is no vehicle 'x�[31m'", "add the vehicle first"),
        ({"vehicle": ""}, "the row names no vehicle", "write its id"),
        ({"kwh": "401"}, "401 kWh are more than Bus 17 can take: its battery holds 360 kWh", "correct the energy"),
        ({"kwh": "-5"}, "an energy of -5 kWh cannot be meant", "kWh"),
        ({"kwh": "1,234"}, "'1,234' is no clear energy", "a plain number"),
        ({"kwh": "NaN"}, "'NaN' is no clear energy", "a plain number"),
        ({"kwh": "55000000", "vehicle": "Bus 18"}, "an energy of 5.5e+07 kWh cannot be meant", "write kWh"),
        ({"target_soc": "120"}, "a target of 120 % cannot be meant", "80 for 80 %"),
        ({"target_soc": "0.8"}, "a target of 0.8 % cannot be meant", "80 for 80 %"),
        ({"target_soc": "full"}, "'full' is no clear target state of charge", "a plain number"),
        ({"evse": "CP-O1"}, "the site has no EVSE 'CP-O1'", "CP-01/1"),
        ({"evse": "CP-03/1"}, "the site has no EVSE 'CP-03/1'; is CP-0", "CP-01/1"),
        ({"priority": "high"}, "'high' is not a priority", "a whole number"),
        ({"priority": "9999999999"}, "'9999999999' is not a priority", "a whole number"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_with_its_remedy(cells: dict[str, str], said: str, remedy: str) -> None:
    found = one_row(**cells)
    (finding,) = found.findings
    assert (found.departures, found.is_refused, finding.row) == ((), True, 2)
    assert said in finding.message
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"departure": "2026-10-25 02:30"}, "twice: taken as the first time"),
        ({"departure": "05:10"}, "without a date: taken as 2026-03-10"),
        ({"departure": "18:30"}, "without a date: taken as 2026-03-09"),
        ({"kwh": ""}, "nobody says how much it needs"),
        ({"kwh": "", "target_soc": "80", "vehicle": "Bus 18"}, "the battery of Anna is not known"),
        ({"line": "M41", "driver": "Anna"}, "these columns mean nothing here: 'line', 'driver'"),
    ],
)
def test_what_was_made_of_a_doubtful_row_is_said(cells: dict[str, str], said: str) -> None:
    found = one_row(**cells)
    (finding,) = found.findings
    assert said in finding.message
    assert finding.remedy
    assert len(found.departures) == 1
    assert not found.is_refused


@pytest.mark.parametrize(
    ("text", "row", "said"),
    [
        ("", 1, "there is nothing in it"),
        ("\n\n", 1, "there is nothing in it"),
        ("start;price\n2026-03-10 05:10;5\n", 1, "no heading names a column for the vehicle"),
        ("vehicle;departure\n", 1, "there are no rows below the heading"),
        ("vehicle;departure;bus\nBus 17;2026-03-10 05:10;Bus 18\n", 1, "another column says the same as 'bus'"),
        ('vehicle;departure\nBus 17;"2026-03-10 05:10\nBus 18;2026-03-10 05:10\n', 3, "is not a departure"),
        ("vehicle;departure\n" + "Bus 17;2026-03-10 05:10\n" * 10_001, 10_001, "more than 10000 rows"),
        ("vehicle;departure\n" + "x" * 200_000 + ";05:10\n", 2, "field larger than field limit"),
    ],
    ids=["empty", "blank", "prices", "only a heading", "doubled column", "open quote", "too many rows", "huge cell"],
)
def test_a_list_that_is_none_is_refused(text: str, row: int, said: str) -> None:
    found = read(text)
    assert found.is_refused
    assert any(finding.row == row and said in finding.message for finding in found.findings)


def test_a_doubled_row_is_refused_however_it_is_written() -> None:
    text = (
        "vehicle;departure;kwh\nBus 17;2026-03-10 05:10;55\nBus 18;2026-03-10 05:10;55\nbus 17;2026-03-10T04:10Z;60\n"
    )
    found = read(text)
    assert [str(finding) for finding in found.findings] == ["row 4: the same departure as in row 2"]
    assert found.is_refused


def test_a_row_that_is_wider_than_the_heading_is_refused_and_its_half_numbers_are_not_taken() -> None:
    found = read("vehicle,departure,kwh\nBus 17,2026-03-10 05:10,12,5\nBus 18,2026-03-10 05:10,12,\n")
    (refused,) = (finding for finding in found.findings if finding.is_refusal)
    assert (refused.row, refused.message) == (2, "it has 4 cells, the heading has 3")
    assert refused.remedy == "put what holds a ',' into quotes, or give each column a heading"
    assert [departure.vehicle for departure in found.departures] == ["Bus 18"], "empty cells say nothing"


def test_of_a_list_whose_rows_are_all_too_wide_only_that_is_said() -> None:
    (only,) = read("vehicle,departure\nBus 17,2026-03-10 05:10,12\n").findings
    assert only.message == "it has 3 cells, the heading has 2"


def test_a_name_that_two_vehicles_share_is_refused_and_a_tag_is_a_name() -> None:
    twins = Fleet({one: Vehicle(one, name="Twin") for one in ("A", "B")})
    found = read_list("vehicle;departure;kwh\nTWIN;2026-03-10 05:10;5\n", twins, SITE, NOW)
    assert found.findings[0].message == "'TWIN' is a name of A and B"
    assert [one.vehicle for one in one_row(vehicle="04a1").departures] == ["Bus 18"]
    assert [one.vehicle for one in one_row(vehicle="anna").departures] == ["Bus 18"]


def test_midnight_at_the_end_of_a_day() -> None:
    for found in (one_row("2026-03-24 24:00"), one_row("24:00", date="24.03.2026"), one_row("25.03.2026 00:00")):
        assert [one.at for one in found.departures] == [datetime(2026, 3, 24, 23, 0, tzinfo=UTC)]


def test_a_list_can_be_handed_in_again_when_some_of_it_is_over() -> None:
    text = "vehicle;departure;kwh\nBus 17;2026-03-10 05:10;55\nBus 18;2026-03-10 09:00;5\n"
    known = changed(Daybook(FLEET), read(text).change(BERLIN), NOW, BERLIN)
    noon = datetime(2026, 3, 10, 7, 0, tzinfo=UTC)
    again = read_list(text, known.fleet, SITE, noon)
    assert (again.findings, again.is_refused) == ((), False)
    assert changed(known, again.change(BERLIN), noon, BERLIN) == known
    assert read(text, noon).findings[0].message == "the departure was on 2026-03-10 at 05:10"


def test_a_list_replaces_what_was_known_of_its_vehicles_on_its_dates() -> None:
    """And of nothing else: a correction leaves no old departure behind."""
    first = read(
        "vehicle;departure;kwh\nBus 17;2026-03-10 05:10;55\nBus 18;2026-03-10 06:00;5\nBus 17;2026-03-11 05:10;55\n"
    )
    then = read(
        "vehicle;departure;kwh\nBus 17;2026-03-10 05:40;55\nBus 18;2026-03-10 06:00;5\nBus 19;2026-03-10 07:00;5\n"
    )
    known = changed(Daybook(FLEET), first.change(BERLIN), NOW, BERLIN)
    assert [(day.vehicle, day.kind) for day in then.days(known.fleet, BERLIN)] == [
        ("Bus 17", "changed"), ("Bus 18", "same"), ("Bus 19", "new")
    ]  # fmt: skip
    after = changed(known, then.change(BERLIN), NOW, BERLIN).fleet
    left = [d.at.astimezone(BERLIN) for d in after.departures["Bus 17"]]
    assert [(at.day, at.time()) for at in left] == [(10, time(5, 40)), (11, time(5, 10))]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("80", 80), ("82.5", 82.5), ("82,5", 82.5), (" 80 % ", 80), ("55 kWh", 55), ("1.234,5", 1234.5),
        ("1,234.5", 1234.5), ("0,125", 0.125), ("1 234,5", 1234.5), ("1.234", None), ("1,234", None), ("", None),
        ("inf", None), ("1e3", None), ("--5", None), ("5-", None), ("٥٥", 55),
    ],
)  # fmt: skip
def test_numbers(text: str, number: float | None) -> None:
    assert number_in(text) == number


def test_american_dates_are_read_where_they_are_written() -> None:
    told = wall_of("3/10/2026 5:10", month_first=True)
    assert told is not None
    assert told.day == TEN_PAST_FIVE.date()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("3/10/2026 5:10 AM", time(5, 10)), ("3/10/2026 5:10:00 p.m.", time(17, 10)), ("12:05 am", time(0, 5)),
        ("12:05PM", time(12, 5)), ("2026-03-10 05:10:00+01", time(5, 10)),
    ],
)  # fmt: skip
def test_a_clock_of_twelve_hours_and_an_offset_of_hours_are_read(text: str, at: time) -> None:
    told = wall_of(text, month_first=True)
    assert told is not None
    assert told.at == at


@pytest.mark.parametrize("text", ["13:05 pm", "0:05 am", "24:00 am"])
def test_a_clock_of_twelve_hours_shows_no_other(text: str) -> None:
    assert wall_of(text) is None


@given(
    st.text(st.characters(codec="utf-8"), max_size=60), st.sampled_from(["", "vehicle;departure\n", "bus,time,kwh\n"])
)
def test_nothing_that_is_typed_raises(text: str, heading: str) -> None:
    found = read(heading + text)
    assert found.is_refused or found.departures
    wall_of(text)


def test_every_word_for_a_column_is_found_and_means_one_thing() -> None:
    words = [word for column in Column for word in column.value]
    assert len(words) == len(set(words))
    assert "abfahrtszeit" in Column.DEPARTURE.value
    table, _ = table_of("Fahrzeug-Nr.;ABFAHRT;Energiebedarf (kWh)\n", FORM)
    assert table is not None
    assert table.columns == {Column.VEHICLE: 0, Column.DEPARTURE: 1, Column.KWH: 2}


@pytest.mark.parametrize(
    ("rows", "known", "found"),
    [
        (["Bus 17;05:10;CP-01/1", "Bus 18;05:10;CP-01/1"], [], [(3, "Bus 17 at 05:10 and Bus 18 at 05:10")]),
        (["Bus 18;05:20;CP-01", "Bus 17;05:10;CP-01/1"], [], [(3, "Bus 17 at 05:10 and Bus 18 at 05:20")]),
        (["Bus 17;05:10;CP-01/1", "Bus 18;06:10;CP-01/1"], [], []),
        (["Bus 17;05:10;CP-01/1", "Bus 18;05:10;CP-02/1"], [], []),
        (["Bus 17;05:10;CP-01/1"], ["Bus 18"], [(2, "Bus 17 at 05:10 and Bus 18 at 05:10")]),
        # What the list says in place of what was known.
        (["Bus 17;05:10;CP-01/1", "Bus 18;05:10;CP-02/1"], ["Bus 18"], []),
        # What it says nothing about is not for it to tell.
        (["Bus 17;05:10;CP-02/1"], ["Bus 18", "Bus 19"], []),
    ],
)
def test_two_vehicles_that_leave_from_one_evse_at_once_are_doubted(
    rows: list[str], known: list[str], found: list[tuple[int, str]]
) -> None:
    told = {name: (Departure(name, TEN_PAST_FIVE, evse="CP-01/1"),) for name in known}
    text = "vehicle;departure;evse\n" + "\n".join(row.replace(";05", ";2026-03-10 05") for row in rows)
    text = text.replace(";06", ";2026-03-10 06")
    made = read_list(text, Fleet(FLEET.vehicles, departures=told), SITE, NOW)
    doubts = [one for one in made.findings if "leave from one EVSE" in one.message]
    assert [(one.row, one.message.partition(" leave")[0]) for one in doubts] == found
    assert not made.is_refused
