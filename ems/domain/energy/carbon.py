"""Carbon intensity of the grid: gram of CO2 that a kWh from it stands for, as a series or as one factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ems.domain.energy.price_series import PriceSeries

GRAM = "CO2"
"""What stands where prices have a currency: the values of such a series are g/kWh."""

MOST_G_PER_KWH = 3_000.0
"""More than any grid has; burning lignite alone is a third of it."""


class Known(NamedTuple):
    """What a kWh from the grid stands for over a time, g, and for which share of that time the series says so."""

    g_per_kwh: float
    share: float


@dataclass(frozen=True, slots=True)
class Carbon:
    """`series` in g/kWh; where it says nothing `otherwise` counts, and without that the mean of what it says.
    `pv_g_per_kwh`: what a kWh from PV stands for. `is_followed`: there should be a series.
    """

    series: PriceSeries = PriceSeries()  # noqa: RUF009 it is frozen
    otherwise: float | None = None
    pv_g_per_kwh: float = 0.0
    is_followed: bool = False

    @property
    def is_known(self) -> bool:
        """Whether anything can be said of CO2."""
        return self.otherwise is not None or bool(self.series.points)

    def over(self, begin_s: int, step_s: int, count: int) -> tuple[Known, ...]:
        """Each of `count` steps from `begin_s` on."""
        points, i, missing = self.series.points, 0, self._missing
        found = []
        for starts_s in range(begin_s, begin_s + count * step_s, step_s):
            ends_s, grams, known_s = starts_s + step_s, 0.0, 0
            while i < len(points) and points[i].end_s <= starts_s:
                i += 1
            k = i
            while k < len(points) and points[k].begin_s < ends_s:
                within_s = min(ends_s, points[k].end_s) - max(starts_s, points[k].begin_s)
                grams, known_s, k = grams + within_s * points[k].per_kwh, known_s + within_s, k + 1
            grams += (step_s - known_s) * missing
            found.append(Known(grams / step_s, known_s / step_s))
        return tuple(found)

    @property
    def missing(self) -> str:
        """What counts where the series says nothing, in words."""
        return f"{self._missing:g} g" + ("" if self.otherwise is not None else ", the mean of those that are known,")

    @property
    def _missing(self) -> float:
        if self.otherwise is not None:
            return self.otherwise
        length_s = sum(point.end_s - point.begin_s for point in self.series.points)
        weighed = sum(point.per_kwh * (point.end_s - point.begin_s) for point in self.series.points)
        return weighed / length_s if length_s else 0.0


def odd_grams(series: PriceSeries) -> str:
    """Why nobody can mean these intensities; empty when one can."""
    odd = next((one.per_kwh for one in series.points if not 0.0 <= one.per_kwh <= MOST_G_PER_KWH), None)
    return "" if odd is None else f"{odd:g} g/kWh is hardly meant: an intensity lies between 0 and {MOST_G_PER_KWH:g}"
