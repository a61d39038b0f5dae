"""An electric vehicle at an AC outlet: what it draws of what it is offered.

The law: a vehicle follows the control pilot with a delay of at most 5 s (IEC 61851-1), falls at once and rises
steadily, draws nothing between 0 and its minimum current, and never more than it was offered one delay ago. A step of
any length gives the same result as the same time in shorter steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ems.domain.units import PILOT_MIN_A

TAPER_STEP_S = 10.0
"""In the taper the current is computed anew so often."""

TINY = 1e-9
DUST_WH = 1e-6


@dataclass(frozen=True, slots=True)
class VehicleModel:
    """What a vehicle can do.

    `legs`: on how many legs of its outlet it draws. `taper_from`: the state of charge (0…1) above which the current
    falls, linearly to `taper_share` of `max_a` when the battery is full; 1 for no taper. `lag_s`: how long after a
    change of the offer it follows. `share`: the part of the offer that it uses. `sleeps_after_s`: a pause of that
    length after which it does not wake by itself. `pauses`: (seconds of charging, length of the pause), as battery
    cooling makes them.
    """

    battery_wh: float = 60_000.0
    max_a: float = 32.0
    legs: int = 3
    min_a: float = PILOT_MIN_A
    taper_from: float = 0.85
    taper_share: float = 0.25
    lag_s: float = 2.0
    ramp_a_per_s: float = 4.0
    share: float = 1.0
    sleeps_after_s: float = math.inf
    pauses: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.lag_s <= 5:
            raise ValueError(f"a vehicle follows within 5 s, got lag_s {self.lag_s:g}")
        if self.min_a < PILOT_MIN_A or self.max_a < self.min_a:
            raise ValueError(f"min_a {self.min_a:g} and max_a {self.max_a:g} must rise from {PILOT_MIN_A:g} A")
        if not 1 <= self.legs <= 3 or not 0 < self.share <= 1 or not 0 < self.taper_from <= 1:
            raise ValueError("legs must be 1, 2 or 3; share and taper_from must lie in 0 … 1")
        if self.battery_wh <= 0 or self.ramp_a_per_s <= 0:
            raise ValueError("battery_wh and ramp_a_per_s must be positive")


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle at this moment; `step` gives the next.

    `wants_wh`: what it takes in this session, measured at the plug. `energy_wh`: what it got. `heard`: offers that it
    has not followed yet, each with the seconds that are left.
    """

    model: VehicleModel
    wants_wh: float
    soc_at_arrival: float = 0.2
    energy_wh: float = 0.0
    current_a: float = 0.0
    follows_a: float = 0.0
    heard: tuple[tuple[float, float], ...] = ()
    charged_s: float = 0.0
    idle_s: float = 0.0
    pause_left_s: float = 0.0
    pauses_done: int = 0
    asleep: bool = False

    @property
    def soc(self) -> float:
        """State of charge, 0 … 1."""
        return min(1.0, self.soc_at_arrival + self.energy_wh / self.model.battery_wh)

    @property
    def missing_wh(self) -> float:
        """What it would still take; 0 when it is done or full."""
        room = (1.0 - self.soc_at_arrival) * self.model.battery_wh
        return _missing(self.energy_wh, min(self.wants_wh, room))

    @property
    def is_hungry(self) -> bool:
        """It would draw if it were offered enough."""
        return self.missing_wh > 0 and not self.asleep and self.pause_left_s <= 0

    def leg_amps(self, legs: int) -> tuple[float, ...]:
        """The current on each of the outlet's legs."""
        used = min(self.model.legs, legs)
        return (self.current_a,) * used + (0.0,) * (legs - used)

    def watts_per_amp(self, volts_per_leg: float, legs: int) -> float:
        """Power of one ampere at an outlet with so many legs."""
        return volts_per_leg * min(self.model.legs, legs)

    def woken(self) -> Vehicle:
        """The vehicle after somebody pressed its charge button or plugged it in again."""
        return _Motion(self, 0.0).rested(asleep=False)

    def cut_off(self) -> Vehicle:
        """The vehicle after its supply was interrupted: nothing flows, and it waits for a new offer."""
        return replace(self, current_a=0.0, follows_a=0.0, heard=())

    def step(self, offered_a: float, dt_s: float, watts_per_amp: float) -> Vehicle:
        """The vehicle after `dt_s` in which `offered_a` was on the pilot."""
        motion = _Motion(self, watts_per_amp)
        motion.hear(offered_a)
        motion.run(dt_s)
        return motion.rested(asleep=motion.asleep)

    def next_change_s(self, offered_a: float, watts_per_amp: float) -> float:
        """Seconds until its current changes by itself while the offer stays; infinite when it does not."""
        motion = _Motion(self, watts_per_amp)
        motion.hear(offered_a)
        return motion.piece_s(math.inf, for_sums=True)


def _missing(energy_wh: float, goal_wh: float) -> float:
    missing = goal_wh - energy_wh
    return missing if missing > DUST_WH else 0.0


