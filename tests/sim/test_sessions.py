"""Recorded sessions: the forms in which they come, and what is wrong in them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from ems.sim.placement import place
from ems.sim.sessions import SessionFile, parse_sessions, read_sessions
from tests.sim.sites import feeder, record, recorded


def counts(file: SessionFile) -> tuple[str, int, int, int]:
    return file.form, len(file.records), len(file.rejected), len(file.stations())


@pytest.mark.parametrize(
    ("name", "form", "records", "rejected", "stations"),
    [
        ("caltech_2019-05-01_2019-08-31.csv.gz", "ACN-Data CSV", 3527, 0, 52),
        ("jpl_2019-05-01_2019-08-31.csv.gz", "ACN-Data CSV", 6026, 0, 52),
        ("caltech_2019-03_acnsim_events.json.gz", "ACN-Sim event queue", 954, 0, 47),
        ("acn_form_example.json", "ACN-Data JSON", 3, 0, 3),
        # 24,081 rows; 194 end in the minute in which they begin, two contradict their own Total_Duration
        ("boulder_public.csv", "Boulder CSV", 23_885, 196, 27),
    ],
)
def test_every_row_of_the_real_files_is_taken_or_accounted_for(
    name: str, form: str, records: int, rejected: int, stations: int
) -> None:
    """The counts were found with awk, zcat and a calculator."""
    assert counts(read_sessions(recorded(name))) == (form, records, rejected, stations)


def test_energy_of_the_real_files() -> None:
    """Sums of the columns as awk adds them, kWh."""
    for name, kwh in (
        ("caltech_2019-05-01_2019-08-31.csv.gz", 29_532.772),
        ("jpl_2019-05-01_2019-08-31.csv.gz", 86_060.440),
    ):
        file = read_sessions(recorded(name))
        assert sum(r.delivered_wh for r in file.records) / 1000 == pytest.approx(kwh, abs=0.01)


def test_acn_rows_are_local_times_with_an_offset() -> None:
    first = read_sessions(recorded("caltech_2019-05-01_2019-08-31.csv.gz")).records[0]
    assert (first.station, first.arrival) == ("CA-305", datetime(2019, 5, 1, 8, 18, 45, tzinfo=UTC))
    assert (first.delivered_wh, first.requested_wh) == (44_069, 60_000)
    assert first.stated_departure == datetime(2019, 5, 1, 16, 20, 45, tzinfo=UTC)


def test_who_did_not_claim_the_session_said_nothing() -> None:
    file = read_sessions(recorded("caltech_2019-05-01_2019-08-31.csv.gz"))
    silent = [r for r in file.records if r.requested_wh is None]
    assert len(silent) == 506
    assert all(r.stated_departure is None for r in silent)


def test_the_event_queue_begins_at_local_midnight() -> None:
    """Step 76 of a queue that begins 2019-03-01 00:00 in Los Angeles is 14:20 UTC; its id says 14:24:58."""
    file = read_sessions(recorded("caltech_2019-03_acnsim_events.json.gz"))
    first = file.records[0]
    assert (first.station, first.arrival) == ("CA-315", datetime(2019, 3, 1, 14, 20, tzinfo=UTC))
    assert first.departure - first.arrival == timedelta(minutes=80)
    for r in file.records:
        told = datetime.fromisoformat(r.id.rpartition("_")[2]).replace(tzinfo=UTC)
        assert timedelta(0) <= told - r.arrival < timedelta(minutes=6) or abs(told - r.arrival) < timedelta(minutes=6)


@pytest.mark.parametrize("step_s", [60, 300, 900])
def test_the_length_of_a_step_of_an_event_queue_is_found(step_s: int) -> None:
    """Every hour from 07:00 on somebody arrives for two hours; the queue began at local midnight."""
    begin = datetime(2019, 5, 1, 7, tzinfo=UTC)
    arrivals = [begin + timedelta(hours=k, seconds=20) for k in range(9)]
    vehicles = {
        str(k): {"class": "acnportal.acnsim.models.ev.EV", "attributes": {
            "_session_id": f"2_39_1_{at:%Y-%m-%d %H:%M:%S.%f}", "_station_id": "C", "_requested_energy": 5,
            "_arrival": k * 3600 // step_s, "_departure": (k + 2) * 3600 // step_s,
            "_estimated_departure": (k + 1) * 3600 // step_s,
        }}
        for k, at in enumerate(arrivals)
    }  # fmt: skip
    file = parse_sessions(json.dumps({"context_dict": vehicles}).encode(), "x")
    assert [r.arrival for r in file.records] == [begin + timedelta(hours=k) for k in range(9)]
    assert {r.departure - r.arrival for r in file.records} == {timedelta(hours=2)}


def test_boulder_times_are_utc() -> None:
    """The zone's name changes when the local time does, if the times are read as UTC: 44 of 48,162 disagree."""
    file = read_sessions(recorded("boulder_public.csv"))
    hours = [r.arrival.hour for r in file.records]
    night = sum(1 for hour in hours if 5 <= hour <= 10)
    assert night / len(hours) < 0.03
    assert file.records[0].arrival == datetime(2018, 1, 2, 0, 49, tzinfo=UTC)


