"""MeterValues: every sample that can be understood is used, and nothing that cannot is."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ems.adapters.ocpp import frame
from ems.adapters.ocpp.v16.incoming import Incoming
from ems.adapters.ocpp.v16.record import StationRecord
from ems.adapters.ocpp.v16.transactions import Book
from ems.domain.events import ClockMeasured, Event, MeterValues, TransactionStarted
from ems.domain.instant import Instant
from ems.domain.phases import Wiring
from ems.domain.session import Transaction
from ems.domain.station import Evse, Station
from tests.adapters.ocpp.central import MemoryLedger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Handset:
    """What a station says, said straight to the handlers; `at` is the time on both clocks, in seconds after
    noon; ours has been set by `set_by` since.
    """

    phases: str = "L1 L2 L3"
    outlets: int = 1
    at: float = 1000.0
    set_by: float = 0.0
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        evses = tuple(Evse("CP", n + 1, "grid", Wiring.parse(self.phases), 32, 6) for n in range(self.outlets))
        ledger = MemoryLedger()
        self.record = StationRecord(
            Station("CP", evses),
            230.0,
            UTC,
            self,
            self.events.append,
            ledger,
            None,
            Book(ledger.transaction_id, ledger.has_ended),
        )
        self.incoming = Incoming(self.record)

    def now(self) -> Instant:
        """The clock port."""
        return Instant(self.at, NOON + timedelta(seconds=self.at + self.set_by))

    def running(self, meter_start_wh: float) -> Handset:
        """With transaction 7 under way."""
        self.record.book.open["CP/1"] = Transaction(7, self.now().utc, meter_start_wh)
        return self

    def says(self, payload: object, text: str | None = None) -> list[MeterValues]:
        """What becomes of a MeterValues.req."""
        before = len(self.events)
        self.incoming.meter_values((text if text is not None else json.dumps(payload)).encode(), self.now())
        return [event for event in self.events[before:] if isinstance(event, MeterValues)]

    def reports(self, *samples: object, told: float | str | None = 0.0, **more: object) -> MeterValues:
        """One bucket; `told` is how many seconds ago the station says it was taken."""
        time = (self.now().utc - timedelta(seconds=told)).isoformat() if isinstance(told, float) else told
        payload = {"connectorId": 1, "transactionId": 7, "meterValue": [{"timestamp": time, "sampledValue": samples}]}
        (event,) = self.says(payload | more)
        return event

    def registers(self, *values: float) -> list[float | None]:
        """What becomes of a register that shows these values, half an hour apart."""
        said = []
        for value in values:
            self.at += 1800
            said.append(self.reports(REGISTER | {"value": str(value)}).register_wh)
        return said


CURRENT = {"measurand": "Current.Import", "unit": "A", "context": "Sample.Periodic"}
L1, L2, L3 = ({**CURRENT, "phase": phase} for phase in ("L1", "L2", "L3"))
POWER = {"measurand": "Power.Active.Import", "unit": "W"}
REGISTER = {"measurand": "Energy.Active.Import.Register", "unit": "Wh"}
SOC = {"measurand": "SoC", "unit": "Percent"}
OFFERED = {"measurand": "Current.Offered", "unit": "A"}


def v(sample: dict[str, str], value: object, **more: object) -> dict[str, object]:
    return {**sample, "value": value, **more}


ONE_SAMPLE: list[tuple[str, dict[str, object], str, object]] = [
    ("on L1", v(L1, "14.8"), "leg_a", (14.8, None, None)),
    ("on L3-N", v(CURRENT, "14.8", phase="L3-N"), "leg_a", (None, None, 14.8)),
    ("on N (Q64)", v(CURRENT, "14.8", phase="N"), "leg_a", None),
    ("without a phase (Q66)", v(CURRENT, "14.8"), "total_a", 14.8),
    ("phase null", v(CURRENT, "14.8", phase=None), "total_a", 14.8),
    ("phase in lower case with blanks", v(CURRENT, "14.8", phase=" l2 "), "leg_a", (None, 14.8, None)),
    ("phase in the measurand (Q63)", v({}, "7", measurand="Current.Import.L2", unit="A"), "leg_a", (None, 7, None)),
    ("measurand with a dash", v({}, "7", measurand="current.import-l2", unit="A"), "leg_a", (None, 7, None)),
    ("measurand in quotes", v({}, "7", measurand="'Current.Import'", unit="A"), "total_a", 7),
    ("leading blank (Q63)", v(CURRENT, " 0.0"), "total_a", 0),
    ("quotes (Q63)", v(CURRENT, "'3.5'"), "total_a", 3.5),
    ("decimal comma (P04)", v(CURRENT, "1,5"), "total_a", 1.5),
    ("a number, not a text", v(CURRENT, 7), "total_a", 7),
    ("exponent", v(CURRENT, "1.4e1"), "total_a", 14),
    ("unit missing", v({"measurand": "Current.Import"}, "7"), "total_a", 7),
    ("milliampere", v({"measurand": "Current.Import", "unit": "mA"}, "7000"), "total_a", 7),
    ("wrong unit: Hz (Q62)", v(CURRENT, "50", unit="Hz"), "total_a", None),
    ("wrong unit: Celcius (Q62)", v(CURRENT, "32", unit="Celcius"), "total_a", None),
    ("negative: fed back", v(L1, "-6"), "leg_a", (6, None, None)),
    ("no number: NaN (P04)", v(CURRENT, "NaN"), "total_a", None),
    ("no number: empty (Q71)", v(CURRENT, ""), "total_a", None),
    ("no number: null", v(CURRENT, None), "total_a", None),
    ("no number: true", v(CURRENT, True), "total_a", None),
    ("no number: object", v(CURRENT, {"x": 1}), "total_a", None),
    ("no number: 1e999", v(CURRENT, "1e999"), "total_a", None),
    ("impossible: 1 GA", v(CURRENT, "1000000000"), "total_a", None),
    ("signed data (Q71)", v(CURRENT, "AF0123", format="SignedData"), "total_a", None),
    ("at the cable", v(CURRENT, "7", location="Cable"), "total_a", None),
    ("watt", v(POWER, "3400"), "power_w", 3400),
    ("kilowatt", v(POWER, "3.4", unit="kW"), "power_w", 3400),
    ("VA", v(POWER, "3400", unit="VA"), "power_w", 3400),
    ("watt labelled kW (Q61)", v(POWER, "3400", unit="kW"), "power_w", None),
    ("milliwatt (P04)", v(POWER, "5", unit="mW"), "power_w", None),
    ("-1 GW (P04)", v(POWER, "-1e9"), "power_w", None),
    ("Wh", v(REGISTER, "113400"), "register_wh", 113400),
    ("kWh", v(REGISTER, "1.6250000000000002", unit="kWh"), "register_wh", 1625),
    ("a bare value is a register (7.16)", {"value": "42"}, "register_wh", 42),
    ("register below zero", v(REGISTER, "-1"), "register_wh", None),
    ("state of charge", v(SOC, "55"), "soc_percent", 55),
    ("state of charge -5 (P11)", v(SOC, "-5"), "soc_percent", None),
    ("state of charge 300 (P11)", v(SOC, "300"), "soc_percent", None),
    ("offered", v(OFFERED, "16"), "offered_a", 16),
    ("offered on a phase", v(OFFERED, "16", phase="L1"), "offered_a", 16),
    ("unknown measurand", v({}, "7", measurand="Request.Energy", unit="A"), "total_a", None),
]


@pytest.mark.parametrize(
    ("sample", "quantity", "expected"), [pytest.param(s, q, e, id=what) for what, s, q, e in ONE_SAMPLE]
)
def test_one_sample(sample: dict[str, object], quantity: str, expected: object) -> None:
    """Each makes an event; None: the sample is not used, and nothing else is made of it."""
    said = Handset().reports(sample)
    assert getattr(said, quantity) == (expected if expected is None else pytest.approx(expected))
    others = {"leg_a", "total_a", "power_w", "register_wh", "soc_percent", "offered_a"} - {quantity}
    assert [getattr(said, other) for other in others] == [None] * 5


@pytest.mark.parametrize(
    ("phases", "samples", "expected"),
    [
        ("L1 L2 L3", [v(L1, 14.8), v(L2, 0), v(L3, 0)], (14.8, 0, 0)),
        ("L2 L3 L1", [v(L1, 1), v(L2, 2), v(L3, 3)], (1, 2, 3)),
        ("L2", [v(L1, 16), v(L2, 0), v(L3, 0)], (16,)),
        ("L2", [v(L2, 16)], (16,)),
        ("L1-L2", [v(CURRENT, 16, phase="L1-L2")], (16,)),
        ("L1 L2", [v(L1, 16), v(L2, 15), v(L3, 0)], (16, 15)),
        ("L1 L2", [v(L1, 0), v(L2, 15), v(L3, 16)], (16, 16)),
        ("L1 L2", [v(L1, 1), v(L3, 16)], (16, 16)),
        ("L1 L2 L3", [v(L1, 1), v(L1, 2)], (2, None, None)),
        ("L1 L2 L3", [v(L1, 1), v(CURRENT, 9, phase="N"), v(L3, 3)], (1, None, 3)),
    ],
)
def test_legs_are_the_stations_own_phases(phases: str, samples: list[object], expected: tuple[float, ...]) -> None:
    """In the station's order whatever the wiring; an outlet on one phase takes the one that flows, and what flows on a
    phase that the station should not have may flow on any (P05).
    """
    assert Handset(phases).reports(*samples).leg_a == expected


def test_power_by_phase_is_added_up_where_there_is_no_total() -> None:
    by_phase = [v(POWER, 1000, phase=phase) for phase in ("L1", "L2", "L3")]
    assert Handset().reports(*by_phase).power_w == 3000
    assert Handset().reports(*by_phase, v(POWER, 2950)).power_w == 2950


GOOD = [v(L1, 1), v(L2, 2), v(L3, 3), v(POWER, 1400), v(REGISTER, 9), v(SOC, 50), v(OFFERED, 6), v(L1, 1), v(L2, 2)]


@pytest.mark.parametrize(
    "bad",
    [v(L1, "NaN"), v(L1, "x" * 10_000), v(L1, "1", unit={}), {}, None, "text", 5, [], {"value": [1]}, {"phase": 7},
     {"value": "1", "measurand": ["x"]}, v(CURRENT, 10**400), v(REGISTER, "9" * 5000)],
    ids=lambda bad: str(bad)[:40],
)  # fmt: skip
def test_one_bad_sample_does_not_cost_nine_good_ones(bad: object) -> None:
    for samples in ([bad, *GOOD], [*GOOD, bad]):
        said = Handset().reports(*samples)
        assert (said.leg_a, said.power_w, said.register_wh) == ((1, 2, 3), 1400, 9)
        assert (said.soc_percent, said.offered_a) == (50, 6)


def test_a_literal_nan_does_not_cost_nine_good_samples() -> None:
    """Firmware that prints a float without looking writes `nan`, which is no JSON."""
    payload = {"connectorId": 1, "meterValue": [{"timestamp": None, "sampledValue": [*GOOD, v(POWER, "@")]}]}
    taken = frame.parse(json.dumps([2, "a", "MeterValues", payload]).replace('"@"', "nan").encode())
    assert isinstance(taken, frame.Call)
    (said,) = Handset().says(None, taken.payload.decode())
    assert said.leg_a == (1, 2, 3)


SHAPES: list[tuple[str, object, int]] = [
    ("no buckets", {"connectorId": 1, "meterValue": []}, 0),
    ("buckets null", {"connectorId": 1, "meterValue": None}, 0),
    ("no samples (Q71)", {"connectorId": 1, "meterValue": [{"timestamp": "x", "sampledValue": []}]}, 1),
    ("samples null", {"connectorId": 1, "meterValue": [{"sampledValue": None}]}, 1),
    ("a bucket, not a list", {"connectorId": 1, "meterValue": {"sampledValue": [v(L1, 5)]}}, 1),
    ("a sample, not a list", {"connectorId": 1, "meterValue": [{"sampledValue": v(L1, 5)}]}, 1),
    ("a bucket that is none", {"connectorId": 1, "meterValue": [5, {"sampledValue": [v(L1, 5)]}, None]}, 1),
    ("two buckets", {"connectorId": 1, "meterValue": [{"sampledValue": [v(L1, 5)]}] * 2}, 2),
    ("connector 0 of a station with one outlet (Q73e)", {"connectorId": 0, "meterValue": [{}]}, 1),
    ("connector as text", {"connectorId": "1", "meterValue": [{"sampledValue": [v(L1, 5)]}]}, 1),
    ("connector as 1.0", {"connectorId": 1.0, "meterValue": [{"sampledValue": [v(L1, 5)]}]}, 1),
    ("connector -1 (P01)", {"connectorId": -1, "meterValue": [{}]}, 0),
    ("connector 99 (P01)", {"connectorId": 99, "meterValue": [{}]}, 0),
    ("connector 2^63 (P01)", {"connectorId": 2**63, "meterValue": [{}]}, 0),
    ("no connector, one outlet", {"meterValue": [{"sampledValue": [v(L1, 5)]}]}, 1),
    ("no object", [1, 2], 0),
]


@pytest.mark.parametrize(("payload", "events"), [pytest.param(p, n, id=what) for what, p, n in SHAPES])
def test_shapes_of_the_message(payload: object, events: int) -> None:
    assert len(Handset().says(payload)) == events


def test_connector_0_of_a_station_with_two_outlets_is_nobody() -> None:
    assert Handset(outlets=2).says({"connectorId": 0, "meterValue": [{}]}) == []


def test_10_000_samples_are_read_as_far_as_is_reasonable() -> None:
    """P06."""
    said = Handset().reports(*GOOD, *[v(L1, 31)] * 10_000)
    assert said.leg_a is not None
    assert said.leg_a[1:] == (2, 3)


def test_labels_of_a_stranger_do_not_fill_the_memory() -> None:
    """Labels are remembered because they repeat; long ones that never repeat must not be."""
    handset = Handset()
    tracemalloc.start()
    try:
        for n in range(100):
            handset.says({"connectorId": 1, "meterValue": [{"sampledValue": [v(L1, 1, unit=f"{n}" * 50_000)]}]})
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()


REGISTERS = [
    ("for life", 1000, [1000, 1500, 9000], [1000, 1500, 9000]),
    ("from the start (Q68)", 1_000_000, [0, 500, 9000], [1_000_000, 1_000_500, 1_009_000]),
    ("from the start, beyond the start's register (Q68)", 1000, [500, 1200, 3000], [1500, 2200, 4000]),
    ("from the start, which was 0", 0, [0, 500, 9000], [0, 500, 9000]),
    ("for life, and 0 now and then (Q69)", 1_000_000, [1_000_500, 0, 1_001_000], [1_000_500, None, 1_001_000]),
    ("for life, and falling back (Q69)", 1_000_000, [1_002_000, 1_001_000], [1_002_000, 1_001_000]),
    ("for life, in kWh without a word (Q61)", 1_000_592, [1000.602, 1009.592], [1_000_602, 1_009_592]),
    ("for life, in kWh of one decimal (Q61)", 1_000_592, [1000.5, 1000.7], [None, 1_000_700]),
    ("from the start, with decimals (Q68)", 1_000_000, [20.5, 999.9], [1_000_020.5, 1_000_999.9]),
    ("a jump by 10 MWh (P03)", 1000, [1500, 10_001_500, 1600], [1500, None, 1600]),
]


@pytest.mark.parametrize(
    ("start", "shown", "expected"), [pytest.param(s, r, e, id=what) for what, s, r, e in REGISTERS]
)
def test_the_register_counts_for_life_whatever_the_station_counts(
    start: float, shown: list[float], expected: list[float | None]
) -> None:
    """None: dropped, or worth nothing because it gives no energy; the core ignores a register that falls back."""
    said = Handset().running(start).registers(*shown)
    assert [None if r == start and e is None else r for r, e in zip(said, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("told", "control", "age"),
    [
        (0.0, True, 0),
        (4.0, True, 4),
        (3600.0, False, None),
        (25 * 3600.0, False, None),
        (-3.0, True, 0),
        (None, True, 0),
        ("yesterday", True, 0),
        ("1970-01-01T00:00:00Z", True, 0),
        ("2099-01-01T00:00:00Z", True, 0),
        ("2016-12-31T23:59:60.000Z", True, 0),
        ("0001-01-01T00:00:00+14:00", True, 0),
    ],
)
def test_a_sample_is_as_old_as_it_says_if_that_can_be_true(
    told: float | str | None, control: bool, age: float | None
) -> None:
    """P07: old ones only count as energy (Q73b); a clock that cannot be right says nothing about age."""
    handset = Handset()
    said = handset.reports(v(L1, 5), v(REGISTER, 9), told=told)
    assert said.control == control
    assert said.register_wh == 9
    assert age is None or handset.at - said.at == pytest.approx(age)


CONTEXTS = [("Sample.Periodic", True), ("Sample.Clock", True), ("Trigger", True), ("Other", True), ("nonsense", True),
            ("Transaction.Begin", False), ("Transaction.End", False)]  # fmt: skip


@pytest.mark.parametrize(("context", "control"), CONTEXTS)
def test_values_from_the_ends_of_a_transaction_do_not_steer(context: str, control: bool) -> None:
    assert Handset().reports(v(L1, 5, context=context)).control == control


def test_closing_values_after_the_stop_are_no_load() -> None:
    """Q73: the last running current comes once more, as an ordinary sample, when the transaction is over."""
    handset = Handset().running(0)
    handset.record.book.end(7)
    said = handset.says({"connectorId": 1, "transactionId": 7, "meterValue": [{"sampledValue": [v(L1, 16)]}]})
    assert [event for event in said if event.control] == []


def ticks(handset: Handset, count: int, ago: float, every_s: float = 10.0) -> list[MeterValues]:
    """`count` samples that each say they are `ago` seconds old."""
    said = []
    for _ in range(count):
        handset.at += every_s
        said.append(handset.reports(v(L1, 5), told=ago))
    return said


def skew(handset: Handset) -> float:
    return next((e.skew_s for e in reversed(handset.events) if isinstance(e, ClockMeasured)), 0.0)


@pytest.mark.parametrize("ahead", [0, 3, 8, 40, 600, 7200, -8, -40, -120, -600, -7200])
def test_a_clock_that_is_wrong_all_the_time_is_measured(ahead: float) -> None:
    """A steady difference is the clock's, and the station steers by its samples all the same."""
    handset = Handset()
    said = ticks(handset, 12, ago=float(-ahead))
    assert skew(handset) == pytest.approx(ahead if abs(ahead) >= 5 else 0, abs=1)
    assert said[-1].control


