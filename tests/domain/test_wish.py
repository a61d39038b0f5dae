"""What a driver wants becomes a need, and what they do not say stays."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from ems.domain.driver.wish import Wish, energy_between, next_time
from ems.domain.session import Need, NeedOrigin

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wish", "known", "need"),
    [
        (Wish(5000.0), Need(), Need(5000.0)),
        (Wish(5000.0), Need(9000.0, LATER, NeedOrigin.PREDICTED), Need(5000.0, LATER)),
        (Wish(None, LATER), Need(9000.0, NOW, is_assumed=True), Need(9000.0, LATER, is_assumed=True)),
        (Wish(1.0), Need(9000.0, is_assumed=True), Need(1.0)),
        (Wish(hurries=True), Need(9000.0, LATER), Need(9000.0, LATER, hurries=True)),
        (Wish(hurries=False), Need(9000.0, LATER, hurries=True), Need(9000.0, LATER)),
        (Wish(5000.0), Need(9000.0, hurries=True), Need(5000.0, hurries=True)),
        (Wish(1.0), Need(guaranteed_wh=500.0, service_class=2), Need(1.0, guaranteed_wh=500.0, service_class=2)),
    ],
)
def test_a_wish_takes_the_place_of_what_it_says(wish: Wish, known: Need, need: Need) -> None:
    assert wish.in_place_of(known) == need


@pytest.mark.parametrize(
    ("wish", "earlier_wh", "energy_wh"),
    [(Wish(5000.0), 0.0, 5000.0), (Wish(5000.0), 9000.0, 14_000.0), (Wish(5e6), 9000.0, 5e6), (Wish(), 9000.0, None)],
)
def test_who_begins_wants_it_besides_what_the_vehicle_got_before(
    wish: Wish, earlier_wh: float, energy_wh: float | None
) -> None:
    assert wish.besides(earlier_wh).energy_wh == energy_wh


@pytest.mark.parametrize(
    ("at", "when"),
    [
        (time(17, 30), datetime(2026, 11, 27, 16, 30, tzinfo=UTC)),
        (time(17, 1), datetime(2026, 11, 28, 16, 1, tzinfo=UTC)),
        (time(16, 59), datetime(2026, 11, 28, 15, 59, tzinfo=UTC)),
        (time(0, 0), datetime(2026, 11, 27, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_the_next_one_that_the_clock_shows(at: time, when: datetime) -> None:
    assert next_time(at, NOW, BERLIN) == when


def test_a_time_that_the_clock_skips_is_when_it_is_set() -> None:
    night = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
    assert next_time(time(2, 30), night, BERLIN) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_the_outlet_gives_more_than_the_battery_takes() -> None:
    assert energy_between(45_000.0, 40, 80) == pytest.approx(20_000.0)


@pytest.mark.parametrize(("battery", "now", "target"), [(0, 0, 80), (1e9, 0, 80), (45_000, 80, 80), (45_000, 0, 101)])
def test_what_no_battery_does_is_refused(battery: float, now: float, target: float) -> None:
    with pytest.raises(ValueError, match=r"batter|target"):
        energy_between(battery, now, target)


@pytest.mark.parametrize("energy", [0.0, -1.0, 1e12, float("nan"), float("inf")])
def test_an_energy_that_cannot_be_is_refused(energy: float) -> None:
    with pytest.raises(ValueError, match="energy"):
        Wish(energy)
