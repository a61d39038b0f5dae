"""What one tick must remember for the next; a value that goes in and comes out of `decide`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ems.control.network import LINKS_PER_CIRCUIT, Floats
from ems.control.observation import Observation
from ems.domain.phase_switch import THREE
from ems.domain.site import Site
from ems.domain.state import NEVER


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
    """Per link: the last upper base load from a fresh meter; its highest values of late, each of a part of the time for
    which room must have been there, newest first, the newest part begun at `since`; the largest rise seen between two
    readings; and the highest since an EVSE was lost that had just drawn.
    """

    base: float = 0.0
    likely: float = 0.0
    peaks: tuple[float, ...] = ()
    since: float = NEVER
    step: float = 0.0
    with_lost: float = -math.inf

    @property
    def reach(self) -> float:
        """What must have flowed here with those EVSEs that are lost by now, until others were lost."""
        return self.base if math.isinf(self.with_lost) else self.with_lost

    def without(self, surely: float, likely: float) -> BaseLoadMemory:
        """The same without what belongs to a vehicle that is ours again; peaks stay, they only make raises wait."""
        with_lost = self.with_lost - surely
        return self._replace(base=self.base - surely, likely=self.likely - likely, with_lost=with_lost)

    @property
    def peak(self) -> float:
        """The highest upper base load of late; infinitely low before the first."""
        return max(self.peaks, default=-math.inf)


class MeterMemory(NamedTuple):
    """Per meter: whether it was lost and has not been steady again since, and what our EVSEs behind it drew when its
    registers last moved.
    """

    lost: bool = False
    drawn_when_moved_a: float = 0.0
    moved_at: float = NEVER
    frozen_at: float = NEVER


class Form(NamedTuple):
    """On how many phases an EVSE charges, where its station can switch: the number that it is told, the one that it is to
    be told once nothing flows, and since when that has been so; whether the new number is still to be accepted. Which
    number would be best now, and since when. The `session` in which it was switched so often; and why it is not asked
    any more, since when (UTC).
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
    links: tuple[BaseLoadMemory, ...]
    meters: tuple[MeterMemory, ...]
    since: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    wall_offset_s: float | None = None
    stepped_at: float = NEVER
    renew_since: float = NEVER
    mass_loss_at: float = NEVER
    lost_at: tuple[float, ...] = ()
    read_at: tuple[float, ...] = ()
    forms: tuple[Form, ...] = ()
    seen: Observation | None = field(default=None, compare=False)
    batteries: tuple[BatteryMemory, ...] = ()
    sums: tuple[tuple[float, tuple[float, ...], tuple[float, ...]], ...] = ()

    @classmethod
    def blank(cls, site: Site) -> Memory:
        """Nothing remembered."""
        return cls(
            setpoints=SetpointMemory.blank(len(site.evses)),
            obedience=(Obedience(),) * len(site.evses),
            links=(BaseLoadMemory(),) * (len(site.circuits) * LINKS_PER_CIRCUIT),
            meters=(MeterMemory(),) * len(site.meters),
            lost_at=(NEVER,) * len(site.evses),
            read_at=(NEVER,) * len(site.circuits),
            forms=(Form(),) * len(site.evses),
        )
