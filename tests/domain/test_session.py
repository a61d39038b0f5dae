"""A session: what is missing, and how much time is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ems.domain.session import Need, Session, Transaction

PLUGGED = datetime(2024, 1, 10, 18, 0, tzinfo=UTC)


def session(need_kwh: float | None = None, hours: float | None = None, got_kwh: float = 0.0) -> Session:
    departure = None if hours is None else PLUGGED + timedelta(hours=hours)
    need = Need(None if need_kwh is None else need_kwh * 1000, departure)
    return Session("A1/1", PLUGGED, 0.0, Transaction(7, PLUGGED, 5000.0), got_kwh * 1000, need)


def test_its_name_survives_a_restart() -> None:
    assert session().id == "A1/1@20240110T180000Z"


@pytest.mark.parametrize(
    ("need", "got", "missing"), [(None, 5, None), (20, 0, 20), (20, 5, 15), (20, 20, 0), (20, 30, 0)]
)
def test_missing_energy_is_never_negative(need: float | None, got: float, missing: float | None) -> None:
    assert session(need, got_kwh=got).missing_wh() == (None if missing is None else missing * 1000)


@pytest.mark.parametrize(
    ("need", "hours", "got", "full_kw", "laxity_h"),
    [
        (22, 3, 0, 11, 1),
        (22, 3, 11, 11, 2),
        (22, 3, 22, 11, 3),
        (22, 1, 0, 11, -1),
        (22, -1, 0, 11, -3),
        (22, None, 0, 11, None),
        (None, 3, 0, 11, None),
        (22, 3, 0, 0, None),
    ],
)
def test_laxity(need: float | None, hours: float | None, got: float, full_kw: float, laxity_h: float | None) -> None:
    """Time left to departure minus time needed at full power; negative when it cannot be met any more."""
    laxity = session(need, hours, got).laxity_s(PLUGGED, full_kw * 1000)
    assert laxity == (None if laxity_h is None else pytest.approx(laxity_h * 3600))


@pytest.mark.parametrize(
    ("promised_kwh", "by_h", "leaves_h", "got_kwh", "power_kw"),
    [
        (15, 2, 8, 0, 7.5),
        (15, 2, 8, 5, 5),
        (15, None, 5, 0, 3),
        (15, -1, 5, 0, 3),
        (15, -1, -1, 0, 0),
        (15, None, None, 0, 0),
        (15, 2, 8, 15, 0),
        (30, 2, 8, 0, 10),
        (30, 2, 8, 22, 0),
        (0, 2, 8, 0, 0),
    ],
)
def test_power_that_a_promise_needs(
    promised_kwh: float, by_h: float | None, leaves_h: float | None, got_kwh: float, power_kw: float
) -> None:
    """The rest of it over the time that is left to its moment, else to the departure; never more than its 20 kWh."""
    by, leaves = (None if hours is None else PLUGGED + timedelta(hours=hours) for hours in (by_h, leaves_h))
    need = Need(20_000.0, leaves, guaranteed_wh=1000.0 * promised_kwh, guaranteed_by=by)
    one = replace(session(got_kwh=got_kwh), need=need)
    assert one.promised_w(PLUGGED) == pytest.approx(1000.0 * power_kw)


@pytest.mark.parametrize(
    ("registers", "energy"), [([5000], 0), ([5600], 600), ([5600, 5400], 600), ([5600, 0], 600), ([4000], 0)]
)
def test_energy_never_falls(registers: list[float], energy: float) -> None:
    """A register that jumps back, or was replaced, takes nothing away."""
    current = session()
    for register in registers:
        current = current.metered(register)
    assert current.energy_wh == energy


def test_without_a_transaction_nothing_is_metered() -> None:
    assert Session("A1/1", PLUGGED, 0.0).metered(9000).energy_wh == 0
