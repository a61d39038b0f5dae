"""What the same sessions would have drawn without a controller, and what that would have cost.

Without control every vehicle charges from its plug-in on with all that it and its EVSE can, until it has what it got.
What else flowed at the site stays as it was. A vehicle draws on the legs on which it was seen to draw, on those that
are described, or on all of its EVSE.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ems.domain.energy.bill import Bill, Component, bill, in_part
from ems.domain.site import Site
from ems.domain.station import Evse
from ems.domain.vehicle import Vehicle
from ems.statistics.quarters import Quarters
from ems.statistics.record import QUARTER_S, Charged, Facts, Past, PastSession
from ems.statistics.sheet import Column, Kind, Row, Sheet, money

LINE_TO_LINE = math.sqrt(3.0)


def most_w(session: PastSession, site: Site, seen: Mapping[str, Sequence[Charged]], vehicle: Vehicle | None) -> float:
    """The most that the vehicle of a session would have drawn, W."""
    j = site.evse_index(session.evse)
    its = seen.get(session.id, ())
    seen_w = max((float(one.max_w or 0) for one in its), default=0.0)
    if j is None:
        return seen_w
    evse = site.evses[j]
    if evse.dc_efficiency is not None:
        whole = rated_w(evse, site.voltage_v, len(evse.wiring.legs))
        return max(seen_w, min(whole, vehicle.max_w) if vehicle is not None and vehicle.max_w is not None else whole)
    legs = max((one.legs for one in its), default=0)
    if not legs:
        legs = vehicle.legs if vehicle is not None and vehicle.legs else len(evse.wiring.legs)
    watts = rated_w(evse, site.voltage_v, min(legs, len(evse.wiring.legs)))
    if vehicle is not None and vehicle.max_a is not None:
        watts *= min(1.0, vehicle.max_a / evse.max_a)
    return max(seen_w, watts)


def rated_w(evse: Evse, voltage_v: float, legs: int) -> float:
    """What an EVSE gives on so many legs, W."""
    per_leg = voltage_v * (LINE_TO_LINE if any(len(leg) > 1 for leg in evse.wiring.legs) else 1.0)
    return evse.max_a * per_leg * legs


def uncontrolled_w(past: Past, facts: Facts, quarters: Quarters) -> list[float]:
    """The power that all vehicles would have drawn in each quarter hour. The energy of the period is the same: what a
    vehicle got before or after it counts on neither side.
    """
    drawn_wh = [0.0] * len(quarters)
    got_wh: dict[str, float] = defaultdict(float)
    begin_s, end_s = quarters.begin_s, quarters.begin_s + QUARTER_S * len(quarters)
    for name, starts_s, energy_wh, _ in past.used:
        if begin_s <= starts_s < end_s:
            got_wh[name] += energy_wh
    seen = _by_session(past)
    for session in past.sessions:
        vehicle = None if session.vehicle is None else facts.vehicles.get(session.vehicle)
        watts = most_w(session, facts.site, seen, vehicle)
        left_wh, at_s = got_wh.get(session.id, 0.0), max(session.plugged_s, past.period.begin_s)
        if watts <= 0.0:
            continue
        while left_wh > 0.0 and at_s < past.end_s:
            next_s = (at_s // QUARTER_S + 1) * QUARTER_S
            wh = min(left_wh, watts * (next_s - at_s) / 3600.0)
            drawn_wh[(at_s - begin_s) // QUARTER_S] += wh
            left_wh -= wh
            at_s = next_s
    return [wh * 3600.0 / QUARTER_S for wh in drawn_wh]


def _by_session(past: Past) -> dict[str, list[Charged]]:
    """The hours in which current flowed, by the session that was there when it first did."""
    there: dict[str, list[PastSession]] = defaultdict(list)
    for session in past.sessions:
        there[session.evse].append(session)
    found: dict[str, list[Charged]] = defaultdict(list)
    at: dict[str, int] = defaultdict(int)
    for one in past.charged:
        its, k = there[one.evse], at[one.evse]
        while k < len(its) and its[k].until_s(past.now_s) <= one.starts_s:
            k += 1
        at[one.evse] = k
        if k < len(its) and its[k].plugged_s < one.starts_s + QUARTER_S:
            found[its[k].id].append(one)
    return found


class Comparison(NamedTuple):
    """What was and what would have been: the highest quarter hours, W, and the bills (None without a tariff)."""

    peak_w: float
    uncontrolled_peak_w: float
    bill: Bill | None
    uncontrolled_bill: Bill | None
    is_measured: bool

    @property
    def saved(self) -> float | None:
        """What control saved; negative where it cost."""
        if self.bill is None or self.uncontrolled_bill is None:
            return None
        return self.uncontrolled_bill.exact - self.bill.exact


def comparison_of(past: Past, facts: Facts, quarters: Quarters) -> Comparison:
    """Control beside none. Quarter hours in which the site was not measured are left out on both sides."""
    would = uncontrolled_w(past, facts, quarters)
    is_measured = any(not math.isnan(watts) for watts in quarters.grid_w)
    was = list(quarters.grid_w if is_measured else quarters.charging_w)
    wished = [w - now + then for w, now, then in zip(was, quarters.charging_w, would, strict=True)]
    span_s = (past.period.begin_s, past.period.end_s)
    (peak_w, bill_now), (wished_w, bill_then) = (_judged(course, facts, quarters, span_s) for course in (was, wished))
    return Comparison(peak_w, wished_w, bill_now, bill_then, is_measured)


def _judged(
    course: Sequence[float], facts: Facts, quarters: Quarters, span_s: tuple[int, int]
) -> tuple[float, Bill | None]:
    """The highest quarter hour of a course and its bill."""
    peak_w = max((watts for watts in course if not math.isnan(watts)), default=0.0)
    if facts.tariff is None:
        return peak_w, None
    return peak_w, in_part(bill(facts.tariff, quarters.load(tuple(course))), facts.tariff, span_s)


TITLES = {
    Component.ENERGY: "energy",
    Component.FEED_IN: "feed-in",
    Component.DEMAND: "peak",
    Component.FIXED: "fixed charge",
    Component.VAT: "tax",
}


def comparison_sheet(facts: Facts, compared: Comparison) -> Sheet:
    """Peaks and bills beside each other."""
    peaks = (compared.peak_w / 1e3, compared.uncontrolled_peak_w / 1e3)
    rows: list[Row] = [("Highest quarter hour", "kW", *peaks, peaks[1] - peaks[0])]
    if compared.bill is not None and compared.uncontrolled_bill is not None:
        was, would = compared.bill, compared.uncontrolled_bill
        for component, title in TITLES.items():
            pair = (was.of(component), would.of(component))
            if any(pair):
                rows.append(_billed(f"Bill of the site: {title}", was.currency, *pair))
        rows.append(_billed("Bill of the site: total", was.currency, was.exact, would.exact))
    columns = (
        Column("figure", "Figure"),
        Column("unit", "Unit"),
        Column("controlled", "As it was", Kind.NUMBER),
        Column("uncontrolled", "Uncontrolled", Kind.NUMBER),
        Column("saved", "Saved", Kind.NUMBER),
    )
    about = (
        "Uncontrolled: every vehicle charges from its plug-in on with all that it and its EVSE can, until it has what "
        "it got; everything else at the site stays as it was. No fuse is asked whether it would have carried that."
    )
    if not compared.is_measured:
        about += " The grid connection is not measured, so only the vehicles are compared."
    if facts.tariff is not None and facts.tariff.demand:
        about += " What a peak costs counts in the share that this time has of the month or year that it is paid for."
    if facts.tariff is None:
        about += " The site has no tariff, so nothing is said of cost."
    return Sheet("comparison", "With and without control", about, columns, tuple(rows))


def _billed(figure: str, currency: str, was: float, would: float) -> Row:
    return figure, currency, money(was, currency), money(would, currency), money(would - was, currency)
