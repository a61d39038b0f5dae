"""A finished day as meters saw it, made into facts: what was not measured is as the mean of what was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ems.domain.energy.tariff import Tariff
from ems.domain.limit import Limit
from ems.domain.site import Site
from ems.planning.arrays import Floats
from ems.planning.clairvoyant import Facts
from ems.planning.economy import Paid
from ems.planning.forecast.series import Series
from ems.planning.horizon import Horizon

Rows = Sequence[Sequence[float]]


class Flows(NamedTuple):
    """Ampere by phase and step through a circuit, and of that what vehicles drew; NaN where it was not measured."""

    flowing: Rows
    drawn: Rows


class MeasuredDay(NamedTuple):
    """`flows` of every circuit of the site, None where it has no meter; the building and the plant, W, None where
    nobody measures them; the `limits` that people set and the peaks `paid` before.
    """

    flows: tuple[Flows | None, ...]
    building_w: Series | None
    generation_w: Series | None
    limits: tuple[Limit, ...]
    paid: Paid


def facts_of_day(site: Site, horizon: Horizon, tariff: Tariff | None, seen: MeasuredDay) -> Facts:
    """All that happened on a day beside the vehicles. A circuit without a meter, or that was never read, counts with
    the most that is declared for it.
    """
    declared = np.array([circuit.base_load_max_a for circuit in site.circuits])
    amps = np.repeat(declared[:, :, None], horizon.steps, axis=2)
    for i, flows in enumerate(seen.flows):
        if flows is not None:
            other = np.array(flows.flowing) - np.nan_to_num(np.array(flows.drawn))
            if np.isfinite(other).any(axis=1).all():
                amps[i] = [filled(row) for row in other]
    building, sun = (_course(series, horizon) for series in (seen.building_w, seen.generation_w))
    return Facts(site, horizon, amps, building, np.maximum(0.0, sun), tariff, seen.limits, seen.paid)


def filled(values: Sequence[float] | Floats) -> Floats:
    """The same with the mean of what is known where nothing is; nothing where nothing is known at all."""
    found = np.array(values, dtype=np.float64)
    known = np.isfinite(found)
    return np.where(known, found, found[known].mean()) if known.any() else np.zeros(found.size)


def _course(series: Series | None, horizon: Horizon) -> Floats:
    if series is None:
        return np.zeros(horizon.steps)
    return filled(series.mean_over(np.array([edge.timestamp() for edge in horizon.edges()])))
