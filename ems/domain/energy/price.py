"""The price of a kilowatt-hour: parts that add up, each fixed, by time of use, or following a series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.domain.energy.price_series import PricePiece, PriceSeries
from ems.domain.local_clock import local, turns_s
from ems.domain.recurrence import ALWAYS, Holidays, Recurrence
from ems.domain.units import finite
from ems.domain.validity import FOR_EVER, Assumption, Validity, validity_gaps, versions_over


@dataclass(frozen=True, slots=True)
class TimedPrice:
    """A price per kWh and when it holds."""

    per_kwh: float
    times: Recurrence = ALWAYS

    def __post_init__(self) -> None:
        finite("per_kwh", self.per_kwh)


@dataclass(frozen=True, slots=True)
class EnergyPrice:
    """One version of one part of the energy price.

    Its price is that of the first of `prices` that holds, 0 where `prices` is empty; with a `series` the price of that
    series times `factor` is added, so that `prices` are the markup. `if_missing_per_kwh` stands in for the series where
    neither it nor its last seven days are known.
    """

    name: str
    prices: tuple[TimedPrice, ...] = ()
    series: str | None = None
    factor: float = 1.0
    if_missing_per_kwh: float | None = None
    validity: Validity = FOR_EVER

    def __post_init__(self) -> None:
        finite("factor", self.factor)
        if self.if_missing_per_kwh is not None:
            finite("if_missing_per_kwh", self.if_missing_per_kwh)
        if not self.prices and self.series is None:
            raise ValueError(f"the price '{self.name}' states neither prices nor a series")

    def clock_pieces(self, begin_s: int, end_s: int, zone: ZoneInfo, holidays: Holidays) -> Iterator[PricePiece]:
        """What `prices` say from `begin_s` until `end_s`; where none of them holds 0, with what was assumed."""
        if not self.prices:
            yield PricePiece(begin_s, end_s, 0.0)
            return
        if self.prices[0].times == ALWAYS:
            yield PricePiece(begin_s, end_s, self.prices[0].per_kwh)
            return
        clock_times = [at for price in self.prices for at in price.times.clock_times()]
        for since_s, until_s in pairwise(turns_s(begin_s, end_s, zone, clock_times)):
            wall = local(since_s, zone)
            holding = next((price.per_kwh for price in self.prices if price.times.holds(wall, holidays)), None)
            yield PricePiece(since_s, until_s, holding or 0.0, "0 per kWh" if holding is None else None)


class Course(NamedTuple):
    """The price of one part over some time: pieces that add up, each list without gaps, and what was assumed."""

    name: str
    layers: tuple[tuple[PricePiece, ...], ...]
    assumptions: tuple[Assumption, ...]


def course_of(
    versions: Sequence[EnergyPrice],
    span_s: tuple[int, int],
    zone: ZoneInfo,
    holidays: Holidays,
    series: Mapping[str, PriceSeries],
) -> Course:
    """The course of a part over `span_s` (begin and end, seconds since 1970 UTC). `versions` are those of one name."""
    name = versions[0].name
    clock: list[PricePiece] = []
    followed: list[PricePiece] = []
    assumptions = [*validity_gaps(versions, span_s, zone)]
    for begin_s, end_s, version, _ in versions_over(versions, span_s, zone):
        own = list(version.clock_pieces(begin_s, end_s, zone, holidays))
        clock += own
        assumptions += _assumptions(own, f"'{name}' states no price", zone)
        if version.series is not None:
            known = series.get(version.series, PriceSeries())
            found = list(known.pieces(begin_s, end_s, zone, version.if_missing_per_kwh))
            assumptions += _assumptions(found, f"no price of the series '{version.series}'", zone)
            followed += [piece._replace(per_kwh=piece.per_kwh * version.factor) for piece in found]
        else:
            followed.append(PricePiece(begin_s, end_s, 0.0))
    layers = (tuple(clock), tuple(followed)) if any(v.series for v in versions) else (tuple(clock),)
    return Course(name, layers, tuple(assumptions))


def means(course: Course, edges_s: Sequence[int]) -> tuple[float, ...]:
    """The time-weighted mean of a course in each interval between neighbouring edges, which lie within it."""
    layers = [_layer_means(pieces, edges_s) for pieces in course.layers]
    return tuple(sum(of_layers) for of_layers in zip(*layers, strict=True))


def _layer_means(pieces: Sequence[PricePiece], edges_s: Sequence[int]) -> Iterator[float]:
    at = 0
    for begin_s, end_s in pairwise(edges_s):
        while pieces[at].end_s <= begin_s:
            at += 1
        if end_s <= pieces[at].end_s:
            yield pieces[at].per_kwh
            continue
        total, i = 0.0, at
        while i < len(pieces) and pieces[i].begin_s < end_s:
            piece = pieces[i]
            total += piece.per_kwh * (min(piece.end_s, end_s) - max(piece.begin_s, begin_s))
            i += 1
        yield total / (end_s - begin_s)


def _assumptions(pieces: Iterable[PricePiece], what: str, zone: ZoneInfo) -> Iterator[Assumption]:
    """What was assumed, neighbouring pieces together: '`what` from … to …: … is assumed', in local time."""
    run: PricePiece | None = None
    for piece in pieces:
        if run is not None and (run.end_s, run.assumed) == (piece.begin_s, piece.assumed):
            run = run._replace(end_s=piece.end_s)
            continue
        if run is not None and run.assumed is not None:
            yield Assumption.over(run[:2], zone, what, run.assumed)
        run = piece
    if run is not None and run.assumed is not None:
        yield Assumption.over(run[:2], zone, what, run.assumed)
