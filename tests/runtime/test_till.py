"""Tabs are opened with the prices of the plug-in, grow with what is used, and are closed with one receipt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from ems.domain.access.book import AccessBook
from ems.domain.access.tag import Group, Tag, tag_key
from ems.domain.apply import apply
from ems.domain.billing.price_book import PriceBook
from ems.domain.billing.price_list import Fee, PriceList, Unit
from ems.domain.billing.receipt import Receipt
from ems.domain.billing.tab import Tab
from ems.domain.daybook import Daybook
from ems.domain.events import (
    Event,
    MeterValues,
    ProfileAnswered,
    StationConnected,
    StationGone,
    StatusChanged,
    TransactionEnded,
    TransactionStarted,
)
from ems.domain.grant import FOREVER, Answer, Layer
from ems.domain.instant import Instant
from ems.domain.session import Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.runtime.till import MOST, SETTLED_S, Till
from tests.builders import BEGIN, circuit, evse, layout

FEES = (Fee(Unit.KWH, Decimal("0.40")), Fee(Unit.MINUTE, Decimal("0.01")), Fee(Unit.IDLE_MINUTE, Decimal("0.10")))
PUBLIC = PriceList("public", "EUR", FEES)
CREW = PriceList("crew", "EUR", (Fee(Unit.KWH, Decimal("0.20")),), groups=("staff",))
ACCESS = AccessBook(
    groups={"staff": Group("staff"), "night": Group("night", parent="staff")},
    tags={tag_key("04A1"): Tag("04A1", groups=("night",))},
)


def priced(*lists: PriceList) -> Daybook:
    return Daybook(prices=PriceBook({one.id: one for one in lists}), access=ACCESS)


class Bay:
    """One EVSE (or more), its state, and a till that looks at it each second."""

    def __init__(self, daybook: Daybook, evses: int = 1) -> None:
        names = [f"A{number}" for number in range(1, evses + 1)]
        self.state = SiteState.initial(layout([circuit("grid", 630)], [evse(name, "grid") for name in names]))
        self.daybook = daybook
        self.kept_tabs: dict[str, Tab] = {}
        self.receipts: list[Receipt | None] = []
        self.closed_tabs: list[Tab] = []
        self.till = Till(lambda: self.daybook, self)
        self.now = BEGIN
        self.after(*(StationConnected(name, self.now, 1) for name in names), seconds=round(SETTLED_S))

    def kept(self, known: Tab) -> None:
        self.kept_tabs[known.usage.session] = known

    def closed(self, known: Tab, made: Receipt | None) -> None:
        self.closed_tabs.append(known)
        self.receipts.append(made)

    def after(self, *events: Event, seconds: int = 1) -> None:
        for _ in range(seconds):
            for event in events:
                self.state = apply(self.state, event)
            self.till.tick(events, self.state, self.now)
            events = ()
            self.now = self.now.later(1)

    def status(self, status: EvseStatus, seconds: int = 1) -> None:
        self.after(StatusChanged("A1/1", self.now, status), seconds=seconds)

    def starts(self, tag: str | None = None, number: int = 1) -> None:
        self.status(EvseStatus.PREPARING)
        self.after(TransactionStarted("A1/1", self.now, Transaction(number, self.now.utc, 1000.0, tag)))
        self.status(EvseStatus.CHARGING)

    def meters(self, wh: float, minutes: float = 1) -> None:
        self.after(seconds=round(60 * minutes) - 1)
        self.after(MeterValues("A1/1", self.now.monotonic_s, power_w=11e3, register_wh=1000.0 + wh))

    def leaves(self, wh: float | None = None, number: int = 1) -> None:
        self.after(
            TransactionEnded("A1/1", self.now, number, wh),
            StatusChanged("A1/1", self.now, EvseStatus.AVAILABLE),
        )

    @property
    def receipt(self) -> Receipt:
        (made,) = self.receipts
        assert made is not None
        return made


def quantities(made: Receipt) -> dict[str, int]:
    return {line.unit.value: line.quantity for line in made.lines}


def test_a_session_is_followed_from_plug_in_to_plug_out() -> None:
    bay = Bay(priced(PUBLIC))
    bay.starts()
    for minute in range(1, 31):
        bay.meters(183 * minute)
    bay.status(EvseStatus.SUSPENDED_EV, seconds=600)
    tab = bay.till.tab("A1/1")
    assert tab is not None
    assert tab.usage.energy_wh == 5490
    bay.leaves(5500)
    assert quantities(bay.receipt) == {"kwh": 5500, "minute": 40, "idle-minute": 10}
    assert bay.till.tab("A1/1") is None


@pytest.mark.parametrize(("offered_a", "idle_min"), [(0.0, 0), (6.0, 10), (16.0, 10)])
def test_who_is_offered_nothing_is_not_idle_whatever_its_station_calls_that(offered_a: float, idle_min: int) -> None:
    """Some say SuspendedEV of a vehicle that we pause; nobody pays a fee for that."""
    bay = Bay(priced(PUBLIC))
    bay.starts()
    bay.meters(5000)
    for layer, amps in ((Layer.FLOOR, 6.0), (Layer.SESSION, offered_a)):
        bay.after(ProfileAnswered("A1/1", layer, amps, bay.now.monotonic_s, Answer.ACCEPTED, FOREVER))
    bay.status(EvseStatus.SUSPENDED_EV, seconds=600)
    bay.leaves(5000)
    assert quantities(bay.receipt).get("idle-minute", 0) == idle_min


@pytest.mark.parametrize("status", [EvseStatus.UNAVAILABLE, EvseStatus.RESERVED])
@pytest.mark.parametrize("is_told_first", [True, False])
def test_nobody_stands_idle_at_an_outlet_that_is_closed_after_their_transaction(
    status: EvseStatus, is_told_first: bool
) -> None:
    """Out of service for when the transaction has ended: from then on no station says whether the vehicle has left."""
    bay = Bay(priced(PUBLIC))
    bay.starts()
    bay.meters(5000)
    ended, closed = TransactionEnded("A1/1", bay.now, 1, 5000), StatusChanged("A1/1", bay.now, status)
    bay.after(*((closed, ended) if is_told_first else (ended, closed)), seconds=3600)
    assert quantities(bay.receipt).get("idle-minute", 0) == 0
    bay.status(EvseStatus.AVAILABLE)
    assert len(bay.receipts) == 1


def test_prices_are_those_of_the_plug_in_whatever_is_changed_afterwards() -> None:
    bay = Bay(priced(PUBLIC))
    bay.starts()
    bay.meters(1000)
    bay.daybook = priced(replace(PUBLIC, fees=(Fee(Unit.KWH, Decimal(9)),)))
    bay.leaves(2000)
    assert [str(line.price) for line in bay.receipt.lines if line.unit is Unit.KWH] == ["0.40"]


def test_who_charges_is_known_later_than_the_prices_and_groups_are_within_groups() -> None:
    bay = Bay(priced(PUBLIC, CREW))
    bay.starts("04a1")
    bay.daybook = priced(PUBLIC)
    bay.meters(1000)
    bay.leaves(1000)
    assert (bay.receipt.price_list, bay.receipt.total) == ("crew", 20)


def test_without_prices_what_was_used_is_kept_without_a_receipt() -> None:
    bay = Bay(priced())
    bay.starts()
    bay.meters(1000)
    bay.leaves(1500)
    assert bay.receipts == [None]
    assert [tab.usage.energy_wh for tab in bay.closed_tabs] == [1500]


def test_a_run_that_follows_a_crash_goes_on_where_the_one_before_was() -> None:
    bay = Bay(priced(PUBLIC))
    bay.starts()
    bay.meters(1000, minutes=20)
    (left,) = bay.kept_tabs.values()
    bay.daybook = priced()
    bay.till = Till(lambda: bay.daybook, bay, [left])
    bay.meters(2000, minutes=10)
    bay.leaves(2000)
    assert bay.receipt.energy_wh == 2000
    assert quantities(bay.receipt)["minute"] == 30


def test_what_ended_while_nobody_ran_is_closed_as_it_was_recorded() -> None:
    bay = Bay(priced(PUBLIC))
    bay.starts()
    bay.meters(1000, minutes=20)
    (left,) = bay.kept_tabs.values()
    empty = Bay(priced())
    empty.till = Till(lambda: empty.daybook, empty, [left])
    empty.after()
    assert (empty.receipt.energy_wh, empty.receipt.unplugged) == (left.usage.energy_wh, left.usage.until)


def test_of_a_station_that_was_gone_when_the_vehicle_left_only_what_was_seen_counts() -> None:
    bay = Bay(priced(PUBLIC))
    bay.starts()
    bay.meters(1000, minutes=20)
    bay.after(StationGone("A1", bay.now, 1), seconds=3600)
    bay.after(StationConnected("A1", bay.now, 2))
    bay.leaves(1200)
    assert quantities(bay.receipt) == {"kwh": 1200, "minute": 20}


def test_who_comes_right_after_its_station_came_back_is_heard_from_the_beginning() -> None:
    """That it may not have said yet who left is about those who were there before."""
    bay = Bay(priced(PUBLIC))
    bay.after(StationGone("A1", bay.now, 1), seconds=10)
    bay.after(StationConnected("A1", bay.now, 2), seconds=2)
    bay.starts()
    bay.meters(500, minutes=0.5)
    bay.leaves(500)
    assert (bay.receipt.unplugged - bay.receipt.plugged).total_seconds() == pytest.approx(33, abs=2)


def test_a_wall_clock_that_is_set_costs_nobody_anything() -> None:
    bay = Bay(priced(PUBLIC))
    bay.starts()
    bay.meters(1000, minutes=10)
    bay.now = Instant(bay.now.monotonic_s, bay.now.utc + timedelta(hours=5))
    bay.meters(2000, minutes=10)
    bay.leaves(2000)
    assert quantities(bay.receipt)["minute"] == 20


def test_two_vehicles_one_after_the_other_have_a_tab_each() -> None:
    bay = Bay(priced(PUBLIC))
    for number, wh in ((1, 1000.0), (2, 3000.0)):
        bay.starts(number=number)
        bay.meters(wh)
        bay.leaves(wh, number)
    assert [made.energy_wh for made in bay.receipts if made is not None] == [1000, 3000]


@pytest.mark.parametrize("evses", [3 * MOST])
def test_after_a_mass_event_every_tab_grows_within_seconds(evses: int) -> None:
    bay = Bay(priced(PUBLIC), evses)
    bay.after(*(StatusChanged(f"A{n}/1", bay.now, EvseStatus.PREPARING) for n in range(1, evses + 1)), seconds=4)
    assert len(bay.kept_tabs) == evses


def test_tabs_are_kept_each_minute_and_whenever_something_begins_or_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    bay = Bay(priced(PUBLIC))
    kept: list[float] = []
    monkeypatch.setattr(bay, "kept", lambda _known: kept.append(bay.now.monotonic_s))
    bay.till = Till(lambda: bay.daybook, bay)
    bay.starts()
    bay.after(seconds=300)
    gaps = _gaps(kept)
    assert 5 <= len(kept) <= 8
    assert max(gaps) <= 70.0


def _gaps(moments: Iterable[float]) -> list[float]:
    ordered = list(moments)
    return [later - earlier for earlier, later in pairwise(ordered)]
