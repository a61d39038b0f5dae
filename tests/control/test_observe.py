"""A controller that only observes: nobody is told anything, and what it shows is what it would do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ems.domain.policy import Control
from ems.domain.release import LimitsReleased
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


def disarmed(told: Scenario, *gone: str) -> Scenario:
    """The same site, which only observes from now on; `gone` are stations that are away then."""
    told.drop(*gone)
    told.state = replace(told.state, site=observing().site)
    told.memory = replace(told.memory, seen=None)
    return told


def test_who_was_controlled_is_brought_to_the_fallback_at_once_and_stays_there() -> None:
    told = observing(Control.ARMED).after(60)
    fallback_a = told.state.site.evses[0].fallback_a
    assert max(told.draws(name) for name in NAMES) > fallback_a
    disarmed(told).after(10)
    assert [told.draws(name) for name in NAMES] == [fallback_a] * 2
    told.after(int(told.state.site.policy.lease_s) * 2)
    assert told.sent == ()
    assert [told.draws(name) for name in NAMES] == [fallback_a] * 2
    assert all(known.grant.default is not None and known.grant.default.ends_at < told.now.monotonic_s
               for known in (told.known(name) for name in NAMES)), "nothing is renewed"  # fmt: skip


def test_nobody_is_lifted_to_the_fallback_before_every_cut_is_proven() -> None:
    told = observing(Control.ARMED).limit("A1/1", "operator", a=0).after(60)
    waits, charges = NAMES
    assert told.draws(waits) == 0.0
    assert told.draws(charges) > told.state.site.evses[0].fallback_a
    disarmed(told)
    raised = []
    for _ in range(20):
        told.after(1)
        if any(not order.reduces for order in told.sent):
            raised.append(told.draws(charges))
    assert raised
    assert max(raised) <= told.state.site.evses[0].fallback_a
    assert told.draws(waits) == told.draws(charges) == told.state.site.evses[0].fallback_a


def test_who_was_away_is_told_on_return_and_until_then_is_named() -> None:
    told = disarmed(observing(Control.ARMED).after(60), "A2").after(12)
    assert told.draws("A1") == told.state.site.evses[0].fallback_a < told.draws("A2")
    alarm = told.alarm("observe")
    assert alarm is not None
    assert "EVSEs stay at the fallback current that it left them, 1 of them not yet: A2/1" in alarm.text
    told.reconnect("A2").after(20)
    assert told.draws("A2") == told.state.site.evses[0].fallback_a
    alarm = told.alarm("observe")
    assert alarm is not None
    assert alarm.text.endswith("stay at the fallback current that it left them")


def test_who_got_its_own_limits_back_is_left_alone() -> None:
    told = disarmed(observing(Control.ARMED).after(60)).after(10)
    told.tell(*(LimitsReleased(evse.id) for evse in told.state.site.evses))
    assert told.after(60).sent == ()
    alarm = told.alarm("observe")
    assert alarm is not None
    assert "it limits nobody" in alarm.text


def test_armed_again_every_station_gets_its_floor_first() -> None:
    told, armed = observing().after(30), observing(Control.ARMED).site
    told.state, told.memory = replace(told.state, site=armed), replace(told.memory, seen=None)
    told.after(2)
    assert all(known.grant.floor is not None for known in told.state.evses)
    assert told.after(60).most_over_a == pytest.approx(told.most_over_a)
    assert all(told.draws(name) <= told.setpoint(name).amps + 1 for name in NAMES)
