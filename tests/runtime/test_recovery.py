"""After a restart: what charged goes on charging, and what stations hold is not forgotten."""

from __future__ import annotations

from ems.control.tick import Controller
from ems.domain.apply import apply
from ems.domain.events import StationConnected
from ems.domain.grant import Grant, Held
from ems.domain.instant import EPOCH
from ems.domain.session import Session, Transaction
from ems.runtime.recovery import left_behind, remembered, restored
from tests.runtime.world import site

HELD = Grant(Held(6, 0), Held(0, 0, 900), Held(20, 0, 900))


def test_a_vehicle_that_was_charging_keeps_its_current() -> None:
    installed = site()
    session = Session("A/1", EPOCH.utc, 0.0, Transaction(7, EPOCH.utc, 0.0))
    state = restored(installed, {"A/1": session}, {"A/1": HELD}, {}, {})
    state = apply(state, StationConnected("A", EPOCH, 1))
    decision, _ = Controller.of(installed).decide(state, remembered(state, EPOCH), EPOCH.later(1))
    by_id = {setpoint.evse: setpoint for setpoint in decision.setpoints}
    assert by_id["A/1"].liable_a == 20
    assert by_id["A/1"].amps >= 20


def test_a_station_that_is_still_away_counts_with_what_it_will_fall_back_to_not_with_its_maximum() -> None:
    installed = site()
    state = restored(installed, {}, {"A/1": HELD, "B/1": Grant(Held(6, 0))}, {}, {})
    decision, _ = Controller.of(installed).decide(state, remembered(state, EPOCH), EPOCH.later(1))
    assert [setpoint.liable_a for setpoint in decision.setpoints] == [6, 6]


def test_a_session_where_the_site_has_no_evse_any_more_is_left_behind() -> None:
    here, gone = (Session(evse, EPOCH.utc, 0.0) for evse in ("A/1", "A/2"))
    assert left_behind(site(), {"A/1": here, "A/2": gone}) == (gone,)


def test_nothing_remembered_means_the_rated_maximum() -> None:
    installed = site()
    state = restored(installed, {}, {}, {}, {})
    decision, _ = Controller.of(installed).decide(state, remembered(state, EPOCH), EPOCH.later(1))
    assert [setpoint.liable_a for setpoint in decision.setpoints] == [32, 32]
