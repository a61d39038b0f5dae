"""The shape of what the interface answers about payments; amounts as in `price_shape`."""

from __future__ import annotations

from typing_extensions import TypedDict

from ems.adapters.web.prices.shape import PriceListRow


class PaymentRow(TypedDict):
    """A payment; who knows its id may see and stop it. `redirect` is the page to pay on, null when there is nothing to
    pay (any more); `amount` what was taken, null while that is open; `why` in words how it ended.
    """

    id: str
    evse: str
    state: str
    is_over: bool
    hold: str
    currency: str
    cap_kwh: str | None
    price_list: PriceListRow
    redirect: str | None
    expires: str
    session: str | None
    amount: str | None
    why: str
