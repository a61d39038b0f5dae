"""The shape of `access:`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator

from ems.domain.access.book import CLAIM, AccessMode
from ems.domain.access.tag import MAX_TAG, plain_tag
from ems.settings.schema import Section, problem


def _tag(value: Any) -> str:
    try:
        return plain_tag(value if isinstance(value, str) else "")
    except ValueError:
        shown = str(value)[:40]
        raise problem(f"'{shown}' is not a tag", f"write 1 to {MAX_TAG} printable characters in quotes") from None


class AccessSection(Section):
    """`access:`, who may charge."""

    mode: AccessMode = Field(AccessMode.FREE, description="free for everybody, or tags for known tags only")
    free_tag: Annotated[str, PlainValidator(_tag)] | None = Field(
        None, description="with which the controller starts sessions at free EVSEs whose stations wait for a card"
    )
    local_lists: bool = Field(True, description="false: stations are not told which tags are good while offline")
    claim_min: Annotated[float, Field(ge=1, le=240)] = Field(
        CLAIM.total_seconds() / 60, description="minutes for which an EVSE is kept for whose turn it is"
    )
