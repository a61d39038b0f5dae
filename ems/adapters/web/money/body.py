"""What can be told of money. Amounts are text or a number with a point, in the currency of the site, exact to its minor
unit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field

from ems.adapters.web.body import Body

Money = Annotated[Decimal, Field(max_digits=12, examples=["20.00"])]


class RefundBody(Body):
    """What goes back; without an amount all that is left."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "5.00", "reason": "The cable did not fit"}]})

    amount: Money | None = None
    reason: str = Field(min_length=1, max_length=200)


class OpenBody(Body):
    """Whether sessions can begin with the account."""

    open: bool = True


class BookingBody(Body):
    """An amount that comes in, or goes out when it is negative, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "50.00", "note": "Cash at the gate"}]})

    amount: Money
    note: str = Field(min_length=1, max_length=200)


class TopUpBody(Body):
    """An amount to be paid by card; `back` is the path on this site that the provider's page leads back to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "50.00", "back": "/prepaid/ada"}]})

    amount: Money
    back: str = Field(default="/", examples=["/prepaid/ada"])

    def path(self) -> str:
        """Where to come back to; nothing but a path here. Raises ValueError."""
        split = urlsplit(self.back)
        is_path = self.back.startswith("/") and not self.back.startswith("//") and "\\" not in self.back
        if split.scheme or split.netloc or not is_path or not self.back.isprintable():
            raise ValueError("back must be a path on this site, as /prepaid/ada")
        return self.back


class BillingBody(Body):
    """Who pays for a group of tags, as it stands on the bill."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Ada Ltd", "address": "1 Yard\nLondon", "reference": "PO 4711"}]}
    )

    title: str = Field(default="", max_length=100)
    address: Annotated[str, Field(max_length=500, examples=["1 Yard\nLondon"])] = ""
    reference: str = Field(default="", max_length=100)


class CorrectionBody(Body):
    """So much more is to be paid (less, when negative), tax of `vat_percent` included, and what it is for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount": "-4.20", "vat_percent": "19", "note": "Meter was wrong on the 3rd"}]}
    )

    amount: Money
    vat_percent: Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)] = Decimal(0)
    note: str = Field(min_length=1, max_length=150)
