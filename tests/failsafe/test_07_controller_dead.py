"""Row 7: the controller is gone."""

from __future__ import annotations

import math

from ems.domain.decision import Level
from ems.domain.grant import Layer
from tests.builders import Scenario, circuit, evse, layout, site


def park() -> Scenario:
    """Room for everybody's fallback beside all that the building may take."""
    at = layout([circuit("grid", 60, meter="main", base_max=40)], [evse(n, "grid") for n in ("A1", "A2", "A3")])
    return site(at, lease_s=120.0).meter("main", 8, 8, 8).car("A1").car("A2").after(100)


def test_every_station_is_at_its_fallback_when_its_lease_has_ended() -> None:
    s = park()
    assert s.draws("A1") + s.draws("A2") >= 40
    s.without_controller(125)
    assert (s.draws("A1"), s.draws("A2")) == (6, 6)


def test_then_the_building_may_take_all_that_is_declared() -> None:
    s = park().without_controller(125).meter("main", 40, 40, 40)
    s.plug("A3").arrive(32, 3, None)
    s.start("A3").without_controller(30)
    assert s.draws("A3") == 6
    assert max(s.flow("grid")) <= 60


def test_every_limit_above_the_fallback_has_an_end() -> None:
    """At any moment each station holds a floor for ever, and above it only leases that end in time."""
    s = park()
    for _ in range(150):
        s.after(1)
        for plug in s.world.plugs.values():
            assert plug.profiles[Layer.FLOOR] == (6.0, math.inf)
            leases = [plug.profiles[layer] for layer in plug.profiles if layer is not Layer.FLOOR]
            assert all(ends <= s.now.monotonic_s + 120 for _, ends in leases)


def test_a_restart_interrupts_nobody() -> None:
    """Stations go on under their leases, and the new controller takes over without switching anybody off."""
    s = park().without_controller(10).restart()
    for _ in range(60):
        s.after(1)
        assert min(s.draws("A1"), s.draws("A2")) >= 6
    s.after(60).expect(level=Level.NORMAL)
    assert s.draws("A1") + s.draws("A2") >= 40
    assert s.most_over_a <= 0


def test_a_restart_after_the_leases_have_ended_starts_from_the_fallback() -> None:
    s = park().without_controller(200).restart().after(120)
    assert s.draws("A1") + s.draws("A2") >= 40
    assert s.most_over_a <= 0


def test_after_a_restart_nothing_is_raised_before_a_meter_was_read() -> None:
    s = park().without_controller(200).silent("main").restart().after(60)
    assert max(s.draws("A1"), s.draws("A2")) <= 6
    s.expect(level=Level.FALLBACK)
