"""A seeded month against totals that were added up by hand: a day of 25 hours, sessions across the month's ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ems.domain.energy.carbon import Carbon
from ems.domain.energy.demand_charge import DemandCharge, Per
from ems.domain.energy.price_series import PricePoint, PriceSeries
from ems.domain.vehicle import Vehicle
from ems.statistics.record import QUARTER_S, Cause, Charged, ControlQuarter, Flow, Outage, Past, Used
from ems.statistics.report import SHEETS, Report, report_of
from ems.statistics.sheet import Value
from tests.statistics.month import FACTS, NOW_S, OCTOBER, PAST, SECOND, TARIFF, THIRD, USED, s


def told(report: Report, sheet: str) -> list[dict[str, Value]]:
    found = report.sheet(sheet)
    assert found is not None
    return list(found.records())


def by(report: Report, sheet: str, key: str) -> dict[Value, dict[str, Value]]:
    return {row[key]: row for row in told(report, sheet)}


REPORT = report_of(PAST, FACTS)


def figures(report: Report) -> dict[Value, Value]:
    return {row["name"]: row["value"] for row in told(report, "figures")}


def test_the_month_adds_up() -> None:
    """Two sessions began; 6 + 3 + 2 kWh flowed, at 0.25 and 20 % tax; 120 + 160 cent are on receipts, of which 50 went
    back and 20 were too many on the bill of a month.
    """
    assert figures(REPORT) == {
        "sessions": 2,
        "energy_kwh": 11.0,
        "pv_percent": 0.0,
        "energy_cost": Decimal("3.30"),
        "billed": Decimal("2.80"),
        "given_back": Decimal("0.50"),
        "corrected": Decimal("-0.20"),
        "billed_net": Decimal("2.10"),
        "co2_kg": pytest.approx(4.4),
        "ready_percent": 50.0,
        "unmet_kwh": 2.0,
        "peak_kw": 6.0,
        "uncontrolled_peak_kw": pytest.approx(11.04),
        "saved": Decimal("0.00"),
        "occupied_h": 5.5,
        "charging_h": 4.5,
        "idle_h": 0.0,
    }


@pytest.mark.parametrize(("back", "corrected", "is_told"), [(0, 0, False), (50, 0, True), (0, -20, True)])
def test_tables_that_tell_what_was_billed_before_anything_went_back_say_so(
    back: int, corrected: int, is_told: bool
) -> None:
    report = report_of(replace(PAST, given_back_minor=back, corrected_minor=corrected), FACTS)
    assert any("among the key figures alone" in note for note in report.notes) == is_told


@pytest.mark.parametrize(("per", "share"), [(Per.YEAR, 745 / 8760), (Per.MONTH, 1.0)])
def test_a_month_pays_its_share_of_the_peak_of_the_year(per: Per, share: float) -> None:
    """6 kW as it was, 11.04 kW without control, at 100 EUR and 20 % tax; October has an hour more than 31 days."""
    tariff = replace(TARIFF, demand=(DemandCharge("capacity", 100.0, period=per),))
    report = report_of(PAST, replace(FACTS, tariff=tariff))
    peak = by(report, "comparison", "figure")["Bill of the site: peak"]
    cents = Decimal("0.01")
    assert peak["controlled"] == Decimal(600 * share).quantize(cents)
    assert peak["uncontrolled"] == Decimal(1104 * share).quantize(cents)
    assert figures(report)["saved"] == Decimal(1.2 * 504 * share).quantize(cents)


def test_all_sheets_are_there_in_their_order() -> None:
    assert tuple(sheet.name for sheet in REPORT.sheets) == SHEETS


def test_the_day_on_which_the_clock_is_set_has_25_hours() -> None:
    days = by(REPORT, "days", "day")
    assert len(days) == 31
    assert {day: row["hours"] for day, row in days.items() if row["hours"] != 24.0} == {date(2026, 10, 25): 25.0}
    assert {day: (row["sessions"], row["energy_kwh"]) for day, row in days.items() if row["energy_kwh"]} == {
        date(2026, 10, 1): (0, 6.0),
        date(2026, 10, 25): (1, 3.0),
        date(2026, 10, 31): (1, 2.0),
    }


def test_energy_belongs_to_cost_centres_and_people() -> None:
    centres = by(REPORT, "cost-centres", "cost_centre")
    assert {name: (row["sessions"], row["energy_kwh"], row["energy_cost"]) for name, row in centres.items()} == {
        "4000": (1, 8.0, Decimal("2.40")),
        "5000": (1, 3.0, Decimal("0.90")),
    }
    assert {row["person"]: row["billed"] for row in told(REPORT, "people")} == {
        "Anna Arndt": Decimal("1.60"),
        "Ben Beck": Decimal("1.20"),
    }


def test_how_often_evses_and_tags_are_used() -> None:
    evses = by(REPORT, "evses", "evse")
    assert evses["A/1"]["sessions_per_day"] == pytest.approx(1 / 31)
    assert (evses["A/1"]["occupied_h"], evses["B/1"]["occupied_h"]) == (2.5, 3.0)
    assert evses["B/1"]["occupied_percent"] == pytest.approx(100 * 3 / 745)
    assert by(REPORT, "tags", "tag")["04A1"]["sessions_per_week"] == pytest.approx(7 / 31)


def test_the_hour_that_comes_twice_counts_twice() -> None:
    """Four Sundays have five hours from 2 to 3; two of ten EVSE hours were taken."""
    sunday = told(REPORT, "utilisation")[6]
    assert sunday["h02"] == pytest.approx(20.0)
    assert sunday["h01"] == pytest.approx(100 * 0.5 / 8)
    assert sunday["h03"] == pytest.approx(100 * 0.5 / 8)
    assert sunday["h04"] == 0.0


def test_uptime_is_counted_as_the_rule_says() -> None:
    """600 minutes out of 44 700 were lost, 200 of them to maintenance."""
    uptime = by(REPORT, "uptime", "evse")
    assert uptime["A/1"]["uptime_percent"] == pytest.approx(100 * (44_700 - 400) / 44_700)
    assert (uptime["A/1"]["outage_min"], uptime["A/1"]["excluded_min"], uptime["A/1"]["offline_min"]) == (600, 200, 600)
    assert (uptime["B/1"]["uptime_percent"], uptime["B/1"]["is_enough"]) == (100.0, "yes")


def test_what_nobody_watched_is_neither_up_nor_down() -> None:
    day = [ControlQuarter(at_s, QUARTER_S) for at_s in range(s("2026-10-10T00:00"), s("2026-10-11T00:00"), QUARTER_S)]
    outages = (*PAST.outages, Outage("A/1", s("2026-10-12T00:00"), s("2026-10-13T00:00"), Cause.FAULTED))
    report = report_of(replace(PAST, control=tuple(day), outages=outages), FACTS)
    uptime = by(report, "uptime", "evse")["A/1"]
    assert (uptime["watched_min"], uptime["outage_min"], uptime["is_enough"]) == (1440, 600, "no")
    assert uptime["uptime_percent"] == pytest.approx(100 * (1440 - 400) / 1440)
    nothing = by(report_of(replace(PAST, control=()), FACTS), "uptime", "evse")["A/1"]
    assert nothing["uptime_percent"] is None


def test_who_was_on_at_the_highest_peaks() -> None:
    peaks = told(REPORT, "peaks")
    assert len(peaks) == 10
    assert [(row["grid_kw"], row["vehicles"], row["who"]) for row in peaks[:4]] == [(6.0, 1, "A/1 (04A1) 6.0 kW")] * 4
    assert peaks[4]["who"] == "A/1 (Van 2) 4.0 kW"


def test_who_did_not_have_what_it_needed() -> None:
    (row,) = told(REPORT, "readiness")
    assert (row["vehicle"], row["need_kwh"], row["got_kwh"], row["missing_kwh"], row["outcome"]) == (
        "Van 1", 5.0, 3.0, 2.0, "short",
    )  # fmt: skip


def test_who_leaves_early_is_not_the_controller_s_fault() -> None:
    early = SECOND._replace(departure_s=s("2026-10-25T06:00"))
    report = report_of(replace(PAST, sessions=(early, THIRD)), FACTS)
    assert told(report, "readiness")[0]["outcome"] == "left early"
    assert figures(report)["unmet_kwh"] == 0.0


def test_who_stays_longer_is_judged_at_the_departure() -> None:
    """Half of the second quarter hour's kWh had flowed by then, and all of the first."""
    staying = THIRD._replace(departure_s=s("2026-10-31T22:52") + 30)
    rows = told(report_of(replace(PAST, sessions=(staying,)), FACTS), "readiness")
    assert rows[0]["got_kwh"] == pytest.approx(1.5)


