"""The shape of `drivers:`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from ems.settings.schema import Section, problem

MAX_TEXT = 300


class LinkKind(StrEnum):
    """What may begin a session: the sticker alone, or only a link that changes every minute, from a display."""

    STICKER = "sticker"
    ROTATING = "rotating"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT or not value.isprintable():
        raise problem("is no line of text", f"write 1 to {MAX_TEXT} printable characters in quotes")
    return value.strip()


_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{2,38}[0-9]", re.ASCII)


def _phone(value: Any) -> str:
    if not isinstance(value, str) or not _PHONE.fullmatch(value.strip()):
        raise problem(f"'{str(value)[:40]}' is not a phone number", 'write it in quotes: "+49 30 1234567"')
    return value.strip()


_ADDRESS = re.compile(r"https?://[^\s\"'<>\\]{3,290}", re.ASCII)


def _url(value: Any) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise problem(f"'{str(value)[:60]}' is not a web address", "write for example https://example.com/terms")
    return value


Line = Annotated[str, PlainValidator(_text)]


class DriverSection(Section):
    """`drivers:`, what the page of drivers says, and who may begin a session there."""

    link: LinkKind = Field(LinkKind.STICKER, description="sticker, or rotating where a display shows the code")
    phone: Annotated[str, PlainValidator(_phone)] | None = Field(
        None, description='who helps drivers, for example "+49 30 1234567"'
    )
    operator: Line | None = Field(None, description="the legal name of who sells the energy, for receipts")
    address: Line | None = Field(None, description="its postal address, for receipts")
    vat_id: Line | None = Field(None, description="its VAT number, for receipts")
    may_hurry: bool = Field(
        True, description="false: drivers cannot ask for their energy as soon as possible, whatever it costs the site"
    )
    terms_url: Annotated[str, PlainValidator(_url)] | None = Field(
        None, description="where the terms stand that who pays agrees to"
    )
