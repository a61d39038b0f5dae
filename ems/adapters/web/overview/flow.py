"""Where power comes from and where it goes, as bars; and the power that is planned, as a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from ems.adapters.web.shape import CircuitRow, PowerRow
from ems.adapters.web.texts import kilowatts, values_of
from ems.adapters.web.view import View
from ems.domain.plan import Plan

STILL_W = 50.0
WIDTH, HEIGHT = 480.0, 90.0
AHEAD = timedelta(hours=24)


class Part(NamedTuple):
    """A part of a bar: from where on, how wide, in percent of the whole bar."""

    kind: str
    name: str
    value: str
    x: str
    width: str


class Bars(NamedTuple):
    """What comes in and what goes out have the same scale; `grid` is how full the connection is, `limit` where its
    limit lies.
    """

    sources: list[Part]
    uses: list[Part]
    grid: str
    limit: str
    is_over: bool
    words: str


def bars(power: PowerRow, root: CircuitRow, voltage_v: float) -> Bars:
    """The flows of the site as they were just measured."""
    grid, pv, battery = power["grid"] or 0.0, -(power["pv"] or 0.0), power["battery"] or 0.0
    sources = (("grid", "grid", grid), ("pv", "PV", pv), ("battery", "battery", -battery))
    uses = (
        ("ev", "vehicles", power["ev"]),
        ("other", "building", power["other"] or 0.0),
        ("battery", "battery", battery),
        ("grid", "fed in", -grid),
    )
    whole = max(1.0, *(sum(max(0.0, watts) for _, _, watts in side) for side in (sources, uses)))
    limit_w = limit_of(root, voltage_v)
    scale = max(1.08 * limit_w, grid, 1.0)
    unknown = "" if power["grid"] is not None else "The grid connection is not measured, so the building is not known."
    return Bars(
        list(_parts(sources, whole)),
        list(_parts(uses, whole)),
        _percent(max(0.0, grid), scale),
        _percent(limit_w, scale),
        grid > limit_w + 0.5 * voltage_v,
        unknown or f"{kilowatts(grid)} of {kilowatts(limit_w)}: {root['limit_source']}",
    )


def limit_of(root: CircuitRow, voltage_v: float) -> float:
    """What may flow through the grid connection, W."""
    amps = [value for value in values_of(root["limit_a"] or root["rating_a"]) if value is not None]
    most = sum(amps) * voltage_v
    return most if root["limit_w"] is None else min(most, root["limit_w"])


def _parts(side: Sequence[tuple[str, str, float]], whole: float) -> Iterator[Part]:
    x = 0.0
    for kind, name, watts in side:
        if watts >= STILL_W:
            yield Part(kind, name, kilowatts(watts), _percent(x, whole), _percent(watts, whole))
            x += watts


def _percent(part: float, whole: float) -> str:
    return f"{min(100.0, max(0.0, 100.0 * part / whole)):.1f}%"


class Spark(NamedTuple):
    """The next 24 hours as paths in a field of `WIDTH` by `HEIGHT`; `peak_w` from `peak_at` on is the highest."""

    power: str
    limit: str
    peak_w: float
    peak_at: str
    marks: list[tuple[str, str]]


def spark(view: View, plan: Plan) -> Spark | None:
    """The power that is planned to flow through the grid connection; None when the plan is over."""
    now = view.now.utc
    grid_w = _through_grid(view, plan)
    steps = [k for k in range(len(grid_w)) if plan.edges[k + 1] > now and plan.edges[k] < now + AHEAD]
    if not steps:
        return None
    limits = plan.limit_w or ()
    known = [limits[k] for k in steps if limits and limits[k] < 1e12]
    top = 1.1 * max([1000.0, *(grid_w[k] for k in steps), *known])
    low = min([0.0, *(grid_w[k] for k in steps)])

    def spot(k: int, watts: float) -> tuple[float, float]:
        x = (plan.edges[k] - now) / AHEAD * WIDTH
        return min(WIDTH, max(0.0, x)), HEIGHT * (1.0 - (watts - low) / (top - low))

    def path(series: Sequence[float]) -> str:
        parts: list[str] = []
        for k in steps:
            if series[k] < 1e12:
                (x, y), (end, _) = spot(k, series[k]), spot(k + 1, series[k])
                parts.append(f"{'L' if parts else 'M'}{x:.1f} {y:.1f}H{end:.1f}")
        return "".join(parts)

    highest = max(steps, key=lambda k: grid_w[k])
    marks = []
    local = now.astimezone(view.state.site.zone)
    for hour in range(1, 25):
        at = (local + timedelta(hours=hour)).replace(minute=0, second=0, microsecond=0)
        if at.hour % 6 == 0:
            marks.append((f"{(at - now) / AHEAD * WIDTH:.1f}", f"{at:%H:%M}"))
    return Spark(path(grid_w), path(limits) if limits else "", grid_w[highest], plan.edges[highest].isoformat(), marks)


def _through_grid(view: View, plan: Plan) -> list[float]:
    site = view.state.site
    total = [0.0] * (len(plan.edges) - 1)
    for charge in plan.charges:
        index = site.evse_index(charge.evse)
        if index is None:
            continue
        wiring, known = site.evses[index].wiring, view.state.evses[index]
        legs = None if charge.expected else sum(known.planned_legs(len(wiring.legs))) or None
        per_amp = wiring.watts_per_amp(site.voltage_v, legs)
        total = [watts + per_amp * amps for watts, amps in zip(total, charge.amps, strict=True)]
    for sign, series in ((1.0, plan.base_w), (-1.0, plan.generation_w), (1.0, plan.battery_w)):
        if series:
            total = [watts + sign * more for watts, more in zip(total, series, strict=True)]
    return total