@pytest.mark.parametrize("ahead", [0.0, 8.0, -8.0])
def test_a_backlog_after_reconnecting_is_not_a_slow_clock(ahead: float) -> None:
    """Q73b: ten minutes' samples come within a second; they count as energy and neither steer nor set the clock."""
    handset = Handset()
    ticks(handset, 6, ago=-ahead)
    handset.at += 600
    backlog = [handset.reports(v(L1, 30), told=600.0 - ahead - 10 * n) for n in range(50)]
    assert [event.control for event in backlog] == [False] * 50
    assert skew(handset) == pytest.approx(ahead, abs=1)


def test_a_clock_that_was_put_right_is_believed_at_once() -> None:
    """Schedules are written in the station's time: one that begins in its future would not hold (Q20)."""
    handset = Handset()
    ticks(handset, 6, ago=-600.0)
    ticks(handset, 2, ago=0.0)
    assert handset.record.station_now() <= handset.now().utc + timedelta(seconds=60)


def test_our_own_clock_that_is_set_and_set_back_is_told_apart_from_the_station_s() -> None:
    """A station that goes right by itself is never ahead of our steady time; what our clock shows is said beside it."""
    handset = Handset()
    for set_by in (0.0, 3600.0, 0.0):
        handset.set_by = set_by
        for _ in range(4):
            handset.at += 10
            handset.reports(v(L1, 5), told=(NOON + timedelta(seconds=handset.at)).isoformat())
    measured = [(e.skew_s, e.shown_s) for e in handset.events if isinstance(e, ClockMeasured)]
    assert measured == [(0.0, -3600.0), (0.0, 0.0)]


