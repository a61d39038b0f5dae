"""What has been imported in the windows of a demand charge that run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ems.domain.instant import Instant
from ems.domain.meter import MeterReading
from ems.domain.state import SiteState
from ems.planning.imports import NOTHING_IMPORTED, Begun, Imports, import_w
from tests.builders import BEGIN, circuit, evse, layout

NOON = 1_700_000_000.0 // 3600.0 * 3600.0


def seen(*course: tuple[float, float | None], every_s: float = 1.0) -> Imports:
    """Looked at every second from noon on; from each moment on so much is imported."""
    found, known = NOTHING_IMPORTED, dict(course)
    watts: float | None = None
    for k in range(int(max(known) / every_s) + 1):
        watts = known.get(k * every_s, watts)
        found = found.later(NOON + k * every_s, watts)
    return found


def test_what_flows_adds_up_within_every_window_that_runs() -> None:
    """Six kilowatts for twenty minutes: five of them in the second quarter hour, all in the half hour and the hour."""
    found = seen((0.0, 6000.0), (1200.0, 6000.0))
    assert found.of(900) == pytest.approx((300.0, 500.0))
    assert found.of(1800) == pytest.approx((1200.0, 2000.0))
    assert found.of(3600) == pytest.approx((1200.0, 2000.0))


def test_what_is_fed_in_takes_nothing_off() -> None:
    assert seen((0.0, 6000.0), (300.0, -9000.0), (600.0, 0.0)).of(900) == pytest.approx((600.0, 500.0))


@pytest.mark.parametrize(("every_s", "known_s"), [(1.0, 600.0), (60.0, 600.0), (100.0, 0.0)])
def test_a_reading_holds_for_a_minute_and_no_longer(every_s: float, known_s: float) -> None:
    assert seen((0.0, 6000.0), (600.0, 0.0), every_s=every_s).of(900).known_s == pytest.approx(known_s)


def test_of_a_time_in_which_nobody_measured_nothing_is_known() -> None:
    assert seen((0.0, 6000.0), (120.0, None), (300.0, 6000.0), (360.0, None)).of(900) == pytest.approx((180.0, 300.0))


def test_a_clock_that_is_set_back_or_ahead_adds_nothing() -> None:
    found = seen((0.0, 6000.0), (300.0, 6000.0))
    assert found.later(NOON + 200.0, 6000.0).of(900) == found.of(900)
    assert found.later(NOON + 7200.0, 6000.0).of(900) == Begun(0.0, 0.0)


def test_the_meter_of_the_grid_connection_tells_while_it_is_heard() -> None:
    site = layout([circuit("grid", 40, meter="main")], [evse("A1", "grid")])
    state = SiteState.initial(site)
    assert import_w(state, BEGIN) is None
    heard = MeterReading(BEGIN.monotonic_s, (1.0, 2.0, 3.0), 1)
    state = replace(state, meters=(replace(state.meters[0], reading=heard),))
    assert import_w(state, BEGIN) == pytest.approx(6.0 * site.voltage_v)
    assert import_w(state, Instant(BEGIN.monotonic_s + 3600.0, BEGIN.utc)) is None
    fed_in = replace(state.meters[0], reading=replace(heard, power_w=-500.0))
    assert import_w(replace(state, meters=(fed_in,)), BEGIN) == -500.0


def test_a_site_without_such_a_meter_knows_nothing() -> None:
    site = layout([circuit("grid", 40)], [evse("A1", "grid")])
    assert import_w(SiteState.initial(site), BEGIN) is None
