"""How well the site was controlled."""

from __future__ import annotations

from datetime import UTC, datetime

from ems.statistics.record import Past
from ems.statistics.sheet import Column, Kind, Row, Sheet


def quality_sheet(past: Past) -> Sheet:
    """Seconds over a limit, in fallback, and how old plans were."""
    known = [one for one in past.control if past.period.begin_s <= one.starts_s < past.end_s]
    watched_s = sum(one.watched_s for one in known)
    passed_s = past.end_s - past.period.begin_s
    rows: list[Row] = [("Time watched by the controller", 100.0 * watched_s / passed_s if passed_s else None, "%", "")]
    worst = max(known, key=lambda one: one.over_a, default=None)
    over_s = sum(one.over_s for one in known)
    at = "" if worst is None or not worst.over_a else _when(worst.starts_s, past)
    rows.append(("Any circuit above its limit", float(over_s), "s", ""))
    if worst is not None and worst.over_a:
        rows.append(("Largest excess over a limit", worst.over_a, "A", f"{worst.over_at}, {at}"))
    rows.append(("Any EVSE at its fallback", sum(one.fallback_s for one in known) / 60.0, "min", ""))
    planned = [one for one in known if one.plan_age_s is not None]
    oldest = max(planned, key=lambda one: one.plan_age_s or 0, default=None)
    if oldest is not None and oldest.plan_age_s is not None:
        rows.append(("Oldest plan that was followed", oldest.plan_age_s / 60.0, "min", _when(oldest.starts_s, past)))
    columns = (
        Column("figure", "Figure"),
        Column("value", "Value", Kind.NUMBER, "", 1),
        Column("unit", "Unit"),
        Column("detail", "Where and when"),
    )
    about = (
        "Seconds in which a meter showed more than the limit of its circuit, for whatever reason: a fuse carries a "
        "short excess, and vehicles take seconds to obey."
    )
    return Sheet("quality", "Quality of control", about, columns, tuple(rows) if known else (), empty=_EMPTY)


_EMPTY = "The controller kept no record of this time."


def _when(at_s: int, past: Past) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC).astimezone(past.period.zone):%Y-%m-%d %H:%M}"