def adopted(handset: Handset) -> list[Transaction]:
    return [event.transaction for event in handset.events if isinstance(event, TransactionStarted)]


@pytest.mark.parametrize(
    ("identity", "ids"),
    [(7, [7]), ("7", [7]), (7.0, [7]), (2**40, [2**40]), (0, []), (-1, []), (None, []), ("x", []), (True, []),
     (2**63 - 1, []), (2**64, []), (10**400, [])],
)  # fmt: skip
def test_a_transaction_that_a_sample_names_is_adopted(identity: object, ids: list[int]) -> None:
    """Q92; ids that nobody gave are nobody's (Q87)."""
    handset = Handset()
    handset.reports(v(REGISTER, 500), transactionId=identity)
    assert [one.id for one in adopted(handset)] == ids


def test_an_adopted_transaction_counts_from_the_first_register_that_is_seen() -> None:
    handset = Handset()
    handset.reports(v(L1, 5))
    assert handset.reports(v(REGISTER, 4_000_000)).register_wh == 4_000_000
    assert adopted(handset)[-1].meter_start_wh == 4_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["1", "L1", "Current.Import", "Power.Active.Import", "A", "kW", "NaN", "1e999", "-5"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["connectorId", "transactionId", "meterValue", "timestamp", "sampledValue", "value", "unit",
                         "measurand", "phase", "context", "format", "location"]), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
MESSAGES = st.fixed_dictionaries(
    {"connectorId": st.sampled_from([0, 1, "1"]) | JSON, "transactionId": st.integers() | JSON,
     "meterValue": JSON | st.lists(st.fixed_dictionaries({"timestamp": JSON, "sampledValue": JSON | st.lists(
         st.fixed_dictionaries({"value": JSON, "measurand": JSON, "phase": JSON, "unit": JSON})
     )}))}
)  # fmt: skip


def numbers(events: Iterable[MeterValues]) -> Iterable[float]:
    for said in events:
        values: list[Any] = [said.at, said.total_a, said.power_w, said.register_wh, said.soc_percent, said.offered_a]
        yield from (value for value in (*values, *(said.leg_a or ())) if value is not None)


@given(MESSAGES | JSON)
@example({"connectorId": 1, "meterValue": [{"sampledValue": [{"value": 10**400}]}]})
def test_any_payload_gives_finite_numbers_or_nothing(payload: object) -> None:
    said = Handset().running(100).says(payload)
    assert all(math.isfinite(value) for value in numbers(said))
    assert all(value >= 0 for event in said for value in event.leg_a or () if value is not None)