ACN = (
    "arrival,departure,requested_energy (kWh),delivered_energy (kWh),"
    "station_id,session_id,estimated_departure,claimed\n"
)
GOOD = "2019-05-01 01:00:00-07:00,2019-05-01 02:00:00-07:00,6,5,S1,a,2019-05-01 03:00:00-07:00,True\n"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2019-05-01 03:00:00-07:00,2019-05-01 02:00:00-07:00,6,5,S1,b,,True", "departs"),
        ("1970-01-01 00:00:00+00:00,1970-01-01 02:00:00+00:00,6,5,S1,b,,True", "1970-01-01 must be a wrong date"),
        ("0001-01-01 00:00:00+00:00,0001-01-01 02:00:00+00:00,6,5,S1,b,,True", "1-01-01 must be a wrong date"),
        ("9999-12-31 00:00:00+00:00,9999-12-31 02:00:00+00:00,6,5,S1,b,,True", "9999-12-31 must be a wrong date"),
        ("2019-05-01 03:00:00,2019-05-01 05:00:00,6,5,S1,b,,True", "zone"),
        ("yesterday,2019-05-01 02:00:00-07:00,6,5,S1,b,,True", "yesterday"),
        ("2019-05-01 01:00:00-07:00,2019-05-01 02:00:00-07:00,6,-5,S1,b,,True", "delivered"),
        ("2019-05-01 01:00:00-07:00,2019-05-01 02:00:00-07:00,6,nan,S1,b,,True", "delivered"),
        ("2019-05-01 01:00:00-07:00,2019-05-01 02:00:00-07:00,much,5,S1,b,,True", "much"),
        ("2019-05-01 01:00:00-07:00,2019-05-01 02:00:00-07:00,6,5,,b,,True", "station"),
        ("2019-05-01 01:00:00-07:00,2019-05-01 02:00:00-07:00", "columns"),
        ("2019-05-01 03:00:00,2019-05-01 05:00:00-07:00,6,5,S1,b,,True", "write its offset too, as 2019-05-01T"),
        ("5/1/2019 3:00 AM,2019-05-01 05:00:00-07:00,6,5,S1,b,,True", "arrival '5/1/2019 3:00 AM' is not a time"),
        ("2019-05-01 01:00:00-07:00,2019-05-01 02:00:00-07:00,6,,S1,b,,True", "delivered_energy (kWh) is missing"),
        ("2019-05-01 01:00:00-07:00,2019-05-01 02:00:00-07:00,6,13200,S1,b,,True", "is it in Wh?"),
    ],
)
def test_a_bad_row_is_reported_with_line_and_reason(row: str, reason: str) -> None:
    file = parse_sessions((ACN + GOOD + row + "\n" + GOOD.replace(",a,", ",z,")).encode(), "x.csv")
    assert len(file.records) == 2
    assert [rejected.where for rejected in file.rejected] == ["line 3"]
    assert reason in file.rejected[0].reason


ITEM = {
    "sessionID": "s",
    "spaceID": "CA-1",
    "connectionTime": "Mon, 06 May 2019 15:00:00 GMT",
    "disconnectTime": "Mon, 06 May 2019 23:40:00 GMT",
    "kWhDelivered": 13.2,
    "userInputs": None,
}


def test_the_last_word_of_a_driver_counts() -> None:
    day = "Mon, 06 May 2019"
    said = [
        {"modifiedAt": f"{day} {at}:05:00 GMT", "kWhRequested": kwh, "requestedDeparture": f"{day} {until}:00:00 GMT"}
        for at, kwh, until in ((15, 9, 20), (17, 20, 23), (16, 5, 21))
    ]
    file = parse_sessions(json.dumps({"_items": [{**ITEM, "userInputs": said}]}).encode(), "x.json")
    assert file.records[0].requested_wh == 20_000
    assert file.records[0].stated_departure == datetime(2019, 5, 6, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kWhDelivered": None}, "kWhDelivered is missing"),
        ({"disconnectTime": None}, "disconnectTime is missing"),
        ({"connectionTime": "soon"}, "soon"),
    ],
)
def test_a_bad_item_is_reported_too(change: dict[str, object], reason: str) -> None:
    file = parse_sessions(json.dumps([ITEM, {**ITEM, **change}]).encode(), "x.json")
    assert (len(file.records), file.rejected[0].where) == (1, "item 2")
    assert reason in file.rejected[0].reason