class _Motion:
    """The same vehicle while it moves through one step, piece by piece; within a piece everything is linear."""

    __slots__ = (
        "asleep",
        "charged",
        "current",
        "energy",
        "follows",
        "goal",
        "heard",
        "idle",
        "left",
        "paused",
        "v",
        "w",
    )

    def __init__(self, vehicle: Vehicle, watts_per_amp: float) -> None:
        model = vehicle.model
        self.v, self.w = vehicle, watts_per_amp
        self.energy, self.current, self.follows = vehicle.energy_wh, vehicle.current_a, vehicle.follows_a
        self.heard, self.charged, self.idle = list(vehicle.heard), vehicle.charged_s, vehicle.idle_s
        self.left, self.paused, self.asleep = vehicle.pause_left_s, vehicle.pauses_done, vehicle.asleep
        self.goal = min(vehicle.wants_wh, (1.0 - vehicle.soc_at_arrival) * model.battery_wh)

    def hear(self, offered_a: float) -> None:
        """A changed offer is followed one lag later."""
        newest = self.heard[-1][1] if self.heard else self.follows
        if offered_a != newest:
            self.heard.append((self.v.model.lag_s, offered_a))

    def run(self, dt_s: float) -> None:
        """Let time pass."""
        left = dt_s
        self._follow_due()
        while left > TINY:
            piece = self.piece_s(left)
            self._pass(piece)
            left -= piece
            self._follow_due()
        self._settle()

    def piece_s(self, at_most: float, *, for_sums: bool = False) -> float:
        """How long the present course holds; `for_sums`: until the current differs enough to be added up again."""
        model, target = self.v.model, self._target()
        piece = min(at_most, self.heard[0][0]) if self.heard else at_most
        if self.left > 0:
            piece = min(piece, self.left)
        if target <= 0:
            return piece if for_sums else min(piece, self._until_sleep())
        start = min(target, max(self.current, model.min_a))
        if start < target:
            piece = min(piece, 1.0 if for_sums else (target - start) / model.ramp_a_per_s)
        if self.paused < len(model.pauses):
            piece = min(piece, max(TINY, model.pauses[self.paused][0] - self.charged))
        watts = target * self.w
        if watts > 0:
            piece = min(piece, max(TINY, 3600.0 * (self.goal - self.energy) / watts))
            if model.taper_from < 1:
                to_taper = (model.taper_from - self.v.soc_at_arrival) * model.battery_wh - self.energy
                wait = 3600.0 * to_taper / watts if to_taper > DUST_WH else TAPER_STEP_S * (6.0 if for_sums else 1.0)
                piece = min(piece, max(TINY, wait))
        return piece

    def rested(self, *, asleep: bool) -> Vehicle:
        """The vehicle as a record again."""
        v = self.v
        return Vehicle(
            model=v.model,
            wants_wh=v.wants_wh,
            soc_at_arrival=v.soc_at_arrival,
            energy_wh=self.energy,
            current_a=self.current,
            follows_a=self.follows,
            heard=tuple(self.heard),
            charged_s=self.charged,
            idle_s=self.idle if asleep == v.asleep or asleep else 0.0,
            pause_left_s=self.left,
            pauses_done=self.paused,
            asleep=asleep,
        )

    def _target(self) -> float:
        model = self.v.model
        if self.asleep or self.left > 0 or self.follows < model.min_a or not _missing(self.energy, self.goal):
            return 0.0
        most = min(self.follows * model.share, model.max_a)
        soc = self.v.soc_at_arrival + self.energy / model.battery_wh
        if soc > model.taper_from:
            depth = min(1.0, (soc - model.taper_from) / (1.0 - model.taper_from))
            most = min(most, model.max_a * (1.0 - depth * (1.0 - model.taper_share)))
        return max(model.min_a, most)

    def _until_sleep(self) -> float:
        if self.asleep or self.follows >= self.v.model.min_a:
            return math.inf
        return max(TINY, self.v.model.sleeps_after_s - self.idle)

    def _pass(self, piece_s: float) -> None:
        model, target = self.v.model, self._target()
        self.heard = [(wait - piece_s, amps) for wait, amps in self.heard]
        self.left = max(0.0, self.left - piece_s)
        if target <= 0:
            self.current = 0.0
            self.idle = self.idle + piece_s if self.follows < model.min_a else 0.0
            self.asleep = self.asleep or self.idle >= model.sleeps_after_s - TINY
            return
        start = min(target, max(self.current, model.min_a))
        end = min(target, start + model.ramp_a_per_s * piece_s)
        self.energy = min(self.goal, self.energy + (start + end) / 2.0 * self.w * piece_s / 3600.0)
        self.current, self.idle = end, 0.0
        self.charged += piece_s
        if self.paused < len(model.pauses) and self.charged >= model.pauses[self.paused][0] - TINY:
            self.left = model.pauses[self.paused][1]
            self.paused += 1

    def _follow_due(self) -> None:
        while self.heard and self.heard[0][0] <= TINY:
            self.follows = self.heard.pop(0)[1]

    def _settle(self) -> None:
        """What flows at the end of the step: a cut that has just become due is followed already."""
        self.current = min(self.current, self._target())
