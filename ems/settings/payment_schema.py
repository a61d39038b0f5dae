"""The shape of `payment:`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from ems.settings.schema import Section, problem
from ems.settings.secret_schema import Secret


class PaymentKind(StrEnum):
    """Whoever takes the money of drivers: nobody, a page of our own that only pretends to, or Stripe."""

    NONE = "none"
    SANDBOX = "sandbox"
    STRIPE = "stripe"


_ADDRESS = re.compile(r"https?://[\w.-]+(:\d{1,5})?(/[\w./-]*)?", re.ASCII)


def web_address(value: Any) -> str:
    """An http or https address without a query. Raises PydanticCustomError."""
    if not isinstance(value, str) or len(value) > 200 or not _ADDRESS.fullmatch(value):
        shown = str(value)[:60]
        raise problem(f"'{shown}' is not a web address", "write for example https://charge.example.com")
    return value.rstrip("/")


class PaymentSection(Section):
    """`payment:`, how drivers pay by card."""

    provider: PaymentKind = Field(PaymentKind.NONE, description="none, sandbox or stripe")
    public_url: Annotated[str, PlainValidator(web_address)] | None = Field(
        None, description="where the phones of drivers reach this controller, for example https://charge.example.com"
    )
    key_file: Secret | None = Field(None, description="a file with the secret key of the provider")
    notice_secret_file: Secret | None = Field(
        None, description="a file with the secret that signs the provider's notices"
    )