LOCAL = timezone(timedelta(hours=-7))
EIGHT = datetime(2019, 5, 1, 8, tzinfo=LOCAL)


@pytest.mark.parametrize(
    "written",
    ["2019-05-01 08:00:00-07:00", "2019-05-01T15:00:00Z", "2019-05-01T17:00+0200", "2019/05/01 15:00:00+00",
     "2019-05-01 08:00:00.000000 -0700", "2019-05-01 15:00:00 UTC", "Wed, 01 May 2019 15:00:00 GMT",
     "Wed, 01 May 2019 15:00:00 -0000", "Wed, 01 May 2019 08:00:00 -0700", 1556722800, 1556722800000],
)  # fmt: skip
def test_a_time_is_read_however_it_is_written(written: object) -> None:
    file = parse_sessions(json.dumps([{**ITEM, "connectionTime": written}]).encode(), "x.json")
    assert [r.arrival for r in file.records] == [EIGHT]


HEAD, ROW = ("arrival", "departure", "delivered_energy (kWh)", "station_id"), (
    "2019-05-01 08:00-07:00", "2019-05-01 10:00-07:00", "5.5", "C",
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        f"{','.join(HEAD)}\r\n{','.join(ROW)}\r\n\r\n,,,\r\n",
        f"\ufeff{','.join(HEAD)}\n{','.join(ROW)}",
        f"{';'.join(HEAD)}\n{';'.join(ROW).replace('.', ',')}\n",
        "\t".join(HEAD) + "\n" + "\t".join(ROW),
        f",{','.join(HEAD)},note\n0,{','.join(ROW)},\n",
        f"{','.join(HEAD[::-1]).upper()}\n{','.join(ROW[::-1])}\n",
        '"' + '","'.join(HEAD) + '"\n"' + '","'.join(ROW) + '"',
        '[{"connectionTime": "2019-05-01T15:00Z", "disconnectTime": "2019-05-01T17:00Z", "kWhDelivered": "5.5",'
        ' "stationID": "C"}]',
        '[{"_items": [{"connectionTime": "2019-05-01T15:00Z", "disconnectTime": "2019-05-01T17:00Z",'
        ' "kWhDelivered": 5.5, "spaceID": "C", "stationID": "2-39-78-1", "userInputs": []}]}, {"_items": []}]',
        "connectionTime,disconnectTime,kWhDelivered,spaceID,stationID,userInputs\n"
        "2019-05-01 15:00:00+00:00,2019-05-01 17:00:00+00:00,5.5,,C,\n",
    ],
    ids=["crlf and empty rows", "byte order mark", "semicolons and commas", "tabs", "more columns", "another order",
         "quoted", "numbers as text", "pages", "api as a table"],
)  # fmt: skip
def test_the_same_session_is_read_from_every_dialect(text: str) -> None:
    file = parse_sessions(text.encode(), "x")
    assert file.rejected == ()
    (session,) = file.records
    assert (session.station, session.arrival, session.delivered_wh) == ("C", EIGHT, 5500)
    assert session.departure - session.arrival == timedelta(hours=2)


@pytest.mark.parametrize(
    "inputs",
    [
        [{"kWhRequested": 7, "modifiedAt": "2019-05-01T15:00Z"}, {"kWhRequested": 3, "modifiedAt": None}, None],
        {"kWhRequested": "7"},
        "[{'kWhRequested': 7.0, 'requestedDeparture': None, 'paymentRequired': True}]",
        '{"kWhRequested": 7}',
    ],
)
def test_what_a_driver_said_is_understood_in_every_form(inputs: object) -> None:
    file = parse_sessions(json.dumps([{**ITEM, "userInputs": inputs}]).encode(), "x")
    assert [(r.requested_wh, r.stated_departure) for r in file.records] == [(7000, None)]


def test_a_session_that_stands_there_twice_counts_once() -> None:
    file = parse_sessions(json.dumps([ITEM, ITEM, {**ITEM, "sessionID": "t"}]).encode(), "x")
    assert (len(file.records), [r.where for r in file.rejected]) == (2, ["item 2"])


