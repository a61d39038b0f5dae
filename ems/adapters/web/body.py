"""What every body of a request has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

MAX_LIST = 400_000
"""Characters of a list that is sent whole, as of pull-outs or of tags."""


class Body(BaseModel):
    """A key that nobody knows is a mistake, and is said."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_max_length=200)
