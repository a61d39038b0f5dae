"""The shape of `classes:` and `calendar:`."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from ems.domain.vehicle import MAX_BATTERY_WH
from ems.settings.schema import Name, Section, problem
from ems.settings.tariff_schema import Holiday

MOST_KWH = MAX_BATTERY_WH / 1000.0


def time_of_day(value: Any) -> time:
    """A local time as 05:10. Raises PydanticCustomError."""
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if match is None:
        raise problem(f"'{str(value)[:20]}' is not a time of day", 'write for example "05:10"')
    return time(int(match[1]), int(match[2]))


class ClassSection(Section):
    """One entry of `classes:`; its key is the number that EVSEs and stations name as their priority."""

    name: Name | None = Field(None, description="what people call the class, for example buses")
    guarantee_kwh: Annotated[float, Field(ge=0, le=MOST_KWH)] = Field(
        0.0, description="the energy that each vehicle of it is promised in each session, kWh"
    )
    by: Annotated[time, PlainValidator(time_of_day)] | None = Field(
        None, description='until when, for example "05:10"; by the departure unless stated'
    )
    minimum_always: bool = Field(False, description="true: never below the minimum current, 6 A for most")


class CalendarSection(Section):
    """`calendar:`"""

    holidays: tuple[Holiday, ...] = Field(description="the public holidays: [2026-04-03, 12-25]")
