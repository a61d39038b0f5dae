"""What is known of every EVSE at this moment, as columns: what it may draw, what it surely draws, on which legs, what
it can be set to and whether it may charge.

A row depends on the EVSE's and the station's state, both immutable. One part of it stays while those do; one changes
when a limit ends or a sample gets too old, and one with what the vehicle draws after a limit, both at known moments. So
a row is computed again when one of its states is another object, a part also when its moment has come (the last part
whenever the one before is), and the rest is copied.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import compress, count
from operator import is_not
from typing import NamedTuple

import numpy as np

from ems.control.drawn import drawn, is_above_limit
from ems.control.incidence import Bools, Floats, Incidence, Ints
from ems.control.liability import Liability, clock_uncertainty_s, granted_a, liability, next_change
from ems.control.network import EVEN, NOTHING, UNKNOWN, Network, Spread
from ems.domain.decision import Binding
from ems.domain.measurement import PROOF_SAMPLES
from ems.domain.phases import MAX_LEGS
from ems.domain.policy import Policy
from ems.domain.state import NEVER, EvseState, SiteState, StationState
from ems.domain.station import Evse, EvseStatus
from ems.domain.station_model import RateUnit, StationModel


class Column(IntEnum):
    """Columns of the table; `_A` in ampere per leg, `_S` and `_AT` monotonic seconds, the rest 0 or 1."""

    DRAWN_A = 0
    PEAK_A = 3
    SAMPLED_AT = 4
    ABOVE_LIMIT = 5
    MAY_CHARGE = 6
    CONTENT = 7
    ASLEEP = 8
    PLUGGED_S = 9
    SERVICE_CLASS = 10
    MINIMUM_A = 11
    LOWEST_A = 12
    MOST_A = 13
    FALLBACK_A = 14
    STEP_A = 15
    NEVER_PAUSES = 16
    IN_ERROR = 17
    LIABLE_A = 18
    GROWTH_A = 19
    CONTROLLED = 20
    UNHEARD = 21
    LEGS = 22
    SPREAD = 25
    SURELY_MAY_A = 26
    GRANTED_UNTIL = 27
    LOW_A = 28
    LIKELY_A = 31
    FLOWS_UNTIL = 34


WIDTH = len(Column) + 4 * (MAX_LEGS - 1)
LASTING, GRANTED, FLOWING = slice(Column.LIABLE_A), slice(Column.LIABLE_A, Column.LOW_A), slice(Column.LOW_A, WIDTH)
LEGS = slice(Column.LEGS, Column.LEGS + MAX_LEGS)


class Sources(NamedTuple):
    """What rows are computed from, besides time; `untrusted` per EVSE."""

    evses: Sequence[EvseState]
    stations: Sequence[StationState]
    untrusted: Sequence[bool]

    def changed_since(self, before: Sources, station_of_evse: Sequence[int]) -> set[int]:
        """EVSEs of which anything is another object than before."""
        changed = set(_changed(self.evses, before.evses))
        if self.stations is not before.stations:
            stations = set(_changed(self.stations, before.stations))
            changed.update(j for j, station in enumerate(station_of_evse) if station in stations)
        if self.untrusted != before.untrusted:
            changed.update(_changed(self.untrusted, before.untrusted))
        return changed


def _changed(new: Sequence[object], old: Sequence[object]) -> Iterator[int]:
    """Positions at which there is another object."""
    return compress(count(), map(is_not, new, old))


@dataclass(frozen=True, slots=True)
class Observation:
    """The table, one row per EVSE of the site, and what does not fit into numbers. What is asked most, as booleans:
    which EVSEs follow our limits (`controlled`), whose vehicle may draw current if it is allowed to (`may_charge`), and
    which `legs` count, a row of three per EVSE.

    `incidence` adds currents up as if they were in phase, `polygons` holds their sum to what a conductor carries.
    Of an EVSE that is not controlled nothing is taken off a meter: it is part of the base load (failsafe row 4).
    """

    table: Floats
    controlled: Bools
    may_charge: Bools
    legs: Bools
    liabilities: tuple[Liability, ...]
    incidence: Incidence
    polygons: Incidence
    sources: Sources

    def __getitem__(self, column: Column) -> Floats:
        return self.table[:, column]

    @property
    def spread(self) -> Ints:
        """How the current of each EVSE is spread over its legs: a `Spread`."""
        return np.asarray(self.table[:, Column.SPREAD], dtype=np.intp)

    @property
    def drawn_low_a(self) -> Floats:
        """What each leg surely carries, a row of three per EVSE."""
        return np.asarray(self.table[:, Column.LOW_A : Column.LOW_A + MAX_LEGS])

    @property
    def drawn_likely_a(self) -> Floats:
        """What each leg carries if the vehicle follows its newest limit, a row of three per EVSE."""
        return np.asarray(self.table[:, Column.LIKELY_A : Column.LIKELY_A + MAX_LEGS])

    @property
    def drawn_a(self) -> Floats:
        """Best estimate of what each leg carries, a row of three per EVSE."""
        return np.asarray(self.table[:, Column.DRAWN_A : Column.DRAWN_A + MAX_LEGS])


def observe(
    state: SiteState, network: Network, untrusted: Sequence[bool], before: Observation | None, now: float
) -> Observation:
    """Look at every EVSE that may look different from `before`."""
    site, sources = state.site, Sources(state.evses, state.stations, untrusted)
    if before is None:
        table, liabilities = np.zeros((len(site.evses), WIDTH)), [Liability(0.0)] * len(site.evses)
        changed = granted = flowing = list(range(len(site.evses)))
    else:
        table, liabilities = before.table.copy(), list(before.liabilities)
        others = sources.changed_since(before.sources, site.station_of_evse)
        changed = sorted(others)
        others.update((before[Column.GRANTED_UNTIL] <= now).nonzero()[0].tolist())
        granted = sorted(others)
        others.update((before[Column.FLOWS_UNTIL] <= now).nonzero()[0].tolist())
        flowing = sorted(others)
    cells: list[float] = []
    for j in changed:
        cells += _lasting(site.evses[j], state.evses[j], state.stations[site.station_of_evse[j]].model)
    _put(table, changed, LASTING, cells)
    cells = []
    for j in granted:
        known, station = state.evses[j], state.stations[site.station_of_evse[j]]
        liabilities[j] = judged = liability(site.evses[j], known, station, untrusted[j], now, site.policy)
        cells += _granted(site.evses[j], known, station, judged, now, site.policy)
    _put(table, granted, GRANTED, cells)
    cells = []
    for j in flowing:
        known, station = state.evses[j], state.stations[site.station_of_evse[j]]
        cells += _flowing(site.evses[j], known, station, liabilities[j], now, site.policy)
    _put(table, flowing, FLOWING, cells)
    if before is not None and _load_alike(table, before.table, granted, network):
        legs, summed, polygons = before.legs, before.incidence, before.polygons
    else:
        legs, spread = table[:, LEGS] > 0, table[:, Column.SPREAD].astype(np.intp)
        summed = network.incidence(legs, spread)
        polygons = network.polygons(legs, spread) if network.side_of.size else summed
    controlled, may_charge = table[:, Column.CONTROLLED] > 0, table[:, Column.MAY_CHARGE] > 0
    return Observation(table, controlled, may_charge, legs, tuple(liabilities), summed, polygons, sources)


def _put(table: Floats, rows: Sequence[int], columns: slice, cells: Sequence[float]) -> None:
    if rows:
        table[rows, columns] = np.fromiter(cells, np.float64, len(cells)).reshape(len(rows), -1)


def _load_alike(new: Floats, old: Floats, changed: Sequence[int], network: Network) -> bool:
    """Whether the EVSEs load the same links as before."""
    columns = slice(Column.LEGS, Column.SPREAD + 1) if network.between else LEGS
    return bool((new[changed, columns] == old[changed, columns]).all())


_PAD = tuple((0.0,) * (MAX_LEGS - width) for width in range(MAX_LEGS + 1))
_NO_AMPS = (0.0,) * MAX_LEGS
_OFFLINE = Binding.OFFLINE


def _lasting(evse: Evse, known: EvseState, model: StationModel) -> tuple[float, ...]:
    """The part of a row that stays until something happens."""
    width, status, session = len(evse.wiring.legs), known.status, known.session
    best, sampled_at, peak, above = _NO_AMPS, 0.0, 0.0, False
    if known.samples:
        newest = known.samples[0]
        sampled_at, peak = newest.at, newest.peak_a
        if status.may_draw:
            best, above = newest.high_a + _PAD[width], is_above_limit(known, model.apply_s)
    least = model.min_a
    if model.rate_unit is RateUnit.WATT and evse.dc_efficiency is None and known.leg_use.agreeing < PROOF_SAMPLES:
        # Watts may all flow on one leg while nobody knows which are in use, so a limit counts there in full; and a
        # vehicle that uses all legs needs its minimum current on each.
        least = min(least * width, evse.max_a)
    if session is not None and session.vehicle is not None:
        least = max(least, session.vehicle.least_a(evse))
    return (
        *best,
        peak,
        sampled_at,
        above,
        may_charge(known),
        session is not None and session.missing_wh() == 0.0,
        status is EvseStatus.SUSPENDED_EV,
        NEVER if session is None else session.plugged_s,
        0 if session is None else session.service_class,
        least,
        min(least, evse.max_a) if model.lowest_a else 0.0,
        0.0 if session is not None and session.is_at_cap else expressible_a(evse.max_a, model),
        expressible_a(evse.fallback_a, model),
        0.0 if model.allowed_a else model.step_a,
        session is not None and session.need.minimum_always,
        known.error != "",
    )


def _granted(
    evse: Evse, known: EvseState, station: StationState, judged: Liability, now: float, policy: Policy
) -> tuple[float, ...]:
    """What it may draw and on which legs it counts, and when that changes next."""
    width, uncertainty_s = len(evse.wiring.legs), clock_uncertainty_s(station, policy)
    # What samples showed of another number of phases is nothing.
    shown = judged.controlled and known.switch.is_settled(now, uncertainty_s)
    legs = known.leg_use.legs(width) if shown else (True,) * width
    return (
        judged.amps,
        judged.growth_a,
        judged.controlled,
        judged.binding is _OFFLINE,
        *legs,
        *_PAD[width],
        _spread(evse, known, judged.controlled, shown) if may_charge(known) else NOTHING,
        known.grant.surely_in_force(known.steering_layer, now, uncertainty_s),
        next_change(known, now, uncertainty_s, policy),
    )


def _flowing(
    evse: Evse, known: EvseState, station: StationState, judged: Liability, now: float, policy: Policy
) -> tuple[float, ...]:
    """What its legs carry, surely and likely, and when that changes next; nothing where it is not ours to lower."""
    width = len(evse.wiring.legs)
    if not (judged.controlled and known.status.may_draw):
        return (*_NO_AMPS, *_NO_AMPS, math.inf)
    granted = judged.amps
    if known.samples and known.samples[0].peak_a >= granted:
        granted = granted_a(known, now, clock_uncertainty_s(station, policy))
    surely, likely, until = drawn(known, station, width, judged.amps, granted, now, policy)
    return (*surely, *_PAD[width], *likely, *_PAD[width], until)


def _spread(evse: Evse, known: EvseState, controlled: bool, shown: bool) -> Spread:
    """How the current is spread over the legs that count, where any flows. Rectifiers load their legs evenly. Of a
    three-phase outlet that nobody controls no more is assumed than its samples showed: it is not ours to spread, and
    others shall not wait for it until it can be heard again.
    """
    width = len(evse.wiring.legs)
    if evse.dc_efficiency is not None or (known.leg_use.is_even(width) and (shown or not controlled)):
        return EVEN
    seen = known.leg_use.agreeing >= PROOF_SAMPLES
    return UNKNOWN if controlled or seen or width < MAX_LEGS else EVEN


def may_charge(known: EvseState) -> bool:
    """A vehicle is there and the station may let it charge: a transaction runs, or current flows without one."""
    if known.session is None or not known.status.may_charge:
        return False
    return known.session.transaction is not None or known.status in _FLOWING


_FLOWING = frozenset({EvseStatus.CHARGING, EvseStatus.SUSPENDED_EV, EvseStatus.SUSPENDED_EVSE})


def expressible_a(amps: float, model: StationModel) -> float:
    """The highest limit not above `amps` that the station can express; 0 when that would be below its minimum."""
    return _expressible_a(amps, model.allowed_a, model.step_a, model.min_a)


@lru_cache(maxsize=4096)
def _expressible_a(amps: float, allowed_a: tuple[float, ...], step_a: float, min_a: float) -> float:
    """Remembered, because every EVSE asks it for the same few currents at every tick."""
    if allowed_a:
        value = max((a for a in allowed_a if a <= amps + 1e-9), default=0.0)
    else:
        value = math.floor(amps / step_a + 1e-6) * step_a
    return round(value, 1) if value >= min_a - 1e-9 else 0.0


def expressible(amps: Floats, seen: Observation, state: SiteState) -> Floats:
    """`expressible_a` for every EVSE at once; `amps` may have several rows of them."""
    step = seen[Column.STEP_A]
    by_list = (step <= 0).nonzero()[0]
    if by_list.size:
        step = step.copy()
        step[by_list] = 1.0
    value = (np.floor(amps / step + 1e-6) * step).round(1)
    for j in by_list.tolist():
        model = state.stations[state.site.station_of_evse[j]].model
        listed_a = [expressible_a(a, model) for a in amps[..., j].ravel().tolist()]
        value[..., j] = np.reshape(listed_a, amps.shape[:-1])
    return np.where(value >= seen[Column.MINIMUM_A] - 1e-9, value, 0.0)
