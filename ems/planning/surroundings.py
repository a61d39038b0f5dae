"""What flows beside the vehicles over the horizon: on every conductor, and through the grid connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from ems.domain.phases import Phase, PhaseAmps
from ems.domain.site import Site
from ems.planning.arrays import Floats
from ems.planning.forecast.course import CHECKED_DAYS
from ems.planning.forecast.load import BUILDING, forecast_load
from ems.planning.forecast.pv import forecast_pv
from ems.planning.forecast.quantiles import Quantiles
from ems.planning.forecast.series import Series
from ems.planning.horizon import Horizon

CAREFUL, LIKELY = 0.9, 0.5
"""Levels of a forecast: what conductors must bear, and what cost is counted with."""

HELD_S = 3600.0
"""As long the sun is taken to stay that shines now and was never seen at this time of day."""


class Surroundings(NamedTuple):
    """`base_a`: ampere by circuit, phase and step that must be kept free; `base_w` and `generation_w`: what the site
    likely draws and generates; `doubts` in words.
    """

    base_a: Floats
    base_w: Floats
    generation_w: Floats
    doubts: tuple[str, ...]


class Seen(NamedTuple):
    """The past of the building and of its plant, None where nothing was measured; `sun_w`: what the plant gives now."""

    building_w: Series | None = None
    generation_w: Series | None = None
    sun_w: float | None = None


def surroundings(site: Site, horizon: Horizon, base_a: Sequence[PhaseAmps], seen: Seen) -> Surroundings:
    """From the base load of every circuit now, which is what flows less what the plant gives, and from what was seen.

    Every metered circuit is taken to follow the course of the building. Without a past it stays as it is; of the sun
    that is too much to ask, which counts for an hour. Other circuits count with the most that is declared for them.
    """
    building_w, generation_w, _ = seen
    building = None if building_w is None else _building(site, horizon, building_w)
    plant = None if generation_w is None else forecast_pv(generation_w, horizon.begins, horizon.edges())
    present = np.array(base_a) if base_a else np.array([circuit.base_load_max_a for circuit in site.circuits])
    metered = np.array([circuit.meter is not None for circuit in site.circuits])
    declared = np.array([circuit.base_load_max_a for circuit in site.circuits])
    steady = np.repeat(np.where(metered[:, None], present, declared)[:, :, None], horizon.steps, axis=2)
    net_w = float(present[0].sum()) * site.voltage_v
    likely_sun, sure_sun = (_level(plant, level, horizon) for level in (LIKELY, 1.0 - CAREFUL))
    is_new = likely_sun[0] <= 0.0 < (seen.sun_w or 0.0)
    if is_new:
        likely_sun, sure_sun = (_held(told, seen.sun_w or 0.0, horizon) for told in (likely_sun, sure_sun))
    gross_now_w = net_w + float(likely_sun[0])
    likely, careful = (_course(building, level, gross_now_w, horizon) for level in (LIKELY, CAREFUL))
    per_phase_a = (careful - sure_sun - net_w) / (len(Phase) * site.voltage_v)
    moved = steady + np.where(metered[:, None, None], _share(present)[:, None, None] * per_phase_a, 0.0)
    doubts = (*_of_building(building), *_of_plant(plant, is_new=is_new))
    return Surroundings(moved, likely, likely_sun, doubts)


def _building(site: Site, horizon: Horizon, past_w: Series) -> Quantiles:
    since, until = horizon.begins - timedelta(days=BUILDING.days + CHECKED_DAYS + 1), horizon.ends
    holidays = site.holidays.between(since.astimezone(site.zone).date(), until.astimezone(site.zone).date())
    return forecast_load(past_w, horizon.begins, horizon.edges(), site.zone, holidays=holidays)


def _of_building(found: Quantiles | None) -> Iterator[str]:
    if found is None:
        yield "other load is taken to stay as it is"
    elif found.why:
        yield f"other load is taken to stay as it is: {found.why}"


def _of_plant(found: Quantiles | None, *, is_new: bool) -> Iterator[str]:
    if found is not None and found.why:
        yield f"PV: {found.why}"
    if is_new:
        yield "PV is counted on for an hour: what it gives at these times of day was not measured yet"


def _held(told: Floats, now_w: float, horizon: Horizon) -> Floats:
    soon = np.array(horizon.edges_s[:-1]) < HELD_S
    return np.where(soon & (told <= 0.0), now_w, told)


def _level(found: Quantiles | None, level: float, horizon: Horizon) -> Floats:
    return np.zeros(horizon.steps) if found is None else found.at(level)


def _course(found: Quantiles | None, level: float, now_w: float, horizon: Horizon) -> Floats:
    return np.full(horizon.steps, now_w) if found is None or found.is_unsure else found.at(level)


def _share(present: Floats) -> Floats:
    """How much of a change at the grid connection happens behind each circuit: as much as it has of the load now."""
    total = present.sum(axis=1)
    return np.asarray(np.clip(total / total[0], 0.0, 1.0)) if total[0] > 1.0 else np.eye(1, len(total))[0]