def test_a_night_in_which_the_clock_changes_lasts_as_long_as_it_does() -> None:
    """Two hours on the face of the clock are three in November, and one in March."""
    rows = [
        "2019-11-03 00:30:00-07:00,2019-11-03 02:30:00-08:00,5,C,1",
        "2019-03-10 01:30:00-08:00,2019-03-10 03:30:00-07:00,5,C,1",
    ]
    text = "arrival,departure,delivered_energy (kWh),station_id,claimed\n" + "\n".join(rows)
    stays = [(r.departure - r.arrival).total_seconds() / 3600 for r in parse_sessions(text.encode(), "x").records]
    assert stays == [1, 3]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a,b,c\n1,2,3\n", "no known form"),
        (b"{\n\n", "x:3: not JSON"),
        (b'{"a": 1}', "without sessions"),
        (b" \n", "x: the file is empty"),
        (b"delivered_energy (kWh),station_id\n1,A\n", "x:1: columns of ACN-Data CSV are missing: arrival, departure"),
        (b"\x89PNG\r\n\x1a\n\xff", "no known form"),
        (b"evse,from,to,energy\n", "x:1: .*'energy' tells no unit: write kWh or Wh into that heading"),
        (b"evse,from,energy_kwh\n", "x:1: .*no heading names the end"),
        (b'[{"evse": "A", "from": 1}]', "x: .*no key names the end and the energy"),
        (b'{"context_dict": {}}', "without vehicles"),
        (b'arrival,delivered_energy (kWh),departure,station_id\n"' + b"x" * 140_000, "x:.*: not a table .*quote"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_an_unknown_form_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_sessions(data, "x")


def test_sessions_stand_at_their_stations() -> None:
    placed = place(feeder(), [record("A2", 0, 60, 1), record("A1/1", 5, 60, 1), record("X", 9, 60, 1)])
    assert [(v.record.station, v.evse) for v in placed.visits] == [("A2", 1), ("A1/1", 0)]
    assert placed.unknown == {"X": 1}


def test_of_two_at_one_evse_the_earlier_ends_when_the_later_arrives() -> None:
    placed = place(feeder(), [record("A1", 0, 500, 1), record("A1", 300, 500, 1), record("A1", 310, 500, 1)])
    stays = [(v.record.departure - v.record.arrival).total_seconds() for v in placed.visits]
    assert (stays, placed.shortened, placed.displaced) == ([300, 500], 1, 1)


def test_unknown_stations_can_be_mapped_round_robin() -> None:
    records = [record(name, k, 100, 1) for k, name in enumerate(("P", "Q", "R", "S", "P"))]
    records.append(record("P", 200, 100, 1))
    placed = place(feeder(evses=4), records, map_unknown=True)
    assert [(v.record.station, v.evse) for v in placed.visits] == [("P", 0), ("Q", 1), ("R", 2), ("S", 3), ("P", 0)]
    assert (placed.mapped, placed.displaced, placed.unknown) == ({"P": 2, "Q": 1, "R": 1, "S": 1}, 1, {})


@pytest.mark.parametrize("name", ["boulder_public.csv", "jpl_2019-05-01_2019-08-31.csv.gz"])
def test_real_sessions_of_another_site_never_overlap_once_placed(name: str) -> None:
    records = read_sessions(recorded(name)).records[:3000]
    placed = place(feeder(evses=30), records, map_unknown=True)
    until: dict[int, datetime] = {}
    for visit in placed.visits:
        assert visit.record.arrival >= until.get(visit.evse, visit.record.arrival)
        until[visit.evse] = visit.record.departure
    assert len(placed.visits) + placed.displaced == 3000


def test_a_table_without_what_drivers_said_is_enough() -> None:
    text = b"arrival,departure,delivered_energy (kWh),station_id\n2019-05-01 08:00-07:00,2019-05-01 09:00-07:00,5,C\n"
    (session,) = parse_sessions(text, "x").records
    assert (session.requested_wh, session.stated_departure, session.delivered_wh) == (None, None, 5000)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (7, "7 is not a session"),
        ({"sessionID": "a", "kWhDelivered": 5}, "connectionTime and disconnectTime is missing"),
        ({"sessionID": "a", "stationID": "s", "kWhDelivered": 5, "connectionTime": "Wed, 01 May 2019 08:00:00 GMT",
          "disconnectTime": None}, "disconnectTime is missing"),
        ({"sessionID": "a", "stationID": "s", "kWhDelivered": 5, "connectionTime": "Wed, 01 May 2019 08:00:00 GMT",
          "disconnectTime": "Fri, 01 May 2099 08:00:00 GMT"}, "stays for 29220 days"),
    ],
)  # fmt: skip
def test_an_item_that_is_no_session_is_told(item: object, reason: str) -> None:
    file = parse_sessions(json.dumps([item]).encode(), "x")
    assert file.records == ()
    assert reason in file.rejected[0].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x1f\x8b\x08broken", "damaged gzip"),
        (None, "cannot be read"),
        (gzip.compress(b"a,b\n", mtime=0), "no known form"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "day.csv.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"day.csv.gz.*{reason}"):
        read_sessions(path)
