"""What is known of every EVSE at this moment, as columns: what it may draw, what it surely draws, on which legs, what
it can be set to and whether it may charge.

A row depends on the EVSE's and the station's state, both immutable, and on time only at known moments. So a row is
computed again when one of its states is another object or its moment has come, and copied otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np

from ems.control.drawn import drawn, is_above_limit
from ems.control.incidence import Bools, Floats, Incidence, Ints
from ems.control.liability import Liability, clock_uncertainty_s, granted_a, liability, next_change
from ems.control.network import Network, Spread
from ems.domain.measurement import PROOF_SAMPLES
from ems.domain.phases import MAX_LEGS
from ems.domain.policy import Policy
from ems.domain.state import NEVER, EvseState, SiteState, StationState
from ems.domain.station import Evse, EvseStatus
from ems.domain.station_model import RateUnit, StationModel


class Column(IntEnum):
    """Columns of the table; `_A` in ampere per leg, `_S` and `_AT` monotonic seconds, the rest 0 or 1."""

    LIABLE_A = 0
    GROWTH_A = 1
    CONTROLLED = 2
    LEGS = 3
    LOW_A = 6
    DRAWN_A = 9
    LIKELY_A = 12
    PEAK_A = 15
    SAMPLED_AT = 16
    ABOVE_LIMIT = 17
    MAY_CHARGE = 18
    CONTENT = 19
    ASLEEP = 20
    PLUGGED_S = 21
    SERVICE_CLASS = 22
    MINIMUM_A = 23
    LOWEST_A = 24
    MOST_A = 25
    FALLBACK_A = 26
    STEP_A = 27
    SURELY_MAY_A = 28
    SPREAD = 29
    VALID_UNTIL = 30


WIDTH = len(Column) + 4 * (MAX_LEGS - 1)


@dataclass(frozen=True, slots=True)
class Observation:
    """The table, one row per EVSE of the site, and what does not fit into numbers.

    `incidence` adds currents up as if they were in phase, `polygons` holds their sum to what a conductor carries.
    Of an EVSE that is not controlled nothing is taken off a meter: it is part of the base load (failsafe row 4).
    """

    table: Floats
    liabilities: tuple[Liability, ...]
    incidence: Incidence
    polygons: Incidence
    seen: tuple[tuple[EvseState, StationState, bool], ...]

    def __getitem__(self, column: Column) -> Floats:
        return np.asarray(self.table[:, column])

    @property
    def controlled(self) -> Bools:
        """EVSEs that follow our limits."""
        return self.table[:, Column.CONTROLLED] > 0

    @property
    def may_charge(self) -> Bools:
        """EVSEs whose vehicle may draw current if it is allowed to."""
        return self.table[:, Column.MAY_CHARGE] > 0

    @property
    def legs(self) -> Bools:
        """Which legs count, a row of three per EVSE."""
        return np.asarray(self.table[:, Column.LEGS : Column.LEGS + MAX_LEGS] > 0)

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
    site = state.site
    stations = state.stations
    owners = [stations[s] for s in site.station_of_evse]
    seen = tuple(zip(state.evses, owners, untrusted, strict=True))
    if before is None:
        table, liabilities = np.zeros((len(seen), WIDTH)), [Liability(0.0)] * len(seen)
        changed = list(range(len(seen)))
    else:
        table, liabilities = before.table.copy(), list(before.liabilities)
        due = set(np.flatnonzero(before[Column.VALID_UNTIL] <= now).tolist())
        pairs = enumerate(zip(seen, before.seen, strict=True))
        changed = [j for j, ((a, b, c), (x, y, z)) in pairs if a is not x or b is not y or c is not z or j in due]
    rows = []
    for j in changed:
        known, station, distrust = seen[j]
        judged = liability(site.evses[j], known, station, distrust, now, site.policy)
        liabilities[j] = judged
        rows.append(_row(site.evses[j], known, station, judged, now, site.policy))
    if rows:
        table[changed] = rows
    columns = _LEG_COLUMNS + ([Column.SPREAD] if network.between else [])
    same_legs = before is not None and np.array_equal(table[:, columns], before.table[:, columns])
    links = (network.nothing,) * 2 if before is None else (before.incidence, before.polygons)
    observed = Observation(table, tuple(liabilities), *links, seen)
    if same_legs:
        return observed
    summed = network.incidence(observed.legs, observed.spread)
    polygons = network.polygons(observed.legs, observed.spread) if network.side_of.size else summed
    return Observation(table, observed.liabilities, summed, polygons, seen)


_LEG_COLUMNS = list(range(Column.LEGS, Column.LEGS + MAX_LEGS))
_PAD = tuple((0.0,) * (MAX_LEGS - width) for width in range(MAX_LEGS + 1))
_NOTHING = (0.0,) * MAX_LEGS


def _row(
    evse: Evse, known: EvseState, station: StationState, judged: Liability, now: float, policy: Policy
) -> tuple[float, ...]:
    width = len(evse.wiring.legs)
    uncertainty_s = clock_uncertainty_s(station, policy)
    # What samples showed of another number of phases is nothing.
    shown = judged.controlled and known.switch.is_settled(now, uncertainty_s)
    legs = known.leg_use.legs(width) if shown else (True,) * width
    surely = best = likely = _NOTHING
    valid = next_change(known, station, now, policy)
    sampled_at = peak = above = 0.0
    if known.samples:
        sampled_at, peak = known.samples[0].at, known.samples[0].peak_a
    if known.status.may_draw:
        if known.samples:
            best = known.samples[0].high_a + _PAD[width]
            above = float(is_above_limit(known, station.model.apply_s))
        if judged.controlled:
            granted = judged.amps if peak < judged.amps else granted_a(known, station, now, policy)
            now_drawn = drawn(known, station, width, judged.amps, granted, now, policy)
            surely, likely = now_drawn.surely_a + _PAD[width], now_drawn.likely_a + _PAD[width]
            valid = min(valid, now_drawn.valid_until)
    session, model = known.session, station.model
    least = model.min_a
    if model.rate_unit is RateUnit.WATT and evse.dc_efficiency is None and known.leg_use.agreeing < PROOF_SAMPLES:
        # Watts may all flow on one leg while nobody knows which are in use, so a limit counts there in full; and a
        # vehicle that uses all legs needs its minimum current on each.
        least = min(least * width, evse.max_a)
    if session is not None and session.vehicle is not None:
        least = max(least, session.vehicle.least_a(evse))
    return (
        judged.amps,
        judged.growth_a,
        judged.controlled,
        *legs,
        *_PAD[width],
        *surely,
        *best,
        *likely,
        peak,
        sampled_at,
        above,
        may_charge(known),
        session is not None and session.missing_wh() == 0.0,
        known.status is EvseStatus.SUSPENDED_EV,
        NEVER if session is None else session.plugged_s,
        0 if session is None else session.service_class,
        least,
        min(least, evse.max_a) if model.lowest_a else 0.0,
        0.0 if session is not None and session.is_at_cap else expressible_a(evse.max_a, model),
        expressible_a(evse.fallback_a, model),
        0.0 if model.allowed_a else model.step_a,
        known.grant.surely_in_force(known.steering_layer, now, uncertainty_s),
        _spread(evse, known, judged.controlled, shown),
        valid,
    )


def _spread(evse: Evse, known: EvseState, controlled: bool, shown: bool) -> Spread:
    """How the current is spread over the legs that count. Rectifiers load their legs evenly. Of a three-phase outlet
    that nobody controls no more is assumed than its samples showed: it is not ours to spread, and others shall not
    wait for it until it can be heard again.
    """
    if not may_charge(known):
        return Spread.NOTHING
    width = len(evse.wiring.legs)
    if evse.dc_efficiency is not None or (known.leg_use.is_even(width) and (shown or not controlled)):
        return Spread.EVEN
    seen = known.leg_use.agreeing >= PROOF_SAMPLES
    return Spread.UNKNOWN if controlled or seen or width < MAX_LEGS else Spread.EVEN


def may_charge(known: EvseState) -> bool:
    """A vehicle is there and the station may let it charge: a transaction runs, or current flows without one."""
    if known.session is None or known.status in _OUT or not known.status.may_draw:
        return False
    return known.session.transaction is not None or known.status in _FLOWING


_OUT = frozenset({EvseStatus.FAULTED, EvseStatus.FINISHING})
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
    """`expressible_a` for every EVSE at once."""
    step = seen[Column.STEP_A]
    listed = step <= 0
    if not listed.any():
        value = (np.floor(amps / step + 1e-6) * step).round(1)
        return np.where(value >= seen[Column.MINIMUM_A] - 1e-9, value, 0.0)
    stepped = np.where(listed, 1.0, step)
    value = (np.floor(amps / stepped + 1e-6) * stepped).round(1)
    for j in np.flatnonzero(listed).tolist():
        value[j] = expressible_a(float(amps[j]), state.stations[state.site.station_of_evse[j]].model)
    return np.where(value >= seen[Column.MINIMUM_A] - 1e-9, value, 0.0)
