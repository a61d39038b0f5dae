"""How often somebody may ask: nobody logs in here, so whoever floods the pages is told to wait."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

MOST_KNOWN = 5000


@dataclass(slots=True)
class Pace:
    """`burst` at once, and then one every `every_s`, for each address or bay by itself."""

    burst: float
    every_s: float
    _used: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait_s(self, who: str, now_s: float) -> float:
        """0 when it is fine, and counted; else how long to wait."""
        level, at = self._used.pop(who, (0.0, now_s))
        level = max(0.0, level - (now_s - at) / self.every_s)
        fits = level + 1.0 <= self.burst
        self._used[who] = (level + 1.0 if fits else level, now_s)
        while len(self._used) > MOST_KNOWN:
            self._used.popitem(last=False)
        return 0.0 if fits else (level + 1.0 - self.burst) * self.every_s
