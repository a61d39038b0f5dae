"""All sheets of a period, with the key figures first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ems.domain.billing.money import major
from ems.domain.energy.carbon import Carbon
from ems.statistics.account import (
    Account,
    accounts_of,
    centre_sheet,
    day_sheet,
    evse_sheet,
    percent,
    person_sheet,
    tag_sheet,
    total,
)
from ems.statistics.peak import peak_sheet
from ems.statistics.period import Period
from ems.statistics.quality import quality_sheet
from ems.statistics.quarters import Quarters, quarters_of
from ems.statistics.readiness import Outcome, Readiness, readiness_of, readiness_sheet
from ems.statistics.record import Facts, Past
from ems.statistics.sheet import Column, Kind, Row, Sheet, money
from ems.statistics.uncontrolled import Comparison, comparison_of, comparison_sheet
from ems.statistics.uptime import uptime_sheet
from ems.statistics.utilisation import utilisation_sheet

MOST_NOTES = 12


@dataclass(frozen=True, slots=True)
class Report:
    """What a period of a site adds up to. `notes`: what was assumed, and what could not be used."""

    site: str
    period: Period
    made: datetime
    currency: str
    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...] = ()

    def sheet(self, name: str) -> Sheet | None:
        """One of its sheets; None when there is none of that name."""
        return next((sheet for sheet in self.sheets if sheet.name == name), None)


SHEETS = (
    "figures", "cost-centres", "days", "comparison", "peaks", "evses", "utilisation", "uptime", "readiness", "tags",
    "people", "quality",
)  # fmt: skip
"""The names of all sheets, in their order."""


def report_of(past: Past, facts: Facts) -> Report:
    """The report of a period. Never raises."""
    quarters = quarters_of(past, facts)
    accounts = accounts_of(past, quarters)
    compared, ready = comparison_of(past, facts, quarters), readiness_of(past)
    sheets = (
        figure_sheet(past, facts, total(accounts.values()), compared, ready),
        centre_sheet(past, facts, accounts),
        day_sheet(past, quarters),
        comparison_sheet(facts, compared),
        peak_sheet(past, facts, quarters),
        evse_sheet(past, facts, accounts),
        utilisation_sheet(past, facts, quarters),
        uptime_sheet(past, facts),
        readiness_sheet(ready),
        tag_sheet(past, facts, accounts),
        person_sheet(past, facts, accounts),
        quality_sheet(past),
    )
    assert tuple(sheet.name for sheet in sheets) == SHEETS
    made = datetime.fromtimestamp(past.now_s, UTC)
    notes = tuple(_notes(past, facts, quarters))
    return Report(facts.site.name, past.period, made, facts.site.currency, sheets, notes)


def _co2_notes(carbon: Carbon, quarters: Quarters) -> Iterator[str]:
    """What a kWh was taken to stand for, and where nobody knew."""
    sun = f"{carbon.pv_g_per_kwh:g} g for one from PV" if carbon.pv_g_per_kwh else "none for PV"
    hours, whole_h = (1.0 - quarters.co2_known) * len(quarters) / 4.0, len(quarters) / 4.0
    if not carbon.is_known:
        if carbon.is_followed:
            yield "CO₂: nothing is said, because the series of the grid's intensity has no values."
    elif not carbon.is_followed:
        yield f"CO₂: {carbon.missing} for each kWh from the grid, {sun}."
    else:
        yield f"CO₂: each kWh from the grid by its intensity in the quarter hour in which it flowed, {sun}."
        if hours > 0.005:
            yield f"CO₂: the intensity is not known for {hours:.4g} h of {whole_h:g} h: {carbon.missing} counted there."


def _billed(past: Past, whole: Account, currency: str) -> Iterator[Row]:
    """What drivers were billed, what changed of it afterwards, and what remains of that."""
    net = whole.charged_minor - past.given_back_minor + past.corrected_minor
    yield "billed", "Billed to drivers", major(whole.charged_minor, currency), currency
    yield "given_back", "Given back to drivers", major(past.given_back_minor, currency), currency
    yield "corrected", "Corrections of bills by the month", major(past.corrected_minor, currency), currency
    yield "billed_net", "Net of refunds and corrections", major(net, currency), currency


def figure_sheet(past: Past, facts: Facts, whole: Account, compared: Comparison, ready: Sequence[Readiness]) -> Sheet:
    """The key figures."""
    currency = facts.site.currency
    cost = money(None if facts.tariff is None else whole.cost, currency)
    rows: list[Row] = [
        ("sessions", "Sessions that began", whole.sessions, ""),
        ("energy_kwh", "Energy of all vehicles", whole.energy_wh / 1000.0, "kWh"),
        ("pv_percent", "Of that from PV", percent(whole.pv_wh, whole.energy_wh), "%"),
        ("energy_cost", "Cost of that energy", cost, currency),
        *_billed(past, whole, currency),
    ]
    if facts.carbon.is_known:
        rows.append(("co2_kg", "CO₂ of that energy", whole.co2_g / 1000.0, "kg"))
    on_time = sum(1 for one in ready if one.outcome is Outcome.READY)
    unmet_wh = sum(one.missing_wh for one in ready if one.outcome is Outcome.SHORT)
    rows += [
        ("ready_percent", "Ready at departure", percent(on_time, len(ready)), "%"),
        ("unmet_kwh", "Energy that was missing then", unmet_wh / 1000.0 if ready else None, "kWh"),
        ("peak_kw", "Highest quarter hour", compared.peak_w / 1000.0, "kW"),
        ("uncontrolled_peak_kw", "Highest without control", compared.uncontrolled_peak_w / 1000.0, "kW"),
        ("saved", "Saved by control", money(compared.saved, currency), currency),
        ("occupied_h", "Vehicles plugged in", whole.occupied_s / 3600.0, "h"),
        ("charging_h", "Of that charging", whole.charging_s / 3600.0, "h"),
        ("idle_h", "Of that idle", whole.idle_s / 3600.0, "h"),
    ]
    columns = (
        Column("name", "Name"),
        Column("figure", "Figure"),
        Column("value", "Value", Kind.NUMBER),
        Column("unit", "Unit"),
    )
    about = (
        "A session and its bill belong to the time in which it began, energy to that in which it flowed, a refund and "
        "a correction to that in which they were given."
    )
    return Sheet("figures", "Key figures", about, columns, tuple(rows))


def _notes(past: Past, facts: Facts, quarters: Quarters) -> list[str]:
    """What a reader must know before he believes it."""
    found = list(facts.doubts)
    if past.now_s < past.period.end_s:
        found.append("The period is not over: this is what is known so far.")
    if facts.tariff is None:
        found.append("The site has no tariff, so nothing is said of what energy costs.")
    if past.given_back_minor or past.corrected_minor:
        found.append(
            "Refunds and corrections of this time are among the key figures alone: the tables tell what was billed, "
            "before they are taken off."
        )
    found += _co2_notes(facts.carbon, quarters)
    unknown = sum(1 for watts in quarters.grid_w if math.isnan(watts))
    if 0 < unknown < len(quarters):
        found.append(f"The grid connection was not measured for {unknown / 4:g} h of {len(quarters) / 4:g} h.")
    more = quarters.assumed[MOST_NOTES:]
    found += [f"Tariff: {text}." for text in quarters.assumed[:MOST_NOTES]]
    return [*found, f"Tariff: {len(more)} more such gaps."] if more else found
