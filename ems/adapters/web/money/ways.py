"""Everything about money that operators look after: the interface and the pages."""

from __future__ import annotations

from ems.adapters.web.money.billing_api import billing_api
from ems.adapters.web.money.page import money_pages
from ems.adapters.web.money.prepaid_api import owner_api, prepaid_api
from ems.adapters.web.money.records_api import records_api
from ems.adapters.web.route import Router
from ems.ports.controller import Clock, Live
from ems.ports.money import Billing, PaymentRecords, Prepaid


def money_ways(
    live: Live, clock: Clock, records: PaymentRecords, prepaid: Prepaid, billing: Billing
) -> tuple[Router, ...]:
    """The interface first, then the pages."""
    return (
        records_api(records),
        prepaid_api(prepaid),
        owner_api(prepaid),
        billing_api(live, clock, billing),
        money_pages(live, clock, records, prepaid, billing),
    )
