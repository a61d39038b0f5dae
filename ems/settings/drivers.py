"""What the page of drivers says, checked against the rest of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ems.settings.draft import Draft
from ems.settings.driver_schema import LinkKind
from ems.settings.finding import Finding
from ems.settings.payment_schema import PaymentKind


@dataclass(frozen=True, slots=True)
class DriverSettings:
    """`is_rotating`: a sticker alone begins nothing; `may_hurry`: drivers may ask for their energy as soon as possible.
    Empty texts where the file says nothing.
    """

    is_rotating: bool = False
    phone: str = ""
    operator: str = ""
    address: str = ""
    vat_id: str = ""
    terms_url: str = ""
    may_hurry: bool = True


def drivers_of(draft: Draft) -> DriverSettings:
    """What the section says."""
    section = draft.shape.drivers
    return DriverSettings(
        section.link is LinkKind.ROTATING,
        section.phone or "",
        section.operator or "",
        section.address or "",
        section.vat_id or "",
        section.terms_url or "",
        section.may_hurry,
    )


def reach(draft: Draft) -> Iterator[Finding]:
    """An address on stickers under which the page would not answer; receipts that do not say who sells."""
    paying, shown = draft.shape.payment, draft.shape.drivers
    host = urlsplit(paying.public_url or "").hostname
    names = {*draft.shape.web.names, draft.shape.web.host, "localhost", "127.0.0.1", "::1"}
    if host is not None and host not in {name.lower().strip("[]") for name in names}:
        message = f"phones that ask for '{host}' are refused: the page is not served under that name"
        yield draft.document.warning(
            ("payment", "public_url"), message, f"write it among the names of the page: web: {{names: [{host}]}}"
        )
    if paying.provider is PaymentKind.STRIPE and shown.operator is None:
        message = "receipts do not say who sells the energy"
        remedy = 'write drivers: {operator: "Parkhaus Nord GmbH", address: "…", vat_id: "…"}'
        yield draft.document.warning(("payment",), message, remedy)
