"""What every body of a request has in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

MAX_LIST = 400_000
"""Characters of a list that is sent whole, as of pull-outs or of tags."""


def _written(told: Any) -> Any:
    if not isinstance(told, datetime) and (not isinstance(told, str) or "-" not in told[1:]):
        raise ValueError("write a moment with its offset, for example 2026-03-10T05:10:00+01:00")
    return told


Moment = Annotated[AwareDatetime, BeforeValidator(_written)]
"""A date and time with its offset (RFC 3339), as the document says; no number of seconds since whenever."""


class Body(BaseModel):
    """A key that nobody knows is a mistake, and is said."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_max_length=200)
