"""A back-test as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ems.domain.strategy import LADDERS
from ems.sim.backtest_result import HARDLY_SHARE, Backtest, Row

Show = Callable[[Backtest, Row], str]


def as_table(found: Backtest) -> str:
    """One line per run, the bounds first."""
    has_battery = found.task.task.site.steered_battery is not None
    idle = {PROMISES: not any(map(_promises, found.rows)), BATTERY: not has_battery}
    columns = {name: show for name, show in COLUMNS.items() if not idle.get(name)}
    rows = [["", *columns]]
    rows += [[row.name, *(show(found, row) for show in columns.values())] for row in _all(found)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join(
        [_title(found), rule, lines[0].rstrip(), rule, *(line.rstrip() for line in lines[1:]), *_notes(found)]
    )


def as_json(found: Backtest) -> dict[str, Any]:
    """Plain data: the bounds, the runs, and for each run what every day could have cost."""
    inner = found.task.task
    return {
        "site": inner.site.name,
        "begins": inner.begins.isoformat(),
        "days": inner.days,
        "sessions": len(inner.placement.visits),
        "missing_per_kwh": found.task.missing_per_kwh,
        "currency": _currency(found),
        "notes": list(inner.notes),
        "bounds": [_row(found, row) for row in (found.most, found.cheapest)],
        "runs": [{**_row(found, row), "regret": [day.as_json() for day in row.days]} for row in found.rows],
    }


def write_backtest(path: Path, found: Backtest) -> None:
    """Write it to a file. Raises OSError."""
    path.write_text(json.dumps(as_json(found), indent=1) + "\n", encoding="utf-8")


def _all(found: Backtest) -> tuple[Row, ...]:
    return (found.most, found.cheapest, *found.rows)


def _cost_gap(found: Backtest, row: Row) -> str:
    gap = found.cost_gap(row)
    return "-" if gap is None else f"{gap:+.2f}"


def _promises(row: Row) -> str:
    """'7/8' of all classes of service together; empty where nothing was promised."""
    of = () if row.result is None else row.result.promises
    return f"{sum(kept.kept for kept in of)}/{sum(kept.promised for kept in of)}" if of else ""


SUN_ALONE = tuple(str(one) for one, ladder in LADDERS.items() if not ladder.beyond_guarantee)
"""Strategies that buy nothing beyond what is promised."""

PROMISES, BATTERY = "promises", "battery"

COLUMNS: Mapping[str, Show] = {
    "kWh": lambda _, r: f"{r.service.delivered_kwh:,.0f}",
    "of wanted, %": lambda _, r: f"{100 * r.service.share:.2f}",
    "gap, points": lambda found, r: f"{found.energy_gap(r):.2f}",
    "full": lambda _, r: f"{r.service.met}/{r.service.needs}",
    "< 1/4": lambda _, r: f"{r.service.hardly_served}",
    PROMISES: lambda _, r: _promises(r) or "-",
    "Jain": lambda _, r: f"{r.service.jain:.3f}",
    "worst, %": lambda _, r: f"{100 * r.service.worst:.0f}",
    "energy": lambda _, r: f"{r.costs.energy:,.2f}",
    "demand": lambda _, r: f"{r.costs.demand:,.2f}",
    BATTERY: lambda _, r: f"{r.costs.battery:,.2f}",
    "total": lambda _, r: f"{r.total:,.2f}",
    "gap, %": _cost_gap,
    "peak, kW": lambda _, r: f"{r.costs.peak_kw:.1f}",
    "PV, %": lambda _, r: f"{100 * r.pv_share:.1f}",
    "pauses": lambda _, r: f"{r.pauses:.2f}",
    "over, A": lambda _, r: "-" if r.result is None else f"{r.result.overload_own_a:.1f}",
}


def _row(found: Backtest, row: Row) -> dict[str, Any]:
    service, costs = row.service, row.costs
    gap = found.cost_gap(row)
    return {
        "strategy": row.strategy,
        "knowledge": None if row.knowledge is None else str(row.knowledge),
        "wanted_kwh": round(service.wanted_kwh, 3),
        "delivered_kwh": round(service.delivered_kwh, 3),
        "share": round(service.share, 6),
        "needs": service.needs,
        "needs_met": service.met,
        "hardly_served": service.hardly_served,
        "promises": [] if row.result is None else [kept._asdict() for kept in row.result.promises],
        "jain": round(service.jain, 6),
        "worst": round(service.worst, 6),
        "energy_cost": round(costs.energy, 4),
        "demand_cost": round(costs.demand, 4),
        "battery_cost": round(costs.battery, 4),
        "total": round(row.total, 4),
        "peak_kw": round(costs.peak_kw, 3),
        "pv_share": round(row.pv_share, 6),
        "pauses_per_session": round(row.pauses, 4),
        "energy_gap_points": round(found.energy_gap(row), 4),
        "cost_gap_percent": None if gap is None else round(gap, 4),
        "overload_own_a": None if row.result is None else row.result.overload_own_a,
        "plans": row.plans,
        "plans_failed": row.plans_failed,
        "site_kw": [round(watts / 1000.0, 3) for watts in row.site_w],
        "evses_kw": [round(watts / 1000.0, 3) for watts in row.evses_w],
        "battery_kw": [round(watts / 1000.0, 3) for watts in row.battery_w],
    }


def _currency(found: Backtest) -> str:
    tariff = found.task.beside.tariff
    return "" if tariff is None else tariff.currency


def _title(found: Backtest) -> str:
    inner = found.task.task
    span = f"{inner.days:g} days from {inner.begins.astimezone(inner.site.zone):%Y-%m-%d}"
    return f"{inner.site.name}: {len(inner.placement.visits)} sessions at {len(inner.site.evses)} EVSEs, {span}"


def _notes(found: Backtest) -> list[str]:
    inner = found.task.task
    money = f" {_currency(found)}" if _currency(found) else ""
    told = [
        f"< 1/4: vehicles that got less than {HARDLY_SHARE:.0%} of what they wanted",
        f"total: energy, demand charge in full for every billing period, and {found.task.missing_per_kwh:g}{money} for "
        "every kWh that was wanted and is missing; gaps are to the clairvoyant rows",
        *found.task.task.notes,
    ]
    if inner.site.steered_battery is not None:
        told.insert(
            2,
            "battery: its wear, and what it holds less at the end than at the begin (half full), at the mean price; "
            "its own program is taken to do nothing, and PV counts what went through it",
        )
    if any(row.strategy in SUN_ALONE and not _promises(row) for row in found.rows):
        told.insert(
            2,
            f"{', '.join(SUN_ALONE)}: what is promised is ready in time, and here nobody is promised anything: what "
            "the sun does not give is missing; say in `classes:` of site.yaml what everybody is to have",
        )
    if found.task.beside.tariff is None:
        told.insert(2, "there is no tariff: energy costs nothing here, and to the planner every kWh counts the same")
    return ["", *(f"note: {note}" for note in told)]