def test_pv_is_shared_by_all_that_consume_and_costs_what_it_would_have_earned() -> None:
    """In one quarter hour 4 kW come from the grid and 6 kW from PV: 60 % of 1.5 kWh are from PV."""
    flows = [Flow(at_s, 0.0, 0.0) for at_s in range(OCTOBER.begin_s, OCTOBER.end_s, QUARTER_S)]
    flows[0] = Flow(OCTOBER.begin_s, 4_000.0, 6_000.0)
    flows[1] = Flow(OCTOBER.begin_s + QUARTER_S, -500.0, 9_000.0)
    report = report_of(replace(PAST, flows=tuple(flows)), FACTS)
    found = figures(report)
    assert found["pv_percent"] == pytest.approx(100 * (0.9 + 1.5) / 11)
    assert found["co2_kg"] == pytest.approx(0.4 * (11 - 2.4))
    assert found["energy_cost"] == Decimal("2.77"), "8.6 kWh at 0.30, 2.4 kWh at 0.08"


def test_each_kwh_stands_for_what_the_grid_was_like_when_it_flowed() -> None:
    """A quarter hour with 0.25 kWh has 100 g for a third of it, then 250 g; of the rest of the month nobody knows."""
    first_s = s("2026-10-24T23:30")
    before, after = first_s + QUARTER_S // 3, first_s + QUARTER_S
    series = PriceSeries((PricePoint(first_s - 3600, before, 100.0), PricePoint(before, after, 250.0)))
    known = Carbon(series, otherwise=400.0, is_followed=True)
    report = report_of(PAST, replace(FACTS, carbon=known))
    assert figures(report)["co2_kg"] == pytest.approx(0.2 * 0.25 + 0.4 * 10.75)
    notes = [note for note in report.notes if note.startswith("CO₂")]
    assert notes[0] == (
        "CO₂: each kWh from the grid by its intensity in the quarter hour in which it flowed, none for PV."
    )
    assert notes[1].startswith("CO₂: the intensity is not known for ")
    assert notes[1].endswith(" h: 400 g counted there.")


