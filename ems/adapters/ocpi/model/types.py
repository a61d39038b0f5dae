"""The types that all modules share (OCPI 2.2.1, section 16)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints


class Thing(BaseModel):
    """What all objects share. Unknown fields are ignored, as later versions and custom modules have some; what is None
    is not sent.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    def told(self) -> dict[str, Any]:
        """As JSON wants it, without what is empty."""
        return self.model_dump(mode="json", exclude_none=True)


def _moment(value: object) -> object:
    """RFC 3339; without a zone it is UTC (section 16.2)."""
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if not isinstance(value, str) or len(value) > 35 or not _MOMENT.match(value):
        raise ValueError("a DateTime is written as 2026-01-31T23:59:59Z")
    found = datetime.fromisoformat(value)
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise ValueError("no such time can be meant") from None


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def moment_text(at: datetime) -> str:
    """A moment as OCPI writes it."""
    utc = at.astimezone(UTC)
    thousandths = utc.microsecond // 1000
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + (f".{thousandths:03d}Z" if thousandths else "Z")


def _plain(value: object) -> object:
    if isinstance(value, str) and any(not 32 <= ord(c) < 127 for c in value):
        raise ValueError("a CiString holds printable ASCII only")
    return value


def _number(value: object) -> object:
    """A number with at most four decimal places is meant (section 16.4); bool is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("a number is written without quotes")  # noqa: TRY004 pydantic turns it into a finding
    return Decimal(str(value))


def _as_number(value: Decimal) -> float | int:
    return int(value) if value == value.to_integral_value() else float(value)


DateTime = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(moment_text, when_used="json")]
Number = Annotated[Decimal, BeforeValidator(_number), PlainSerializer(_as_number, when_used="json")]
Text = Annotated[str, StringConstraints(max_length=255)]
Url = Annotated[str, StringConstraints(max_length=255, pattern=r"^https?://[^\s]+$")]
_ASCII = BeforeValidator(_plain)
Country = Annotated[str, _ASCII, StringConstraints(min_length=2, max_length=2)]
Party = Annotated[str, _ASCII, StringConstraints(min_length=1, max_length=3)]
Id = Annotated[str, _ASCII, StringConstraints(min_length=1, max_length=36)]
LongId = Annotated[str, _ASCII, StringConstraints(min_length=1, max_length=39)]
Currency = Annotated[str, StringConstraints(min_length=3, max_length=3)]


class DisplayText(Thing):
    """A text in a language."""

    language: Annotated[str, StringConstraints(min_length=2, max_length=2)]
    text: Annotated[str, StringConstraints(max_length=512)]


class Price(Thing):
    """An amount without tax and, where tax is known, with it."""

    excl_vat: Number
    incl_vat: Number | None = None


class Image(Thing):
    """A picture, for example a logo."""

    url: Url
    thumbnail: Url | None = None
    category: str
    type: Annotated[str, StringConstraints(max_length=4)]
    width: Annotated[int, Field(ge=0, le=99999)] | None = None
    height: Annotated[int, Field(ge=0, le=99999)] | None = None


class BusinessDetails(Thing):
    """Who somebody is."""

    name: Annotated[str, StringConstraints(max_length=100)]
    website: Url | None = None
    logo: Image | None = None
