"""What has been imported in the windows that run, so that a plan made within one keeps to the mean of all of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from ems.domain.energy.demand_charge import METERED_S
from ems.domain.instant import Instant
from ems.domain.state import SiteState

GAP_S = 60.0
"""A reading holds for so long at most; of what lies beyond nothing is known."""


class Begun(NamedTuple):
    """Of a window: the `wh` that were imported in the `known_s` seconds of it that are past and were measured."""

    known_s: float = 0.0
    wh: float = 0.0


NOTHING_BEGUN = Begun()


@dataclass(frozen=True, slots=True)
class Imports:
    """Up to `at_s` (seconds since 1970 UTC) by length of window, as `METERED_S` names them; `import_w` flows since."""

    at_s: float = -math.inf
    import_w: float | None = None
    begun: tuple[Begun, ...] = (NOTHING_BEGUN,) * len(METERED_S)

    def later(self, at_s: float, import_w: float | None) -> Imports:
        """The same at a later moment, from which on so much is imported; None where nobody knows."""
        passed_s = at_s - self.at_s
        if self.import_w is None or not 0.0 <= passed_s <= GAP_S:
            passed_s = 0.0
        pairs = zip(METERED_S, self.begun, strict=True)
        return Imports(at_s, import_w, tuple(self._since(at_s, length, held, passed_s) for length, held in pairs))

    def _since(self, at_s: float, length_s: int, held: Begun, passed_s: float) -> Begun:
        """A window at `at_s`: what of the time that passed lies in it, after what it held if it has not just begun."""
        begins_s = math.floor(at_s / length_s) * length_s
        inside_s, flowed_w = min(passed_s, at_s - begins_s), max(0.0, self.import_w or 0.0)
        known_s, wh = held if self.at_s >= begins_s else NOTHING_BEGUN
        return Begun(known_s + inside_s, wh + flowed_w * inside_s / 3600.0)

    def of(self, interval_s: int) -> Begun:
        """What is known of the running window of a demand charge."""
        return self.begun[METERED_S.index(interval_s)]


NOTHING_IMPORTED = Imports()


def import_w(state: SiteState, now: Instant) -> float | None:
    """What the grid connection imports by its meter, negative when it feeds in; None where none was read lately."""
    meter = state.site.circuits.root.meter
    index = None if meter is None else state.site.meter_index(meter)
    reading = None if index is None else state.meters[index].reading
    if reading is None or now.monotonic_s - reading.at > state.site.policy.cautious_s:
        return None
    return sum(reading.amps) * state.site.voltage_v if reading.power_w is None else reading.power_w