def test_pv_may_stand_for_something_too() -> None:
    flows = tuple(Flow(at_s, 0.0, 5_000.0) for at_s in range(OCTOBER.begin_s, OCTOBER.end_s, QUARTER_S))
    sunny = replace(PAST, flows=flows)
    found = figures(report_of(sunny, replace(FACTS, carbon=Carbon(otherwise=400.0, pv_g_per_kwh=40.0))))
    assert found["co2_kg"] == pytest.approx(0.04 * 11)


def test_a_series_without_values_and_without_a_factor_says_nothing() -> None:
    report = report_of(PAST, replace(FACTS, carbon=Carbon(is_followed=True)))
    assert "co2_kg" not in figures(report)
    assert any("the series of the grid's intensity has no values" in note for note in report.notes)


def test_without_control_vehicles_would_have_charged_at_once() -> None:
    """The van took 1 kW on one leg; it could have taken 7.36 kW, and the other, seen on one leg of three, 3.68 kW."""
    charged = (Charged("A/1", s("2026-10-31T22:30"), 1, 4_000), Charged("B/1", s("2026-10-24T23:30"), 1, 1_100))
    report = report_of(replace(PAST, charged=charged), FACTS)
    peak = told(report, "comparison")[0]
    assert peak["controlled"] == 6.0
    assert peak["uncontrolled"] == pytest.approx(11.04), "of the first nobody knows better"
    alone = report_of(replace(PAST, sessions=(SECOND, THIRD), used=USED[8:], charged=charged), FACTS)
    assert told(alone, "comparison")[0]["uncontrolled"] == pytest.approx(7.36)


def test_a_vehicle_that_is_described_takes_no_more_than_it_can() -> None:
    facts = replace(FACTS, vehicles={"Van 1": Vehicle("Van 1", max_a=16.0, legs=1)})
    report = report_of(replace(PAST, sessions=(SECOND,), used=USED[8:20]), facts)
    assert told(report, "comparison")[0]["uncontrolled"] == pytest.approx(3.68)


def test_seconds_over_a_limit_are_told_with_where_and_when() -> None:
    control = (
        *PAST.control[:10],
        ControlQuarter(PAST.control[10].starts_s, QUARTER_S, 4, 2.5, "grid", 60, 120),
        *PAST.control[11:],
    )
    rows = {row["figure"]: row for row in told(report_of(replace(PAST, control=control), FACTS), "quality")}
    assert rows["Any circuit above its limit"]["value"] == 4.0
    assert rows["Largest excess over a limit"]["detail"] == "grid, 2026-10-01 02:30"
    assert rows["Any EVSE at its fallback"]["value"] == 1.0
    assert rows["Oldest plan that was followed"]["value"] == 2.0


def test_a_month_that_goes_on_is_counted_until_now() -> None:
    now_s = s("2026-10-02T10:00")
    past = Past(OCTOBER, now_s, PAST.sessions[:1], PAST.used[:8])
    report = report_of(past, FACTS)
    assert by(report, "evses", "evse")["A/1"]["occupied_percent"] == pytest.approx(100 * 2 / 36)
    assert "The period is not over: this is what is known so far." in report.notes


def test_nothing_is_a_report_too() -> None:
    report = report_of(Past(OCTOBER, NOW_S), replace(FACTS, tariff=None, carbon=Carbon()))
    found = figures(report)
    assert (found["sessions"], found["energy_cost"], found["saved"], found["ready_percent"]) == (0, None, None, None)
    assert "The site has no tariff, so nothing is said of what energy costs." in report.notes


def test_idle_time_is_no_charging_time() -> None:
    used = (Used("S3", s("2026-10-31T22:30"), 1000, 300), Used("S3", s("2026-10-31T22:45"), 0, 900))
    row = by(report_of(replace(PAST, sessions=(THIRD,), used=used), FACTS), "evses", "evse")["A/1"]
    assert row["charging_h"] == pytest.approx(600 / 3600)
    assert row["idle_h"] == pytest.approx(1200 / 3600)
