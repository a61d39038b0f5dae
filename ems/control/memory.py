"""What one tick must remember for the next; a value that goes in and comes out of `decide`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ems.control.incidence import Bools, Floats
from ems.control.network import LINKS_PER_CIRCUIT
from ems.control.observation import Observation
from ems.domain.phase_switch import THREE
from ems.domain.site import Site
from ems.domain.state import NEVER

PEAK_PARTS = 10
"""A peak counts for as long as room must have been there, and for at most a tenth of that longer."""

STEP_DECAY = 0.9998
"""Per reading; at one reading a second a rise is half forgotten after an hour."""

_ROWS = np.arange(PEAK_PARTS + 1)[:, None]


@dataclass(frozen=True, slots=True)
class SetpointMemory:
    """Columns over the site's EVSEs: the last setpoint and when it changed and rose; since when the EVSE is on or off;
    and `appetite_a`, the most that its vehicle was seen to take, infinite while unknown.
    """

    setpoint_a: Floats
    changed_at: Floats
    raised_at: Floats
    on_since: Floats
    off_since: Floats
    appetite_a: Floats

    @classmethod
    def blank(cls, evses: int) -> SetpointMemory:
        """All off, nothing learned."""
        never = np.full(evses, NEVER)
        return cls(np.zeros(evses), never, never, never, never, np.full(evses, math.inf))


class Obedience(NamedTuple):
    """How an EVSE obeys its limits: since when it draws above them, whether that is known and whether it is out of
    control; how many limits it has obeyed since then, and the acceptance time of the last one that was judged.
    """

    above_since: float | None = None
    warned: bool = False
    untrusted: bool = False
    obeyed: int = 0
    judged_at: float = NEVER


class BaseLoadMemory(NamedTuple):
    """Columns over the links of circuits: the last upper base load from a fresh meter, and the likely one; the highest
    upper ones of late, a row for each part of the time for which room must have been there, newest first, the newest
    part begun at `since`; the largest rise seen between two readings; and the highest since an EVSE was lost that had
    just drawn.
    """

    base: Floats
    likely: Floats
    peaks: Floats
    since: Floats
    step: Floats
    with_lost: Floats

    @classmethod
    def blank(cls, links: int) -> BaseLoadMemory:
        """Nothing seen yet."""
        nothing, never = np.zeros(links), np.full(links, NEVER)
        lowest = np.full(links, -math.inf)
        return cls(nothing, nothing, np.tile(lowest, (PEAK_PARTS + 1, 1)), never, nothing, lowest)

    @property
    def peak(self) -> Floats:
        """The highest upper base load of late; infinitely low before the first."""
        return np.asarray(self.peaks.max(axis=0))

    @property
    def reach(self) -> Floats:
        """What must have flowed here with those EVSEs that are lost by now, until others were lost."""
        return np.where(np.isinf(self.with_lost), self.base, self.with_lost)

    def without(self, surely: Floats, likely: Floats) -> BaseLoadMemory:
        """The same without what belongs to vehicles that are ours again; peaks stay, they only make raises wait."""
        with_lost = self.with_lost - surely
        return self._replace(base=self.base - surely, likely=self.likely - likely, with_lost=with_lost)

    def after(self, base: Floats, likely: Floats, moved: Bools, now: float, hold_s: float) -> BaseLoadMemory:
        """Remember a fresh upper base load, its recent peaks within `hold_s` and its largest rise.

        While the registers stand still the base load does not fall: what vehicles draw more may only not show yet.
        """
        base = np.where(moved, base, np.maximum(base, self.base))
        likely = np.where(moved, likely, np.maximum(likely, self.likely))
        risen = np.where(self.since > NEVER, base - self.base, 0.0)
        links = len(base)
        if hold_s > 0.0:
            parts = np.minimum((now - self.since) * PEAK_PARTS // hold_s, PEAK_PARTS + 1).astype(np.intp)
        else:
            parts = np.full(links, PEAK_PARTS + 1)
        source = _ROWS - parts
        moved_down = self.peaks.ravel().take(np.maximum(source, 0) * links + np.arange(links))
        peaks = np.where(source >= 0, moved_down, -math.inf)
        peaks[0] = np.maximum(peaks[0], base)
        since = np.where(parts > 0, now, self.since)
        step = np.maximum(self.step * STEP_DECAY, risen)
        return BaseLoadMemory(base, likely, peaks, since, step, np.full(links, -math.inf))

    def where(self, which: Bools, other: BaseLoadMemory) -> BaseLoadMemory:
        """`other` at some links, this at the rest."""
        return BaseLoadMemory._make([np.where(which, new, old) for new, old in zip(other, self, strict=True)])


class MeterMemory(NamedTuple):
    """Per meter: whether it was lost and has not been steady again since, and what our EVSEs behind it drew when its
    registers last moved.
    """

    lost: bool = False
    drawn_when_moved_a: float = 0.0
    moved_at: float = NEVER
    frozen_at: float = NEVER


class Form(NamedTuple):
    """On how many phases an EVSE charges, where its station can switch: the number that it is told, and the one that it
    is to be told once nothing flows; when it was switched last, and whether that is still to be accepted. Which number
    would be best now, and since when. How often it was switched in which `session`; and why it is not asked any more,
    since when (UTC).
    """

    phases: int = THREE
    goal: int = THREE
    switched_at: float = NEVER
    settling: bool = False
    wished: int = THREE
    wished_since: float = NEVER
    session: str = ""
    switches: int = 0
    failed: str = ""
    failed_at: datetime | None = None


class BatteryMemory(NamedTuple):
    """Per battery: its last setpoint, W; what flowed into it of late, (at, W), newest first; and what it was asked to
    draw, (until when, W), newest first.
    """

    power_w: float | None = None
    flows: tuple[tuple[float, float], ...] = ()
    asked: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """All of it, aligned with the site's EVSEs, the network's links, the site's meters and its batteries.

    `since` says when each alarm began (monotonic); `wall_offset_s` is the difference of the two clocks at the last
    tick; `renew_since` asks for all profiles sent before that time to be sent again; `mass_loss_at` is when most
    stations vanished at once; `seen` is the last observation, of which rows are reused; `sums`, newest first, is the
    base load of late, (at, per link with what batteries gave and were to draw, per link without batteries).
    """

    setpoints: SetpointMemory
    obedience: tuple[Obedience, ...]
    links: BaseLoadMemory
    lost_at: Floats
    read_at: Floats
    meters: tuple[MeterMemory, ...]
    since: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    wall_offset_s: float | None = None
    stepped_at: float = NEVER
    renew_since: float = NEVER
    mass_loss_at: float = NEVER
    forms: tuple[Form, ...] = ()
    seen: Observation | None = field(default=None, compare=False)
    batteries: tuple[BatteryMemory, ...] = ()
    sums: tuple[tuple[float, tuple[float, ...], tuple[float, ...]], ...] = ()
    shown_at: Floats = field(default_factory=lambda: np.array(NEVER))

    @classmethod
    def blank(cls, site: Site) -> Memory:
        """Nothing remembered."""
        links = len(site.circuits) * LINKS_PER_CIRCUIT
        return cls(
            setpoints=SetpointMemory.blank(len(site.evses)),
            obedience=(Obedience(),) * len(site.evses),
            links=BaseLoadMemory.blank(links),
            lost_at=np.full(len(site.evses), NEVER),
            read_at=np.full(links, NEVER),
            shown_at=np.full(links, NEVER),
            meters=(MeterMemory(),) * len(site.meters),
            forms=(Form(),) * len(site.evses),
        )
