"""From when until when something agreed holds, and what is assumed before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeVar
from zoneinfo import ZoneInfo

from ems.domain.local_clock import ONE_DAY, day_begin_s, local


@dataclass(frozen=True, slots=True)
class Validity:
    """Local days, the first and the last included; None is open-ended."""

    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError(f"a validity ends on {self.last} before it begins on {self.first}")

    def holds(self, day: date) -> bool:
        """Whether it is in force on `day`."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def overlaps(self, other: Validity) -> bool:
        """Whether both are in force on some day."""
        return not (
            (self.last is not None and other.first is not None and self.last < other.first)
            or (other.last is not None and self.first is not None and other.last < self.first)
        )


FOR_EVER = Validity()


class Assumption(NamedTuple):
    """What was assumed from `begin` until `end` (UTC), in words."""

    begin: datetime
    end: datetime
    text: str

    @classmethod
    def over(cls, span_s: tuple[int, int], zone: ZoneInfo, what: str, assumed: str) -> Assumption:
        """'`what` from 2026-01-01 00:00 to …: `assumed` is assumed', in local time."""
        begin, end = (local(at_s, zone) for at_s in span_s)
        text = f"{what} from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}: {assumed} is assumed"
        return cls(begin.astimezone(UTC), end.astimezone(UTC), text)


class Agreed(Protocol):
    """Whatever has a name and a validity."""

    @property
    def name(self) -> str:
        """What the bill calls it."""
        ...

    @property
    def validity(self) -> Validity:
        """When it is in force."""
        ...


Version = TypeVar("Version", bound=Agreed)


def in_force(versions: Sequence[Version], day: date) -> tuple[Version, str | None]:
    """The version that holds on `day`; where none does the one that did last, else the one that will first, with what
    is assumed in words. `versions` is not empty; of several that hold the first counts.
    """
    for version in versions:
        if version.validity.holds(day):
            return version, None
    over = [version for version in versions if version.validity.last is not None and version.validity.last < day]
    if over:
        newest = max(over, key=lambda version: version.validity.last or date.min)
        return newest, f"the one valid until {newest.validity.last}"
    first = min(versions, key=lambda version: version.validity.first or date.min)
    return first, f"the one valid from {first.validity.first}"


def versions_over(
    versions: Sequence[Version], span_s: tuple[int, int], zone: ZoneInfo
) -> Iterator[tuple[int, int, Version, str | None]]:
    """Begin, end, version and assumption of each stretch of a span in which one version counts."""
    validities = [version.validity for version in versions]
    days = {v.first for v in validities if v.first is not None}
    days |= {v.last + ONE_DAY for v in validities if v.last is not None}
    inside = {at_s for day in days if span_s[0] < (at_s := day_begin_s(day, zone)) < span_s[1]}
    for begin_s, end_s in pairwise(sorted({*span_s, *inside})):
        yield begin_s, end_s, *in_force(versions, local(begin_s, zone).date())


def validity_gaps(versions: Sequence[Version], span_s: tuple[int, int], zone: ZoneInfo) -> Iterator[Assumption]:
    """What is assumed where none of the versions of one name is in force."""
    for begin_s, end_s, version, assumed in versions_over(versions, span_s, zone):
        if assumed is not None:
            yield Assumption.over((begin_s, end_s), zone, f"no price '{version.name}' is valid", assumed)
