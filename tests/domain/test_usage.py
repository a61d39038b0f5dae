"""What a session used, followed from message to message: nothing is lost, and each quarter hour gets its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Self

from hypothesis import given
from hypothesis import strategies as st

from ems.domain.billing.usage import QUARTER_S, Usage, supposed
from ems.domain.session import Session, Transaction
from ems.domain.station import EvseStatus

PLUGGED = datetime(2026, 11, 26, 17, 50, tzinfo=UTC)
CHARGING, SUSPENDED_EV, SUSPENDED_EVSE = EvseStatus.CHARGING, EvseStatus.SUSPENDED_EV, EvseStatus.SUSPENDED_EVSE


class Followed:
    """A session at one EVSE, told step by step."""

    def __init__(self) -> None:
        self.session = Session("A/1", PLUGGED, 0.0)
        self.usage = Usage.of(self.session)
        self.at = PLUGGED

    def step(
        self, minutes: float, wh: float | None = None, status: EvseStatus = CHARGING, *, heard: bool = True, tx: int = 1
    ) -> Self:
        """So many minutes later; `wh` of the transaction `tx` (0: none runs)."""
        self.at += timedelta(minutes=minutes)
        energy = self.session.energy_wh if wh is None else wh
        transaction = Transaction(tx, PLUGGED, 0.0) if tx else None
        self.session = Session("A/1", PLUGGED, 0.0, transaction, energy)
        self.usage = self.usage.after(self.at, self.session, status, heard)
        return self

    @property
    def energies(self) -> list[tuple[str, int]]:
        return [(f"{q.starts:%H:%M}", q.energy_wh) for q in self.usage.quarters if q.energy_wh]

    @property
    def idle(self) -> list[tuple[str, int]]:
        return [(f"{q.starts:%H:%M}", q.idle_s) for q in self.usage.quarters if q.idle_s]


def test_energy_belongs_to_the_quarter_hours_in_which_it_flowed() -> None:
    known = Followed().step(0).step(5, 500).step(10, 1500).step(10, 2500)
    assert known.energies == [("17:45", 1000), ("18:00", 1500)]


def test_what_was_not_heard_for_hours_is_spread_over_them() -> None:
    known = Followed().step(0).step(60, heard=False).step(60, heard=False).step(0, 12000)
    assert [wh for _, wh in known.energies] == [1000, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 500]


def test_what_comes_after_a_pause_does_not_belong_to_the_pause() -> None:
    known = Followed().step(0).step(5, 500).step(120, status=SUSPENDED_EVSE).step(1, 700)
    assert known.energies == [("17:45", 500), ("19:45", 200)]


def test_who_has_had_its_fill_is_idle_until_it_charges_again_whatever_it_is_offered() -> None:
    known = Followed().step(5, 500).step(0, status=SUSPENDED_EV).step(10, status=SUSPENDED_EV)
    known.step(5, status=SUSPENDED_EVSE).step(0).step(60, 900)
    assert known.idle == [("17:45", 300), ("18:00", 600)]


def test_who_is_paused_or_has_not_charged_yet_or_is_not_heard_is_not_idle() -> None:
    assert Followed().step(5, 0, SUSPENDED_EV).step(60, 0, SUSPENDED_EV).idle == []
    assert Followed().step(5, 500).step(0, status=SUSPENDED_EVSE).step(60, status=SUSPENDED_EVSE).idle == []
    silent = Followed().step(5, 500).step(0, status=SUSPENDED_EV).step(60, status=SUSPENDED_EV, heard=False)
    assert silent.idle == []


def test_who_stays_after_its_transaction_is_idle() -> None:
    known = Followed().step(10, 500).step(0, status=EvseStatus.FINISHING, tx=0)
    assert known.step(15, status=EvseStatus.PREPARING, tx=0).idle == [("18:00", 900)]


def test_a_second_transaction_counts_its_own_energy() -> None:
    known = Followed().step(0).step(5, 500).step(0, status=EvseStatus.FINISHING, tx=0)
    known.step(10, 0, tx=2).step(10, 300, tx=2)
    assert (known.usage.energy_wh, known.usage.transaction_wh, known.usage.earlier_wh) == (800, 300.0, 500.0)


def test_what_a_station_takes_back_is_taken_from_the_last_quarter_hours() -> None:
    known = Followed().step(0).step(10, 1000).step(10, 1800).step(1, 700, EvseStatus.FINISHING)
    assert known.energies == [("17:45", 700)]


def test_at_its_end_it_is_what_was_recorded() -> None:
    known = Followed().step(0).step(10, 1000).usage
    end = PLUGGED + timedelta(minutes=25)
    more, less = known.closed(end, 2500.4), known.closed(end, 400.0)
    assert (more.energy_wh, less.energy_wh, more.until) == (2500, 400, end)


STEPS = st.lists(
    st.tuples(st.floats(0, 40), st.floats(0, 5000), st.sampled_from(EvseStatus), st.booleans(), st.integers(0, 2)),
    max_size=25,
)


@given(STEPS)
def test_no_watt_hour_is_lost_or_made_and_no_second_is_counted_twice(
    steps: list[tuple[float, float, EvseStatus, bool, int]],
) -> None:
    known, energy, of_transaction, running = Followed(), 0.0, 0.0, 0
    for minutes, wh, status, heard, number in steps:
        if number and number != running:
            energy, of_transaction, running = energy + of_transaction, 0.0, number
        of_transaction += wh if running else 0.0
        known.step(minutes, of_transaction if running else 0.0, status, heard=heard, tx=number)
    usage = known.usage
    assert usage.energy_wh == round(energy + of_transaction)
    starts = [quarter.starts_s for quarter in usage.quarters]
    assert starts == sorted(set(starts))
    assert all(start % QUARTER_S == 0 for start in starts)
    assert all(0 <= quarter.idle_s <= QUARTER_S and quarter.energy_wh >= 0 for quarter in usage.quarters)
    assert usage.idle_s <= (usage.until - usage.plugged).total_seconds() + 1


def test_a_supposed_session_charges_at_constant_power_and_then_waits() -> None:
    usage = supposed("A/1", PLUGGED, 30_000, 11_000, 60)
    assert (usage.energy_wh, usage.idle_s, usage.minutes) == (30_000, 3600, 223)
    assert {q.energy_wh for q in usage.quarters[1:-6]} == {2750}
