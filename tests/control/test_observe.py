"""A controller that only observes: nobody is told anything, and what it shows is what it would do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ems.domain.policy import Control
from tests.builders import Scenario, site

NAMES = ("A1", "A2")


def observing(control: Control = Control.OBSERVE) -> Scenario:
    """Two vehicles of 32 A each, on the way to more than a feeder carries."""
    return site("two_feeders", control=control).car("A1").car("A2").meter("main", l1=20)


def test_nothing_is_sent_whatever_happens() -> None:
    told = observing()
    for l1 in (20, 200):
        assert told.meter("main", l1=l1).after(60).sent == ()
    assert told.silent("main").after(60).sent == ()
    assert told.last.stop == ()
    assert all(known.grant.default is None and known.grant.floor is None for known in told.state.evses)


def test_what_it_would_do_fits_every_fuse() -> None:
    told = observing().after(90)
    wanted = [told.setpoint(name).amps for name in NAMES]
    assert min(wanted) >= 6
    assert sum(wanted) == pytest.approx(40)


def test_it_says_so_and_complains_of_no_station() -> None:
    told = observing().after(60)
    told.expect(alarm="observe")
    assert told.alarm("control") is None


def test_limits_that_stations_hold_end_by_themselves_and_leave_the_floor() -> None:
    told = observing(Control.ARMED).after(60)
    watching = observing().site
    told.state = replace(told.state, site=watching)
    told.memory = replace(told.memory, seen=None)
    told.after(int(watching.policy.lease_s) + 10)
    assert told.sent == ()
    assert max(told.draws(name) for name in NAMES) <= watching.evses[0].fallback_a


def test_armed_again_every_station_gets_its_floor_first() -> None:
    told, armed = observing().after(30), observing(Control.ARMED).site
    told.state, told.memory = replace(told.state, site=armed), replace(told.memory, seen=None)
    told.after(2)
    assert all(known.grant.floor is not None for known in told.state.evses)
    assert told.after(60).most_over_a == pytest.approx(told.most_over_a)
    assert all(told.draws(name) <= told.setpoint(name).amps + 1 for name in NAMES)
