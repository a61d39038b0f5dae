"""What vehicles want until when, and what is assumed where nobody says."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ems.domain.limit import Limit
from ems.domain.policy import Policy
from ems.domain.session import Need, NeedOrigin
from ems.domain.site import Site
from ems.planning.forecast.session import SessionForecast
from ems.planning.horizon import Horizon
from ems.planning.outlook import Stay
from ems.planning.problem import Start
from ems.planning.requests import Wanted, left_out, wanted_by
from tests.control.installations import circuit, evse, layout

NOW = datetime(2026, 6, 3, 10, 0, tzinfo=UTC)
HORIZON = Horizon.standard(NOW)
POLICY = Policy(departure_default="17:00")


def site(policy: Policy | None = None) -> Site:
    """A three-phase and a one-phase outlet; noon here is 12:00 in Berlin."""
    return layout([circuit("grid", 63)], [evse("A", "grid"), evse("B", "grid", "L2")], policy or Policy())


def stay(need: Need, **more: Any) -> Stay:
    """At A, since eight in the morning."""
    at = Stay(0, "A/1", "a", NOW - timedelta(hours=2), 5000.0, need, (True, True, True), 6.0, math.inf, 0)
    return at._replace(**more)


def wanted(one: Stay, forecast: SessionForecast | None = None, **of_site: Any) -> Wanted:
    limits = of_site.pop("limits", ())
    (found,) = wanted_by(site(**of_site), HORIZON, (one,), limits, {} if forecast is None else {one.session: forecast})
    return found


def sure(hours: float, kwh: float, doubt: str = "") -> SessionForecast:
    """A forecast of departure in so many hours and of so much energy in all."""
    departure = np.full(3, NOW.timestamp() + 3600.0 * hours)
    return SessionForecast((0.1, 0.5, 0.9), departure, np.full(3, 1000.0 * kwh), doubt, doubt)


def spread(*hours: float) -> SessionForecast:
    """A forecast of departure: one in ten is gone in the first of so many hours, half, and nine in ten in the last."""
    return SessionForecast((0.1, 0.5, 0.9), NOW.timestamp() + 3600.0 * np.array(hours), np.full(3, 40_000.0))


STAYED = "as it says, though others stayed"


def local(hour: int, minute: int = 0, day: int = 3) -> datetime:
    return datetime(2026, 6, day, hour - 2, minute, tzinfo=UTC)


SAID = Need(20_000.0, NOW + timedelta(hours=3))
PLANNED = Need(20_000.0, NOW + timedelta(hours=3), NeedOrigin.SCHEDULED)
LATE = Need(20_000.0, NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("what", "need", "forecast", "policy", "departure", "assumed"),
    [
        ("as it says", SAID, None, POLICY, local(15), ""),
        ("as it is scheduled, whatever was usual", PLANNED, sure(1.0, 9.0), POLICY, local(15), ""),
        (STAYED, SAID, sure(4.0, 9.0), POLICY, local(15), ""),
        ("as others did, though it says later", SAID, sure(1.0, 9.0), POLICY, local(13),
         "A/1: may leave from 13:00 on, as similar sessions did"),
        ("as others did", Need(), sure(4.0, 9.0), POLICY, local(16),
         "A/1: may leave from 16:00 on, as similar sessions did"),
        ("nobody is sure", Need(), sure(4.0, 9.0, "too few"), POLICY, local(17),
         "A/1: leaves at 17:00, which is assumed where nobody says"),
        ("nobody says", Need(), None, None, NOW + timedelta(days=1), "A/1: nobody knows when it leaves"),
        ("it is past its time", LATE, None, POLICY, NOW + timedelta(hours=1),
         "A/1: was to leave at 11:00; planned as if it left within an hour"),
        ("it is past its time, as others were", LATE, sure(4.0, 9.0), POLICY, local(16),
         "A/1: may leave from 16:00 on, as similar sessions did"),
        ("the usual time is over for today", Need(), None, Policy(departure_default="11:30"), local(11, 30, day=4),
         "A/1: leaves at 11:30, which is assumed where nobody says"),
    ],
)  # fmt: skip
def test_when_it_leaves(
    what: str, need: Need, forecast: SessionForecast | None, policy: Policy | None, departure: datetime, assumed: str
) -> None:
    found = wanted(stay(need), forecast, policy=policy)
    assert found.departure == departure, what
    assert (assumed in found.assumed) if assumed else not any("leave" in text for text in found.assumed)
    # Who said 15:00 where others stayed until 16:00 may stay as long as they did.
    until = local(16) if what == STAYED else departure
    there_h = float(found.request.available @ HORIZON.hours)
    assert there_h == pytest.approx(min((until - NOW).total_seconds() / 3600.0, float(HORIZON.hours.sum())))


def test_what_may_happen_after_the_careful_departure_counts_as_far_as_it_is_likely() -> None:
    """One in ten is gone by 13:00, half by 14:00, nine in ten by 16:00: the plan counts on it in full until one, and on
    five ninths of it at two; what is promised without a moment is kept by one.
    """
    request = wanted(stay(replace(SAID, departure=None, guaranteed_wh=9_000.0)), spread(1.0, 2.0, 4.0)).request
    assert request.likely is not None
    edges = np.array(HORIZON.edges_s) / 3600.0
    middles = (edges[1:] + edges[:-1]) / 2.0
    assert request.available @ HORIZON.hours == pytest.approx(4.0)
    assert np.interp([0.5, 2.0, 3.0], middles, request.likely) == pytest.approx([1.0, 5 / 9, 1 / 3], abs=0.02)
    assert not request.likely[middles > 4.0].any()
    assert HORIZON.edges_s[request.guaranteed_by] == 3600.0


@pytest.mark.parametrize(
    ("what", "need", "forecast"),
    [
        ("a depot says when", PLANNED, True),
        ("nobody is sure", SAID, False),
    ],
)
def test_a_departure_that_no_forecast_tells_is_certain(what: str, need: Need, forecast: bool) -> None:
    told = spread(1.0, 2.0, 4.0) if forecast else replace(spread(1.0, 2.0, 4.0), departure_doubt="too few")
    request = wanted(stay(replace(need, guaranteed_wh=9_000.0)), told).request
    assert (request.likely, request.start, request.guaranteed_by) == (None, None, HORIZON.steps), what
    assert request.available @ HORIZON.hours == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("what", "taken_kwh", "waited_h", "start"),
    [
        ("half of the time that it surely stays", 0.0, 0.25, Start(4000.0, 5, 2.0)),
        ("what it lacks of it", 3.0, 0.25, Start(1000.0, 5, 2.0)),
        ("all of it but too little to plan", 3.96, 0.25, None),
        ("more than that", 5.0, 0.0, None),
        ("overdue, as much as it can take in five minutes", 0.0, 1.5, Start(4000.0, 1, 3.0)),
        ("overdue for long", 0.0, 9.0, Start(4000.0, 1, 4.0)),
    ],
)
def test_who_may_leave_any_time_is_to_have_a_start_before_it_waited_too_long(
    what: str, taken_kwh: float, waited_h: float, start: Start | None
) -> None:
    """A third of the 12 kWh that such sessions take as likely as not, within an hour of plug-in; careful departure in
    one hour and ten minutes.
    """
    usual = replace(spread(7 / 6, 2.0, 4.0), energies_wh=np.array([6e3, 12e3, 40e3]))
    one = stay(Need(20_000.0), taken_wh=1000.0 * taken_kwh, plugged=NOW - timedelta(hours=waited_h))
    found = wanted(one, usual).request
    assert found.start == pytest.approx(start) if start else found.start is None, what
    assert found.taken_wh == 1000.0 * taken_kwh


def test_what_it_has_is_not_held_against_who_is_known_to_leave() -> None:
    """Else who arrives with time to spare would go before it."""
    scheduled = Need(20_000.0, NOW + timedelta(hours=1), NeedOrigin.SCHEDULED)
    assert wanted(stay(scheduled, taken_wh=9_000.0), spread(1.0, 2.0, 4.0)).request.taken_wh == 0.0


def test_the_start_is_of_no_more_than_what_it_wants() -> None:
    """Others took 40 kWh, its driver asked for 9."""
    found = wanted(stay(Need(9_000.0), taken_wh=0.0), spread(1.0, 2.0, 4.0)).request
    assert found.start is not None
    assert found.start.wh == pytest.approx(3_000.0)


@pytest.mark.parametrize(
    ("what", "need", "forecast", "need_kwh", "assumed"),
    [
        ("as it says, less what it got", SAID, None, 15.0, ""),
        ("less than it says, as others took", SAID, sure(4.0, 12.0), 7.0, "takes 12 kWh at most"),
        ("no more than it says", SAID, sure(4.0, 40.0), 15.0, "takes 20 kWh at most"),
        ("what a depot says is so", replace(SAID, origin=NeedOrigin.SCHEDULED), sure(4.0, 12.0), 15.0, ""),
        ("nobody is sure", SAID, sure(4.0, 12.0, "too few"), 15.0, ""),
        ("as others took", Need(), sure(4.0, 12.0), 7.0, "takes 12 kWh at most"),
        ("nobody says", Need(), None, 25.0, "nobody knows what it needs"),
    ],
)
def test_how_much_it_wants(
    what: str, need: Need, forecast: SessionForecast | None, need_kwh: float, assumed: str
) -> None:
    found = wanted(stay(need), forecast)
    assert found.request.need_wh == pytest.approx(1000.0 * need_kwh), what
    assert any(assumed in text for text in found.assumed) if assumed else not any("kWh" in t for t in found.assumed)


@pytest.mark.parametrize(
    ("usual_kwh", "promised_kwh", "taken_kwh", "need_kwh", "assumed"),
    [
        (None, 0, 5, 95, "assumed empty, 100 kWh: SoC unknown"),
        (40, 0, 5, 35, "takes 40 of at most 100 kWh, as usual for it: SoC unknown"),
        (40, 60, 5, 55, "takes 60 of at most 100 kWh, as usual for it: SoC unknown"),  # a promise is kept for sure
        (40, 200, 5, 95, "takes 100 of at most 100 kWh, as usual for it: SoC unknown"),
        (140, 0, 5, 95, "assumed empty, 100 kWh: SoC unknown"),
        (None, 0, 60, 40, "assumed empty, 100 kWh: SoC unknown"),
    ],
)
def test_of_a_battery_that_nobody_knows_what_is_usual_is_wanted_and_said(
    usual_kwh: float | None, promised_kwh: float, taken_kwh: float, need_kwh: float, assumed: str
) -> None:
    need = Need(100e3, NOW + timedelta(hours=3), NeedOrigin.SCHEDULED, 1000.0 * promised_kwh, is_assumed=True)
    usual = {} if usual_kwh is None else {"a": 1000.0 * usual_kwh}
    one = stay(need, taken_wh=1000.0 * taken_kwh)
    (found,) = wanted_by(site(), HORIZON, (one,), (), {"a": sure(4.0, 12.0)}, usual)
    assert found.request.need_wh == pytest.approx(1000.0 * need_kwh)
    assert found.assumed == (f"A/1: {assumed}",)
    assert found.request.guaranteed_wh == pytest.approx(max(0.0, 1000.0 * (promised_kwh - taken_kwh)))


@pytest.mark.parametrize(
    ("what", "told_kwh", "room_kwh", "wants_kwh", "assumed"),
    [
        ("nobody says what it needs", None, 10.0, 5.0, "A/1: takes 10 kWh at most, by the size of its battery"),
        ("nobody knows the vehicle", 200.0, math.inf, 195.0, ""),
        ("it fits", 60.0, 60.0, 55.0, ""),
        ("more than the battery holds, told before the vehicle was known", 200.0, 60.0, 55.0,
         "A/1: is to have 200 kWh, more than its battery takes; planned for 60 kWh"),
        ("half full, and it asks for all", 60.0, 30.0, 25.0,
         "A/1: is to have 60 kWh, more than its battery takes; planned for 30 kWh"),
    ],
)  # fmt: skip
def test_nobody_is_planned_for_with_more_than_the_battery_takes(
    what: str, told_kwh: float | None, room_kwh: float, wants_kwh: float, assumed: str
) -> None:
    need = Need(None if told_kwh is None else 1000.0 * told_kwh, local(15))
    found = wanted(stay(need, room_wh=1000.0 * room_kwh))
    assert found.request.need_wh == pytest.approx(1000.0 * wants_kwh), what
    assert (assumed in found.assumed) if assumed else not found.assumed


def test_who_got_more_than_anybody_expected_still_wants_something() -> None:
    assert wanted(stay(Need(), taken_wh=90_000.0)).request.need_wh == 7500.0


@pytest.mark.parametrize(
    ("what", "one"),
    [
        ("it does not draw", stay(SAID, is_done=True)),
        ("it has all", stay(SAID, taken_wh=20_000.0)),
        ("it has nearly all", stay(SAID, taken_wh=19_960.0)),
        ("it has more than it asked for", stay(SAID, taken_wh=25_000.0)),
    ],
)
def test_who_wants_nothing_is_left_out(what: str, one: Stay) -> None:
    assert wanted_by(site(), HORIZON, (one,), (), {}) == (), what


@pytest.mark.parametrize(
    ("what", "one", "missing_kwh"),
    [
        ("it never took anything", stay(SAID, taken_wh=0.0, is_done=True), "20.0"),
        ("it stopped early", stay(SAID, taken_wh=12_000.0, is_done=True), "8.0"),
        ("its battery is smaller", stay(SAID, taken_wh=12_000.0, room_wh=15_000.0, is_done=True), "3.0"),
        ("it is promised energy", stay(Need(guaranteed_wh=7e3), is_done=True), "2.0"),
        ("it has all", stay(SAID, taken_wh=20_000.0, is_done=True), ""),
        ("it draws", stay(SAID), ""),
        ("nobody said anything", stay(Need(), is_done=True), ""),
        ("it was assumed to be empty", stay(replace(SAID, is_assumed=True), is_done=True), ""),
    ],
)
def test_who_does_not_take_what_it_is_to_have_is_named(what: str, one: Stay, missing_kwh: str) -> None:
    said = (
        f"A/1: does not draw, although {missing_kwh} kWh of what it is to have are missing; "
        "nothing is planned for it until it does"
    )
    assert left_out((one,)) == ((said,) if missing_kwh else ()), what


@pytest.mark.parametrize("doubt", ["", "too few"])
@pytest.mark.parametrize("taken_kwh", [20.0, 19.96, 30.0])
def test_who_draws_on_beyond_its_word_is_served_after_those_who_have_not_got_theirs(
    doubt: str, taken_kwh: float
) -> None:
    """It asked for 20 kWh, but such sessions took up to 40. Nobody owes it more than it was promised."""
    found = wanted(stay(replace(SAID, hurries=True), taken_wh=1000.0 * taken_kwh), sure(4.0, 40.0, doubt))
    request = found.request
    assert found.is_extra
    assert request.need_wh == pytest.approx(1000.0 * (40.0 - taken_kwh))
    assert (request.weight, request.guaranteed_wh, request.start) == (0.5, 0.0, None)
    assert "A/1: has what it asked for and draws on, 40 kWh at most" in found.assumed
    asks = wanted(stay(SAID, taken_wh=19_900.0), sure(4.0, 40.0, doubt))
    assert (asks.is_extra, asks.request.weight) == (False, 1.0)
    assert asks.request.need_wh == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("what", "one", "forecast"),
    [
        ("its word is believed", stay(SAID, taken_wh=20_000.0), False),
        ("a depot says what it needs", stay(PLANNED, taken_wh=20_000.0), True),
        ("it draws no more", stay(SAID, taken_wh=20_000.0, is_done=True), True),
    ],
)
def test_who_has_what_it_needs_wants_nothing_whatever_others_took(what: str, one: Stay, forecast: bool) -> None:
    told = {one.session: sure(4.0, 40.0)} if forecast else {}
    assert wanted_by(site(), HORIZON, (one,), (), told) == (), what


def test_it_takes_what_it_was_seen_to_take_on_the_legs_it_uses() -> None:
    request = wanted(stay(SAID, appetite_a=18.0, legs=(True, False, False))).request
    assert (request.max_a, len(request.kinds), request.watts_per_a) == (18.0, 1, 230.0)
    request = wanted(stay(SAID)).request
    assert (request.max_a, len(request.kinds), request.watts_per_a) == (32.0, 3, 690.0)


def test_who_slept_when_it_was_offered_current_is_offered_its_minimum_again() -> None:
    """Else a vehicle that charges by its own clock at night would never be offered anything."""
    assert wanted(stay(SAID, appetite_a=2.0)).request.max_a == 6.0


def test_a_limit_on_the_outlet_itself_is_told_step_by_step() -> None:
    limit = Limit("A/1", "operator", max_a=10.0, ends=NOW + timedelta(minutes=30))
    course = wanted(stay(SAID), limits=(limit,)).request.limit_a
    assert course is not None
    assert course[:6].tolist() == [10.0] * 6
    assert np.isinf(course[8:]).all()


@pytest.mark.parametrize(
    ("what", "need", "forecast", "policy", "hurries"),
    [
        ("it says", SAID, None, None, False),
        ("others tell", Need(), sure(4.0, 9.0), None, False),
        ("the site assumes", Need(), None, POLICY, False),
        ("a driver would rather have it at once", replace(SAID, hurries=True), None, None, True),
        ("nobody knows", Need(), None, None, True),
        ("nobody is sure", Need(), sure(4.0, 9.0, "too few"), None, True),
    ],
)
def test_who_may_leave_at_any_time_is_not_put_off(
    what: str, need: Need, forecast: SessionForecast | None, policy: Policy | None, hurries: bool
) -> None:
    assert wanted(stay(need), forecast, policy=policy).request.hurries is hurries, what


def test_who_hurries_does_not_wait_for_what_is_free() -> None:
    """Where only what is free is charged, the whole need is as good as promised."""
    told = wanted(stay(replace(SAID, hurries=True))).request
    assert told.guaranteed_wh == told.need_wh > 0.0
    assert wanted(stay(SAID)).request.guaranteed_wh == 0.0
