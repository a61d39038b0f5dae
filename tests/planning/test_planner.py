"""From vehicles that are plugged in to a plan that says why, and who misses what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ems.domain.energy.price import EnergyPrice
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import Tariff
from ems.domain.limit import Limit
from ems.domain.plan import Plan
from ems.domain.session import Need, NeedOrigin
from ems.domain.strategy import Strategy
from ems.planning.forecast.past_sessions import PastSession, session_history
from ems.planning.outlook import Outlook, Stay
from ems.planning.planner import PROMISE, Experience, plan_of
from tests.control.installations import circuit, evse, layout

SITE = layout([circuit("grid", 40), circuit("row", 20, "grid")], [evse(name, "row") for name in ("A", "B")])
NOW = datetime(2024, 5, 6, 6, 0, tzinfo=UTC)
KWH_PER_HOUR = 20 * 0.69


def stay(number: int, kwh: float, hours: float, **more: Any) -> Stay:
    """A three-phase vehicle at one of the two outlets that wants so much within so many hours."""
    need = Need(1000.0 * kwh, NOW + timedelta(hours=hours))
    outlet = SITE.evses[number].id
    at = Stay(number, outlet, f"s{number}", NOW, 0.0, need, (True, True, True), 6.0, 32.0, service_class=0)
    return at._replace(need=replace(need, **more))


def planned(*stays: Stay, strategy: Strategy = Strategy.FAST, limits: tuple[Limit, ...] = ()) -> Plan:
    """Nothing is known but the vehicles."""
    return plan_of(SITE, Outlook(NOW, strategy, stays, limits, ((0.0, 0.0, 0.0),) * 2))


def test_a_plan_says_why_each_vehicle_has_its_current() -> None:
    """First the row is full, then all is there."""
    (charge,) = planned(stay(0, 10.0, 8.0)).charges
    assert charge.amps[0] == pytest.approx(20.0)
    assert [why.text for why in charge.why] == ["row L1 is full", "has what it needs", "not plugged in"]
    assert charge.why[0].since == 0


def test_a_plan_names_who_misses_what_and_what_would_help() -> None:
    """20 of 30 kWh on 20 A in two hours: in the words and the time of the site."""
    (deficit,) = planned(stay(0, 30.0, 2.0)).deficits
    assert (deficit.evse, deficit.session, deficit.need_wh) == (SITE.evses[0].id, "s0", 30_000.0)
    assert deficit.short_wh == pytest.approx(30_000.0 - 2000.0 * KWH_PER_HOUR, abs=1.0)
    assert deficit.departure == NOW + timedelta(hours=2)
    assert deficit.remedies == ("2 A more on row L1 from 08:00 to 10:00", "leaving at 10:11 instead of 10:00")


def test_who_is_promised_nothing_where_only_the_sun_is_charged_is_told_that_a_promise_would_help() -> None:
    """There is no sun; 5 of 30 kWh are promised to the second."""
    first, second = planned(stay(0, 30.0, 2.0), stay(1, 30.0, 2.0, guaranteed_wh=5e3), strategy=Strategy.SOLAR).deficits
    assert (first.short_wh, second.short_wh) == pytest.approx((30_000.0, 25_000.0))
    assert first.remedies == second.remedies == (PROMISE,)


def test_a_promise_that_cannot_be_kept_has_the_remedies_of_any_other_strategy() -> None:
    (deficit,) = planned(stay(0, 30.0, 2.0, guaranteed_wh=30e3), strategy=Strategy.SOLAR).deficits
    assert deficit.remedies == ("2 A more on row L1 from 08:00 to 10:00", "leaving at 10:11 instead of 10:00")


def test_where_all_leave_served_there_is_no_deficit() -> None:
    """Two that fit."""
    assert planned(stay(0, 5.0, 3.0), stay(1, 5.0, 3.0)).deficits == ()


def test_who_stays_beyond_the_horizon_misses_nothing_yet() -> None:
    """More than the row carries in a day, and three days to go."""
    assert planned(stay(0, 900.0, 72.0)).deficits == ()
    assert planned(stay(0, 900.0, 72.0, guaranteed_wh=900e3)).deficits == ()
    assert len(planned(stay(0, 900.0, 20.0)).deficits) == 1


@pytest.mark.parametrize(
    ("energies_kwh", "need_kwh", "said"),
    [
        ((40.0, 60.0, 50.0, 0.0), 50.0, "takes 50 of at most 100 kWh, as usual for it: SoC unknown"),
        ((40.0, 60.0), 100.0, "assumed empty, 100 kWh: SoC unknown"),  # twice is not usual
        ((), 100.0, "assumed empty, 100 kWh: SoC unknown"),
    ],
)
def test_a_battery_of_unknown_charge_is_planned_for_by_the_past_of_that_vehicle(
    energies_kwh: tuple[float, ...], need_kwh: float, said: str
) -> None:
    nights = [NOW - timedelta(days=days + 1) for days in range(len(energies_kwh) + 9)]
    own = [(night, kwh, "Bus 17") for night, kwh in zip(nights, energies_kwh, strict=False)]
    others = [(night, 9.0, "Bus 18") for night in nights]
    past = [
        PastSession(SITE.evses[1].id, night, night + timedelta(hours=3), 1000.0 * kwh, vehicle=name)
        for night, kwh, name in (*own, *others)
    ]
    known = Experience(sessions=session_history(past, NOW, SITE.zone))
    bus = stay(0, 100.0, 20.0, is_assumed=True, origin=NeedOrigin.SCHEDULED)._replace(vehicle="Bus 17")
    plan = plan_of(SITE, Outlook(NOW, Strategy.FAST, (bus,), (), ((0.0, 0.0, 0.0),) * 2), known)
    assert next(charge.need_wh for charge in plan.charges if not charge.expected) == pytest.approx(1000.0 * need_kwh)
    assert f"{SITE.evses[0].id}: {said}" in plan.assumptions


def test_a_vehicle_that_does_not_take_what_it_is_offered_is_named_and_the_others_have_its_share() -> None:
    plan = planned(stay(0, 5.0, 3.0)._replace(is_done=True), stay(1, 50.0, 3.0))
    (other,) = plan.charges
    assert other.evse == SITE.evses[1].id
    assert other.amps[0] == pytest.approx(20.0)
    assert any(text.startswith(f"{SITE.evses[0].id}: does not draw, although 5.0 kWh") for text in plan.assumptions)


def test_for_whom_nothing_is_planned_because_it_is_hindered_is_named() -> None:
    told = replace(Outlook(NOW, Strategy.FAST, (), (), ((0.0, 0.0, 0.0),) * 2), hindered=(SITE.evses[1].id,))
    said = f"{SITE.evses[1].id}: is out of reach or service, faulted or finished; nothing is planned for it meanwhile"
    assert said in plan_of(SITE, told).assumptions


def test_that_nobody_is_expected_is_said_with_its_reason() -> None:
    night = NOW - timedelta(days=1)
    known = Experience(
        sessions=session_history([PastSession("A/1", night, night + timedelta(hours=3), 9e3)], NOW, SITE.zone)
    )
    plan = plan_of(SITE, Outlook(NOW, Strategy.FAST, (stay(0, 5.0, 3.0),), (), ((0.0, 0.0, 0.0),) * 2), known)
    assert "nobody is expected besides who is here: only 1 day of history" in plan.assumptions


def test_what_is_promised_goes_before_what_is_fair() -> None:
    """13.5 kWh within the first hour for one, although both leave at once with too little."""
    promised = stay(0, 20.0, 2.0, guaranteed_wh=13_500.0, guaranteed_by=NOW + timedelta(hours=1))
    plan = planned(promised, stay(1, 20.0, 2.0))
    first_hour = [
        a for a, edge in zip(plan.charges[0].amps, plan.edges, strict=False) if edge < NOW + timedelta(hours=1)
    ]
    assert sum(first_hour) / len(first_hour) * 690.0 == pytest.approx(13_500.0, rel=1e-3)


@pytest.mark.parametrize(
    ("what", "kwh", "waits"), [("the row carries it ten times over", 5.0, True), ("they need most of it", 60.0, False)]
)
def test_who_has_time_waits_for_the_cheap_hour_where_nobody_knows_who_will_come(
    what: str, kwh: float, waits: bool
) -> None:
    """Two vehicles for twelve hours, in which the row carries 165 kWh; energy is cheap from the second hour on."""
    hourly = PriceSeries.of((NOW + timedelta(hours=k), 0.90 if k == 0 else 0.10) for k in range(24))
    market = (EnergyPrice("energy", series="market"),)
    tariff = Tariff("market", "EUR", "UTC", market, series={"market": hourly})
    outlook = Outlook(NOW, Strategy.CHEAPEST, (stay(0, kwh, 12.0), stay(1, kwh, 12.0)), (), ((0.0, 0.0, 0.0),) * 2)
    plan = plan_of(SITE, outlook, Experience(tariff=tariff))
    assert (sum(charge.amps[0] for charge in plan.charges) == 0.0) is waits, what
    assert sum(charge.planned_wh for charge in plan.charges) == pytest.approx(2000.0 * kwh)


def test_an_outlet_is_planned_within_its_own_limit() -> None:
    """10 A that somebody set, and the reason says so."""
    limit = Limit(SITE.evses[0].id, "operator", max_a=10.0)
    (charge,) = planned(stay(0, 30.0, 2.0), limits=(limit,)).charges
    assert charge.amps[0] == pytest.approx(10.0)
    assert charge.why[0].text == "its outlet may have 10 A"


def test_a_plan_tells_the_limit_of_the_grid_connection_at_every_step() -> None:
    """40 A on three phases, and for two hours what somebody set: the power or the current, whichever is less."""
    until = NOW + timedelta(hours=2)
    power, current = Limit("grid", "operator", max_w=20_000.0, ends=until), Limit("grid", "DSO", max_a=10.0, ends=until)
    for limits, then in (((), 27_600.0), ((power,), 20_000.0), ((power, current), 6_900.0)):
        plan = planned(stay(0, 5.0, 3.0), limits=limits)
        expected = [then if edge < until else 27_600.0 for edge in plan.edges[:-1]]
        assert list(plan.limit_w) == pytest.approx(expected)
