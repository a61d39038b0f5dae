"""A charging profile of OCPP 1.6 (sections 7.8, 7.13 and 7.14) as data, and what it says at a moment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple


class Purpose(StrEnum):
    """ChargingProfilePurposeType, section 7.9."""

    STATION_MAX = "ChargePointMaxProfile"
    TX_DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"


class Kind(StrEnum):
    """ChargingProfileKindType, section 7.10."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


class Unit(StrEnum):
    """ChargingRateUnitType, section 7.12: A per phase, W in all."""

    AMPERE = "A"
    WATT = "W"


RECURRENCE = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}


class Period(NamedTuple):
    """From `start_s` after the schedule's begin on: `limit` in the schedule's unit."""

    start_s: int
    limit: float
    phases: int | None = None


class Origins(NamedTuple):
    """The moments from which a profile without a start of its own may count."""

    received: datetime
    began: datetime | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as the station stores it. `duration_s` None: the last period is held for ever."""

    id: int
    level: int
    purpose: Purpose
    kind: Kind
    unit: Unit
    periods: tuple[Period, ...]
    start: datetime | None = None
    duration_s: float | None = None
    transaction: int | None = None
    recurrence: timedelta | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    def __post_init__(self) -> None:
        if not self.periods:
            raise ValueError("chargingSchedulePeriod is empty")
        if any(a.start_s >= b.start_s for a, b in pairwise(self.periods)) or self.periods[0].start_s < 0:
            raise ValueError("startPeriod must rise")
        if any(not math.isfinite(p.limit) or p.limit < 0 for p in self.periods):
            raise ValueError("limit must not be negative")
        if any(abs(p.limit - round(p.limit, 1)) > 1e-6 for p in self.periods):
            raise ValueError("limit has more than one decimal")
        if self.level < 0 or (self.duration_s is not None and self.duration_s < 0):
            raise ValueError("stackLevel and duration must not be negative")
        if self.kind is Kind.RECURRING and (self.recurrence is None or self.start is None):
            raise ValueError("Recurring needs recurrencyKind and startSchedule")

    @classmethod
    def parse(cls, payload: Mapping[str, object]) -> Profile:
        """Read `csChargingProfiles` of a message. Raises ValueError that names what is missing or wrong."""
        try:
            return _parsed(payload)
        except KeyError as missing:
            raise ValueError(f"{missing.args[0]} is missing") from None
        except (TypeError, AttributeError) as wrong:
            raise ValueError(f"wrong type: {wrong}") from None

    def begin(self, at: datetime, origins: Origins) -> datetime:
        """From when the schedule that may be running at `at` counts; in the future if it has not begun.

        An Absolute schedule without start counts like a Relative one, from the start of charging (section 7.13).
        """
        if self.kind is Kind.RECURRING:
            assert self.start is not None
            assert self.recurrence is not None
            return self.start + max(0, (at - self.start) // self.recurrence) * self.recurrence
        if self.kind is Kind.ABSOLUTE and self.start is not None:
            return self.start
        return origins.received if origins.began is None else origins.began

    def period_at(self, at: datetime, origins: Origins) -> Period | None:
        """The period in force at `at`; None when the profile says nothing then (section 3.13.2: it is not valid)."""
        if (self.valid_from is not None and at < self.valid_from) or (
            self.valid_to is not None and at >= self.valid_to
        ):
            return None
        elapsed = (at - self.begin(at, origins)).total_seconds()
        if elapsed < 0 or (self.duration_s is not None and elapsed >= self.duration_s):
            return None
        running = [period for period in self.periods if period.start_s <= elapsed]
        return running[-1] if running else None

    def changes(self, since: datetime, until: datetime, origins: Origins) -> Iterator[datetime]:
        """Every moment after `since` and before `until` at which what it says may change."""
        begins = [self.begin(since, origins)]
        if self.recurrence is not None and self.kind is Kind.RECURRING:
            while begins[-1] + self.recurrence < until:
                begins.append(begins[-1] + self.recurrence)
        offsets = [
            0.0,
            *(float(p.start_s) for p in self.periods),
            *([] if self.duration_s is None else [self.duration_s]),
        ]
        moments = {b + timedelta(seconds=s) for b in begins for s in offsets}
        moments |= {moment for moment in (self.valid_from, self.valid_to) if moment is not None}
        yield from sorted(moment for moment in moments if since < moment < until)


def _parsed(payload: Mapping[str, object]) -> Profile:
    schedule = payload["chargingSchedule"]
    if not isinstance(schedule, Mapping):
        raise TypeError("chargingSchedule is not an object")
    periods = schedule["chargingSchedulePeriod"]
    if not isinstance(periods, list):
        raise TypeError("chargingSchedulePeriod is not a list")
    kind = Kind(_text(payload, "chargingProfileKind"))
    recurrence = payload.get("recurrencyKind")
    if recurrence is not None and recurrence not in RECURRENCE:
        raise ValueError(f"recurrencyKind {recurrence!r} is neither Daily nor Weekly")
    return Profile(
        id=_whole(payload, "chargingProfileId"),
        level=_whole(payload, "stackLevel"),
        purpose=Purpose(_text(payload, "chargingProfilePurpose")),
        kind=kind,
        unit=Unit(_text(schedule, "chargingRateUnit")),
        periods=tuple(
            Period(
                _whole(p, "startPeriod"),
                _number(p, "limit"),
                None if "numberPhases" not in p else _whole(p, "numberPhases"),
            )
            for p in periods
        ),
        start=_time(schedule, "startSchedule"),
        duration_s=None if "duration" not in schedule else float(_whole(schedule, "duration")),
        transaction=None if "transactionId" not in payload else _whole(payload, "transactionId"),
        recurrence=RECURRENCE[recurrence] if isinstance(recurrence, str) else None,
        valid_from=_time(payload, "validFrom"),
        valid_to=_time(payload, "validTo"),
    )


def _whole(source: Mapping[str, object], key: str) -> int:
    value = source[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{key} is not an integer")
    return value


def _number(source: Mapping[str, object], key: str) -> float:
    value = source[key]
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{key} is not a number")
    return float(value)


def _text(source: Mapping[str, object], key: str) -> str:
    value = source[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is not a string")
    return value


def _time(source: Mapping[str, object], key: str) -> datetime | None:
    if key not in source:
        return None
    moment = datetime.fromisoformat(_text(source, key))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
