"""The shape of `batteries:`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ems.domain.battery import Otherwise
from ems.settings.schema import Name, PhaseNames, Positive, Section

Percent = Annotated[float, Field(ge=0, le=100)]


class BatterySection(Section):
    """One entry of `batteries:`."""

    circuit: Name = Field(description="the circuit that feeds it")
    meter: Name | None = Field(None, description="the id of the meter that is the battery itself, role battery")
    phases: PhaseNames | None = Field(None, description="the phases it is connected to, when not all of its circuit")
    capacity_kwh: Positive = Field(description="the energy that it holds, kilowatt-hours")
    charge_max_kw: Positive = Field(description="the most that it may draw, kilowatt")
    discharge_max_kw: Positive = Field(description="the most that it may give, kilowatt")
    round_trip_efficiency: Annotated[float, Field(ge=0.5, le=1)] = Field(
        0.9, description="the share of what it drew that it gives back, for example 0.9"
    )
    soc_min_percent: Percent = Field(0.0, description="the state of charge below which it is not discharged")
    soc_max_percent: Percent = Field(100.0, description="the state of charge above which it is not charged")
    reserve_percent: Percent = Field(0.0, description="the state of charge that is kept for others, as for an outage")
    wear_per_kwh: Annotated[float, Field(ge=0)] = Field(
        0.0, description="what a kilowatt-hour through it wears, in the currency of the site"
    )
    export_max_kw: Annotated[float, Field(ge=0)] = Field(
        0.0, description="the most that may flow into the grid because of it, kilowatt"
    )
    steered: bool | None = Field(None, description="false: it is never told anything; true: its model must allow it")
    otherwise: Otherwise = Field(
        Otherwise.OWN, description="own, rest or self-consumption, while no plan says anything"
    )
