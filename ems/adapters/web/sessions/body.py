"""What people say about sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from ems.adapters.web.sessions.asked import moment
from ems.domain.record.correction import Value, Wanted


class CorrectionBody(BaseModel):
    """What is to be corrected, and why; what is not named stays. A receipt that was made is not changed by it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, Field(max_length=500)]
    energy_kwh: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None
    vehicle: Annotated[str, Field(max_length=64)] | None = None
    person: Annotated[str, Field(max_length=64)] | None = None
    cost_centre: Annotated[str, Field(max_length=100)] | None = None
    void: bool | None = None

    def wanted(self) -> Wanted:
        """As the domain says it; an empty vehicle or person is nobody. Raises ValueError."""
        told = self.model_fields_set
        values: dict[str, Value] = {}
        if self.energy_kwh is not None:
            values["energy_wh"] = round(1000.0 * self.energy_kwh, 1)
        for name in ("vehicle", "person"):
            if name in told:
                values[name] = getattr(self, name) or None
        if "cost_centre" in told:
            values["cost_centre"] = self.cost_centre or ""
        if self.void is not None:
            values["is_void"] = self.void
        return Wanted(self.reason, values)


class KeyBody(BaseModel):
    """The public key of a meter, as it is printed on it or as its station sent it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: Annotated[str, Field(max_length=2000)]


class ErasureBody(BaseModel):
    """Whose sessions forget who charged: of a person, or of a tag, that began before a day."""

    model_config = ConfigDict(extra="forbid", strict=True)

    person: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    tag: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    before: Annotated[str, Field(max_length=40)]

    def moment(self, zone: ZoneInfo) -> datetime:
        """Until when. Raises ValueError."""
        if (self.person is None) is (self.tag is None):
            raise ValueError("name a person or a tag")
        return moment("before", self.before, zone)
