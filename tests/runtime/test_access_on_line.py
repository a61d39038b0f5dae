"""Cards, local lists, reservations and the waitlist over real websockets, with virtual stations, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ems.domain.access.book import Doors
from ems.domain.access.change import ReservationRemoved, Reserved, TagsKept, Waits, WaitsNoMore
from ems.domain.access.local_list import Step
from ems.domain.access.reservation import Left, Reservation, Waiting
from ems.domain.access.tag import Tag
from ems.domain.station import EvseStatus
from ems.sim.manners import Manners
from tests.adapters.ocpp.central import LoopClock, virtual
from tests.runtime.access_site import TAGS, access_site, book, car

FREE = Doors()


@virtual
async def test_a_known_card_charges_and_is_known_by_name_and_a_stranger_does_not() -> None:
    async with access_site(book("CARD"), TAGS, "A", "B") as site:
        site.stations["A"].plug(1, car(), "card")
        site.stations["B"].plug(1, car(), "STRANGER")
        await asyncio.sleep(30)
        assert site.is_charging("A/1")
        assert not site.is_charging("B/1")
        session = site.evse("A/1").session
        assert session is not None
        assert session.holder is not None
        assert session.holder.tag == "CARD"
        assert [(card.tag, card.evse) for card in site.porter.cards.all()] == [("STRANGER", "B/1")]
        await site.change(TagsKept((Tag("STRANGER"),)), "somebody")
        await asyncio.sleep(200)
        assert site.is_charging("B/1"), "the station holds the card up again"


@pytest.mark.parametrize("stops_by_itself", ["true", "false"])
@virtual
async def test_a_start_that_is_refused_gets_its_id_and_ends(stops_by_itself: str) -> None:
    """By the station where it is set so, else by us within half a minute; what it took is accounted for."""
    async with access_site(book("CARD"), TAGS, "A", keys={"StopTransactionOnInvalidId": stops_by_itself}) as site:
        site.stations["A"].connectors[1].plug(car())
        site.stations["A"].start(1, "STRANGER")
        await asyncio.sleep(3)
        (_, begun), *_ = site.central.ledger.started
        assert (begun.id, begun.id_tag) == (101, "STRANGER")
        assert site.is_charging("A/1") is (stops_by_itself == "false")
        await asyncio.sleep(25)
        assert not site.is_charging("A/1")
        assert [ended[:2] for ended in site.central.ledger.ended] == [("A/1", 101)]


@virtual
async def test_a_session_is_ended_when_its_tag_is_blocked() -> None:
    async with access_site(book("CARD"), TAGS, "A") as site:
        site.stations["A"].plug(1, car(), "CARD")
        await asyncio.sleep(20)
        await site.change(TagsKept((Tag("CARD", is_blocked=True),)), "somebody")
        await asyncio.sleep(30)
        assert not site.is_charging("A/1")


@virtual
async def test_a_list_reaches_its_station_and_lets_a_card_charge_while_it_is_offline() -> None:
    async with access_site(book("CARD", "OTHER"), TAGS, "A", keys={"AllowOfflineTxForUnknownId": "false"}) as site:
        await asyncio.sleep(60)
        station = site.stations["A"]
        assert station.local_list == {"CARD": "Accepted", "OTHER": "Accepted"}
        state = site.lists.states()["A"]
        assert (state.step, state.tags, state.version) == (Step.IN_STEP, 2, station.local_list_version)
        assert site.confirmed[-1][:2] == ("A", station.local_list_version)
        await site.central.stop()
        await asyncio.sleep(5)
        station.plug(1, car(), "STRANGER")
        await asyncio.sleep(10)
        assert station.connectors[1].transaction is None
        station.present(1, "CARD")
        await asyncio.sleep(10)
        assert station.connectors[1].transaction is not None


@virtual
async def test_a_change_of_the_book_is_a_small_message_with_a_higher_version() -> None:
    many = [f"T{n:03}" for n in range(30)]
    async with access_site(book(*many), TAGS, "A") as site:
        await asyncio.sleep(60)
        station = site.stations["A"]
        before = station.local_list_version
        await site.change(TagsKept((Tag("NEW"), Tag("T003", is_blocked=True))), "somebody")
        await asyncio.sleep(15)
        assert station.local_list_version == before + 1
        assert set(station.local_list) == {*many, "NEW"} - {"T003"}


@virtual
async def test_a_long_list_comes_in_pieces_and_what_does_not_fit_is_counted() -> None:
    many = [f"T{n:03}" for n in range(150)]
    limits = {"SendLocalListMaxLength": "20", "LocalAuthListMaxLength": "100"}
    async with access_site(book(*many), TAGS, "A", keys=limits) as site:
        await asyncio.sleep(60)
        assert sorted(site.stations["A"].local_list) == many[:100]
        state = site.lists.states()["A"]
        assert (state.step, state.tags, state.left_out, state.version) == (Step.IN_STEP, 100, 50, 5)


@virtual
async def test_a_list_that_somebody_changed_at_the_station_is_sent_whole_again() -> None:
    async with access_site(book("CARD"), TAGS, "A") as site:
        await asyncio.sleep(60)
        station = site.stations["A"]
        station.local_list, station.local_list_version = {"INTRUDER": "Accepted"}, 77
        station.link.cut(5)
        await asyncio.sleep(120)
        assert station.local_list == {"CARD": "Accepted"}
        assert station.local_list_version == 78


@virtual
async def test_after_a_restart_a_list_that_is_in_step_is_not_sent_again() -> None:
    async with access_site(book("CARD"), TAGS, "A") as site:
        await asyncio.sleep(60)
        (_, version, word), *_ = site.confirmed
    async with access_site(book("CARD"), TAGS, lists={"A": (version, word)}) as again:
        station = await again.arrive("A")
        station.local_list, station.local_list_version = {"CARD": "Accepted"}, version
        await asyncio.sleep(80)
        assert (again.lists.states()["A"].step, again.confirmed) == (Step.IN_STEP, [])


@pytest.mark.parametrize(
    ("manners", "keys", "step"),
    [
        (Manners(unsupported=frozenset({"GetLocalListVersion"})), {}, Step.NOT_SUPPORTED),
        (Manners(answers={"GetLocalListVersion": {"listVersion": -1}}), {}, Step.NOT_SUPPORTED),
        (Manners(unsupported=frozenset({"SendLocalList"})), {}, Step.NOT_SUPPORTED),
        (Manners(answers={"SendLocalList": {"status": "NotSupported"}}), {}, Step.NOT_SUPPORTED),
        (Manners(answers={"SendLocalList": {"status": "Failed"}}), {}, Step.REFUSED),
        (Manners(answers={"SendLocalList": {"status": "VersionMismatch"}}), {}, Step.REFUSED),
        (Manners(silent=frozenset({"SendLocalList"})), {}, Step.REFUSED),
        (Manners(), {"SupportedFeatureProfiles": "Core,SmartCharging"}, Step.NOT_SUPPORTED),
        (Manners(), {"LocalAuthListEnabled": "false"}, Step.IN_STEP),
        (Manners(refused=frozenset({"ChangeConfiguration"})), {"LocalAuthListEnabled": "false"}, Step.REFUSED),
        (Manners(unsupported=frozenset({"GetConfiguration"})), {}, Step.IN_STEP),
    ],
)
@virtual
async def test_a_station_that_keeps_no_list_is_left_in_peace(
    manners: Manners, keys: dict[str, str], step: Step
) -> None:
    async with access_site(book("CARD"), TAGS, "A", manners=manners, keys=keys) as site:
        await asyncio.sleep(50)
        assert site.lists.states()["A"].step is step, site.lists.states()
        site.stations["A"].plug(1, car(), "CARD")
        await asyncio.sleep(60)
        assert site.is_charging("A/1")


@virtual
async def test_a_station_that_refuses_is_asked_ever_more_rarely_and_takes_it_when_it_can() -> None:
    async with access_site(book("CARD"), TAGS, "A", manners=Manners(refused=frozenset({"SendLocalList"}))) as site:
        await asyncio.sleep(60 + 120 + 60)
        told = [spoken for spoken in site.central.system.messages("A") if "SendLocalList" in str(spoken)]
        assert 3 <= len({str(spoken) for spoken in told}) <= 8
        assert site.lists.states()["A"].step is Step.REFUSED
        site.stations["A"].manners = Manners()
        await asyncio.sleep(250)
        assert site.lists.states()["A"].step is Step.IN_STEP


@virtual
async def test_while_somebody_charges_a_list_waits_and_limits_do_not() -> None:
    async with access_site(book("CARD"), TAGS, "A", manners=Manners(late_s={"SendLocalList": 25.0})) as site:
        station = site.stations["A"]
        station.plug(1, car(), "CARD")
        await asyncio.sleep(90)
        assert site.is_charging("A/1")
        assert site.lists.states()["A"].step is Step.WAITS
        assert station.local_list == {}
        station.unplug(1)
        await asyncio.sleep(90)
        assert site.lists.states()["A"].step is Step.IN_STEP


@virtual
async def test_where_everybody_or_nobody_may_charge_no_list_is_sent() -> None:
    for known, doors, step in ((book("CARD"), FREE, Step.NOT_NEEDED), (book(), TAGS, Step.EMPTY)):
        async with access_site(known, doors, "A") as site:
            await asyncio.sleep(50)
            assert (site.lists.states()["A"].step, site.stations["A"].local_list_version) == (step, 0)


@virtual
async def test_a_station_that_waits_for_a_card_is_started_where_everybody_may_charge() -> None:
    async with access_site(book(), replace(FREE, free_tag="FREE"), "A") as site:
        site.stations["A"].plug(1, car())
        await asyncio.sleep(20)
        session = site.evse("A/1").session
        assert session is not None
        assert session.transaction is not None
        assert session.transaction.id_tag == "FREE"
        assert site.porter.cards.all() == ()


@virtual
async def test_a_station_that_refuses_to_be_started_is_not_asked_for_ever() -> None:
    refuses = Manners(refused=frozenset({"RemoteStartTransaction"}))
    async with access_site(book(), replace(FREE, free_tag="FREE"), "A", manners=refuses) as site:
        site.stations["A"].plug(1, car())
        await asyncio.sleep(240)
        spoken = [one for one in site.central.system.messages("A") if "RemoteStart" in str(one)]
        assert 1 <= len(spoken) <= 6


def reservation(tag: str, minutes: float = 30.0, evse: str = "A/1") -> Reservation:
    now = LoopClock().now().utc
    return Reservation(7, evse, tag, now, now + timedelta(minutes=minutes))


@virtual
async def test_a_reservation_is_told_to_its_station_and_taken_back_there() -> None:
    async with access_site(book("CARD", "OTHER"), TAGS, "A") as site:
        await asyncio.sleep(60)
        await site.change(Reserved(reservation("CARD")), "somebody")
        await asyncio.sleep(10)
        assert site.evse("A/1").status is EvseStatus.RESERVED
        assert site.usher.told()[7].verdict.is_yes
        await site.change(ReservationRemoved(7), "somebody")
        await asyncio.sleep(10)
        assert site.evse("A/1").status is EvseStatus.AVAILABLE


@virtual
async def test_a_bay_is_let_go_when_whom_it_is_kept_for_comes_to_another() -> None:
    async with access_site(book("CARD", "OTHER"), TAGS, "A", "B") as site:
        await asyncio.sleep(60)
        await site.change(Reserved(reservation("CARD")), "somebody")
        await asyncio.sleep(10)
        assert site.evse("A/1").status is EvseStatus.RESERVED
        site.stations["B"].plug(1, car(), "CARD")
        await asyncio.sleep(30)
        assert site.is_charging("B/1")
        assert site.changes[-1] == (ReservationRemoved(7), "who came to another EVSE")
        assert site.evse("A/1").status is EvseStatus.AVAILABLE
        site.stations["A"].plug(1, car(), "OTHER")
        await asyncio.sleep(20)
        assert site.is_charging("A/1")


@virtual
async def test_a_station_that_keeps_a_bay_after_the_end_of_its_reservation_is_told_to_let_it_go() -> None:
    """Its clock is behind."""
    async with access_site(book("CARD"), TAGS, "A") as site:
        await asyncio.sleep(60)
        await site.change(Reserved(reservation("CARD", minutes=2.0)), "somebody")
        await asyncio.sleep(10)
        (one,) = site.stations["A"].connectors.values()
        assert one.reservation is not None
        one.reservation = one.reservation._replace(expires=one.reservation.expires + timedelta(hours=1))
        await asyncio.sleep(115)
        assert site.evse("A/1").status is EvseStatus.RESERVED
        await asyncio.sleep(40)
        assert site.evse("A/1").status is EvseStatus.AVAILABLE


@pytest.mark.parametrize(
    "manners", [Manners(unsupported=frozenset({"ReserveNow"})), Manners(answers={"ReserveNow": {"status": "Rejected"}})]
)
@virtual
async def test_where_a_station_keeps_nothing_we_refuse_others_ourselves(manners: Manners) -> None:
    async with access_site(book("CARD", "OTHER"), TAGS, "A", manners=manners) as site:
        await site.change(Reserved(reservation("CARD")), "somebody")
        await asyncio.sleep(20)
        assert not site.usher.told()[7].verdict.is_yes
        station = site.stations["A"]
        station.plug(1, car(), "OTHER")
        await asyncio.sleep(20)
        assert not site.is_charging("A/1")
        station.unplug(1)
        station.plug(1, car(), "CARD")
        await asyncio.sleep(20)
        assert site.is_charging("A/1")


@virtual
async def test_who_waits_gets_the_first_evse_that_becomes_free_and_loses_it_when_late() -> None:
    doors = replace(TAGS, claim=timedelta(minutes=2))
    async with access_site(book("CARD", "FIRST", "NEXT"), doors, "A") as site:
        station = site.stations["A"]
        station.plug(1, car(), "CARD")
        await asyncio.sleep(20)
        now = LoopClock().now().utc
        await site.change(Waits(Waiting(1, "FIRST", now)), "somebody")
        await site.change(Waits(Waiting(2, "NEXT", now + timedelta(seconds=1))), "somebody")
        await asyncio.sleep(20)
        assert [one.evse for one in site.porter.book.waiting] == [None, None]
        station.unplug(1)
        await asyncio.sleep(20)
        assert [one.evse for one in site.porter.book.waiting] == ["A/1", None]
        station.plug(1, car(), "NEXT")
        await asyncio.sleep(20)
        assert not site.is_charging("A/1")
        station.unplug(1)
        await asyncio.sleep(120)
        assert (WaitsNoMore(1, Left.MISSED), "the waitlist") in site.changes
        assert [(one.id, one.evse) for one in site.porter.book.waiting] == [(2, "A/1")]
        station.plug(1, car(), "NEXT")
        await asyncio.sleep(20)
        assert site.is_charging("A/1")
        assert site.changes[-1] == (WaitsNoMore(2, Left.SERVED), "the waitlist")
