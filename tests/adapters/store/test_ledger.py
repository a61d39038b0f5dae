"""The ledger: ids that never repeat, starts and ends that count once, and what a restart finds."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ems.adapters.store import schema
from ems.adapters.store.ledger import ID_EPOCH
from ems.adapters.store.store import Store
from ems.domain.decision import Alarm, Level
from ems.domain.grant import FOREVER, Claim, Grant, Held, Layer
from ems.domain.record.history import Knock
from ems.domain.session import Need, NeedOrigin, Session, Transaction
from ems.domain.station_model import StationModel
from ems.ports import controller as ports
from ems.ports.controller import NotStoredError
from tests.adapters.store.clocks import BEGIN, HandClock

Opened = Callable[[], Store]


def as_port(store: Store) -> ports.Ledger:
    """Checked by the type checker: the ledger is what the core expects."""
    return store.ledger


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def rows(store: Store, table: Any) -> list[Any]:
    run(store.flush())
    with store.database.reading().connect() as connection:
        return list(connection.execute(select(table)).all())


def begun(number: int, at: datetime = BEGIN.utc, register: float = 1234.5) -> Transaction:
    return Transaction(number, at, register, "TAG")


def test_a_transaction_is_kept_from_start_to_end(opened: Opened) -> None:
    store = opened()
    run(store.ledger.transaction_started("CP-01/1", begun(7)))
    assert store.ledger.open_transactions() == [("CP-01/1", begun(7))]
    run(store.ledger.transaction_ended("CP-01/1", 7, BEGIN.later(60).utc, 500.25, "EVDisconnected", False))
    assert store.ledger.open_transactions() == []
    (row,) = rows(store, schema.transaction_log)
    assert (row.evse, row.id_tag, row.meter_start_wh, row.meter_stop_wh) == ("CP-01/1", "TAG", 1234.5, 1734.75)
    assert (row.energy_wh, row.reason, row.inferred) == (500.25, "EVDisconnected", False)
    assert row.ended - row.started == 60_000


@pytest.mark.parametrize(
    ("ends", "counts"),
    [
        ([(500.0, "Local", False), (900.0, "Local", False)], (500.0, "Local")),
        ([(400.0, "gone", True), (500.0, "Local", False)], (500.0, "Local")),
        ([(500.0, "Local", False), (400.0, "gone", True)], (500.0, "Local")),
        ([(400.0, "gone", True), (300.0, "gone again", True)], (400.0, "gone")),
    ],
    ids=["first counts", "told overrides inferred", "inferred never overrides told", "first inference counts"],
)
def test_an_end_counts_once(reopened: Opened, ends: list[tuple[float, str, bool]], counts: tuple[float, str]) -> None:
    store = reopened()
    run(store.ledger.transaction_started("CP-01/1", begun(7)))
    for energy, reason, inferred in ends:
        run(store.ledger.transaction_ended("CP-01/1", 7, BEGIN.utc, energy, reason, inferred))
    (row,) = rows(store, schema.transaction_log)
    assert (row.energy_wh, row.reason) == counts


def test_a_repeated_start_does_not_reopen_a_transaction(opened: Opened) -> None:
    store = opened()
    run(store.ledger.transaction_started("CP-01/1", begun(7)))
    run(store.ledger.transaction_ended("CP-01/1", 7, BEGIN.utc, 500.0))
    run(store.ledger.transaction_started("CP-01/1", begun(7)))
    (row,) = rows(store, schema.transaction_log)
    assert row.ended is not None


def test_the_end_of_an_unknown_transaction_is_recorded_and_its_id_can_still_be_given(opened: Opened) -> None:
    store = opened()
    foreign = store.ledger.next_transaction_id() + 1
    run(store.ledger.transaction_ended("CP-01/1", foreign, BEGIN.utc, 10.0, "Local"))
    assert store.ledger.next_transaction_id() == foreign
    run(store.ledger.transaction_started("CP-02/1", begun(foreign)))
    (row,) = rows(store, schema.transaction_log)
    assert (row.evse, row.ended, row.energy_wh) == ("CP-02/1", None, None)


def test_an_adopted_transaction_is_open_after_a_restart_and_its_id_does_not_lead_ours(
    opened: Opened, clock: HandClock
) -> None:
    first = opened()
    first.ledger.transaction_adopted("CP-01/1", begun(2**31 - 1))
    first.close()
    clock.restart(60)
    second = opened()
    assert second.ledger.open_transactions() == [("CP-01/1", begun(2**31 - 1))]
    assert second.ledger.next_transaction_id() < 2**31 - 1


def test_an_adopted_transaction_that_was_inferred_to_be_over_goes_on_with_its_own_start(opened: Opened) -> None:
    store = opened()
    run(store.ledger.transaction_started("CP-01/1", begun(7)))
    run(store.ledger.transaction_ended("CP-01/1", 7, BEGIN.utc, 5.0, "gone", True))
    store.ledger.transaction_adopted("CP-01/1", begun(7, BEGIN.later(600).utc, 1300.0))
    (row,) = rows(store, schema.transaction_log)
    assert (row.ended, row.energy_wh, row.meter_start_wh) == (None, None, 1234.5)


@pytest.mark.parametrize(
    ("wall", "last", "gives"),
    [
        (datetime(2020, 1, 1, 0, 1, tzinfo=UTC), 0, 60),
        (datetime(2020, 1, 1, 0, 1, tzinfo=UTC), 60, 61),
        (datetime(1970, 1, 1, tzinfo=UTC), 0, 1),
        (datetime(1970, 1, 1, tzinfo=UTC), 500, 501),
        (datetime(2099, 1, 1, tzinfo=UTC), 500, 501),
    ],
    ids=["seconds since 2020", "never twice", "dead clock", "dead clock later", "mad clock"],
)
def test_transaction_ids(reopened: Opened, clock: HandClock, wall: datetime, last: int, gives: int) -> None:
    store = reopened()
    if last:
        clock.set(ID_EPOCH + timedelta(seconds=last))
        assert store.ledger.next_transaction_id() == last
    clock.set(wall)
    assert store.ledger.next_transaction_id() == gives


def test_ids_go_on_after_a_restart_with_a_clock_that_went_back(opened: Opened, clock: HandClock) -> None:
    first = opened()
    given = first.ledger.next_transaction_id()
    run(first.ledger.transaction_started("CP-01/1", begun(given)))
    first.close()
    clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    assert opened().ledger.next_transaction_id() == given + 1


def test_ids_that_are_used_up_are_refused(reopened: Opened, clock: HandClock) -> None:
    store = reopened()
    store.ledger._last_id = 2**31 - 1
    with pytest.raises(NotStoredError, match="used up"):
        store.ledger.next_transaction_id()


ANNOUNCED = ("CP-01/1", BEGIN.utc, 1234.5, "TAG")


@pytest.mark.parametrize(
    ("again", "same"),
    [
        (ANNOUNCED, True),
        (("CP-01/2", *ANNOUNCED[1:]), False),
        (("CP-01/1", BEGIN.later(1).utc, 1234.5, "TAG"), False),
        (("CP-01/1", BEGIN.utc, 1234.6, "TAG"), False),
        (("CP-01/1", BEGIN.utc, 1234.5, "OTHER"), False),
        (("CP-01/1", BEGIN.utc, 1234.5, None), False),
    ],
    ids=["the same", "another connector", "another time", "another register", "another tag", "no tag"],
)
@pytest.mark.parametrize("restart", [False, True])
def test_a_repeated_announcement_gets_the_same_id(
    reopened: Opened, clock: HandClock, again: tuple[str, datetime, float, str | None], same: bool, restart: bool
) -> None:
    store = reopened()
    given = store.ledger.transaction_id(*ANNOUNCED)
    run(store.ledger.transaction_started("CP-01/1", begun(given)))
    run(store.ledger.transaction_ended("CP-01/1", given, BEGIN.utc, 1.0))
    if restart:
        store.close()
        clock.restart(60)
        store = reopened()
    assert (store.ledger.transaction_id(*again) == given) is same


@pytest.mark.parametrize("announced", [datetime(1970, 1, 1, tzinfo=UTC), None])
def test_a_station_without_a_clock_repeats_only_while_the_transaction_runs(
    reopened: Opened, announced: datetime | None
) -> None:
    ledger = reopened().ledger
    first = ledger.transaction_id("CP-01/1", announced, 0.0, "TAG")
    run(ledger.transaction_started("CP-01/1", begun(first)))
    assert ledger.transaction_id("CP-01/1", announced, 0.0, "TAG") == first
    run(ledger.transaction_ended("CP-01/1", first, BEGIN.utc, 1.0))
    assert ledger.transaction_id("CP-01/1", announced, 0.0, "TAG") > first


SESSION = Session(
    "CP-01/1",
    BEGIN.utc - timedelta(seconds=100),
    BEGIN.monotonic_s - 100,
    energy_wh=0.0,
    need=Need(20_000.0, BEGIN.later(7200).utc, NeedOrigin.SCHEDULED),
    soc_percent=41.5,
    service_class=2,
)


def test_a_restart_finds_the_session_with_its_transaction_need_and_energy(opened: Opened, clock: HandClock) -> None:
    first = opened()
    run(first.ledger.transaction_started("CP-01/1", begun(7)))
    first.ledger.session_changed(replace(SESSION, transaction=begun(7), energy_wh=300.0))
    run(first.ledger.transaction_ended("CP-01/1", 7, BEGIN.utc, 400.0))
    run(first.ledger.transaction_started("CP-01/1", begun(8)))
    known = replace(SESSION, transaction=begun(8), energy_wh=77.0, counted=8, earlier_wh=400.0, soc_at_wh=410.0)
    first.ledger.session_changed(known)
    run(first.flush())
    now = clock.restart(30)
    found = Store.open(second := Store(first.database.path or first.database.url.render_as_string(False), clock))
    second.close()
    assert found.sessions == {"CP-01/1": replace(known, plugged_s=now.monotonic_s - 130)}
    assert found.sessions["CP-01/1"].missing_wh() == 20_000.0 - 477.0
    assert found.complete


@pytest.mark.parametrize("ended_wh", [(400.0,), (400.0, 77.0)])
def test_what_a_vehicle_got_before_a_restart_counts_although_nothing_runs_any_more(
    reopened: Opened, clock: HandClock, ended_wh: tuple[float, ...]
) -> None:
    """It is full, stands there over the restart, and leaves."""
    first = reopened()
    for number, energy_wh in enumerate(ended_wh, start=7):
        run(first.ledger.transaction_started("CP-01/1", begun(number)))
        first.ledger.session_changed(replace(SESSION, transaction=begun(number), energy_wh=energy_wh))
        run(first.ledger.transaction_ended("CP-01/1", number, BEGIN.utc, energy_wh))
    first.ledger.session_changed(replace(SESSION, energy_wh=ended_wh[-1]))
    run(first.flush())
    now = clock.restart(30)
    second = reopened()
    known = second.ledger.recovered(now).sessions["CP-01/1"]
    assert (known.energy_wh, known.delivered_wh) == (ended_wh[-1], sum(ended_wh)), "as if there had been no restart"
    second.ledger.session_changed(known)
    second.ledger.session_ended(known, now.utc)
    (row,) = rows(second, schema.session)
    assert row.energy_wh == sum(ended_wh)


def test_what_a_station_said_at_the_end_of_a_transaction_is_known_after_a_stop_at_that_moment(
    reopened: Opened, clock: HandClock
) -> None:
    """Its answer said that it is kept, so it says it no more; the session had not been told yet."""
    first = reopened()
    run(first.ledger.transaction_started("CP-01/1", begun(7)))
    first.ledger.session_changed(replace(SESSION, transaction=begun(7), energy_wh=39.0))
    run(first.ledger.transaction_ended("CP-01/1", 7, BEGIN.utc, 122.0))
    now = clock.restart(30)
    second = reopened()
    known = second.ledger.recovered(now).sessions["CP-01/1"]
    assert (known.transaction, known.energy_wh, known.delivered_wh) == (None, 122.0, 122.0)
    second.ledger.session_changed(known)
    second.ledger.session_ended(known, now.utc)
    (row,) = rows(second, schema.session)
    assert row.energy_wh == 122.0


def test_a_transaction_without_a_session_is_found_as_one(opened: Opened, clock: HandClock) -> None:
    store = opened()
    run(store.ledger.transaction_started("CP-01/1", begun(7)))
    clock.restart(30)
    again = opened()
    session = again.ledger.recovered(clock.now()).sessions["CP-01/1"]
    assert (session.transaction, session.plugged) == (begun(7), BEGIN.utc)
    assert session.plugged_s == pytest.approx(clock.now().monotonic_s - 30)


def test_of_two_open_transactions_of_an_evse_the_older_was_superseded(opened: Opened, clock: HandClock) -> None:
    store = opened()
    run(store.ledger.transaction_started("CP-01/1", begun(7)))
    run(store.ledger.transaction_started("CP-01/1", begun(8, BEGIN.later(60).utc)))
    clock.move(600)
    again = opened()
    assert again.ledger.open_transactions() == [("CP-01/1", begun(8, BEGIN.later(60).utc))]
    older = next(row for row in rows(again, schema.transaction_log) if row.id == 7)
    assert (older.reason, older.inferred, older.ended - older.started) == ("superseded", True, 60_000)


def test_a_session_ends_with_the_sum_of_its_transactions(opened: Opened) -> None:
    store = opened()
    for number, energy in ((7, 400.0), (8, 77.0)):
        run(store.ledger.transaction_started("CP-01/1", begun(number)))
        run(store.ledger.transaction_ended("CP-01/1", number, BEGIN.utc, energy))
    store.ledger.session_ended(replace(SESSION, energy_wh=77.0), BEGIN.utc)
    (row,) = rows(store, schema.session)
    assert (row.energy_wh, json.loads(row.transactions)) == (477.0, [7, 8])
    assert row.unplugged - row.plugged == 100_000


def test_an_end_without_energy_takes_what_the_session_was_seen_to_get(opened: Opened) -> None:
    store = opened()
    run(store.ledger.transaction_started("CP-01/1", begun(7)))
    store.ledger.session_changed(replace(SESSION, transaction=begun(7), energy_wh=300.0))
    run(store.ledger.transaction_ended("CP-01/1", 7, BEGIN.utc, None, "offline", True))
    (row,) = rows(store, schema.transaction_log)
    assert row.energy_wh == 300.0


NOW = BEGIN.monotonic_s
GRANTS = {
    "floor only": Grant(floor=Held(6.0, NOW - 50)),
    "three layers": Grant(Held(6.0, NOW - 50), Held(0.0, NOW - 40, NOW + 800), Held(16.0, NOW - 5, NOW + 895)),
    "unanswered raise": Grant(
        floor=Held(6.0, NOW - 50), claims=(Claim(Layer.SESSION, 32.0, FOREVER, NOW - 1, pending=True),)
    ),
    "unproven cut": Grant(
        floor=Held(6.0, NOW - 50),
        session=Held(8.0, NOW - 2, NOW + 898),
        claims=(Claim(Layer.SESSION, 24.0, NOW + 60, NOW - 2),),
    ),
    "nothing": Grant(),
}


@pytest.mark.parametrize("name", GRANTS)
@pytest.mark.parametrize("off_s", [0.0, 30.0, 890.0, 5000.0])
def test_a_restart_knows_what_may_flow(reopened: Opened, clock: HandClock, name: str, off_s: float) -> None:
    """At least what could flow without the restart, and not for longer than the lease or the claim."""
    grant, store = GRANTS[name], reopened()
    store.ledger.granted("CP-01/1", grant, clock.now())
    run(store.flush())
    then = BEGIN.monotonic_s + off_s
    now = clock.restart(off_s)
    found = reopened().ledger.recovered(now).grants.get("CP-01/1", Grant().to_resend())
    assert found.resend
    for layer in Layer:
        assert found.amps_in_force(layer, now.monotonic_s) == grant.amps_in_force(layer, then)
    assert found.claimed_a(now.monotonic_s) == grant.claimed_a(then)


@pytest.mark.parametrize(("name", "told", "known"), [("three layers", 1, 1), ("three layers", 0, 0), ("nothing", 1, 0)])
def test_a_restart_knows_on_how_many_phases_a_vehicle_charges(
    reopened: Opened, clock: HandClock, name: str, told: int, known: int
) -> None:
    store = reopened()
    store.ledger.granted("CP-01/1", GRANTS[name], clock.now(), phases=told)
    run(store.flush())
    assert reopened().ledger.recovered(clock.restart(5.0)).phases.get("CP-01/1", 0) == known


def test_a_clock_that_was_set_back_does_not_lengthen_a_lease(reopened: Opened, clock: HandClock) -> None:
    store = reopened()
    store.ledger.granted("CP-01/1", GRANTS["three layers"], clock.now())
    run(store.flush())
    now = clock.restart(-86400)
    session = reopened().ledger.recovered(now).grants["CP-01/1"].session
    assert session is not None
    assert session.accepted_at <= now.monotonic_s
    assert session.ends_at - now.monotonic_s <= 900.0


@pytest.mark.parametrize(
    ("ends_well", "ago_s", "crashes"),
    [(True, 60, 0), (False, 60, 1), (False, 3500, 1), (False, 3700, 0)],
    ids=["a goodbye", "killed", "killed an hour ago", "killed long ago"],
)
def test_crashes_within_the_hour_are_counted(
    opened: Opened, clock: HandClock, ends_well: bool, ago_s: float, crashes: int
) -> None:
    store = opened()
    run(store.flush())
    if ends_well:
        store.close()
    clock.move(ago_s)
    found = opened().ledger.recovered(clock.now())
    assert found.crashes == crashes
    assert found.alive == BEGIN.utc


def test_a_start_after_an_orderly_end_is_none_after_a_crash(opened: Opened, clock: HandClock) -> None:
    """Who restarts the controller on purpose, soon after a crash, is not told that it crashed once more."""
    for ends_well, crashes in ((False, 1), (True, 0), (False, 1), (False, 2)):
        store = opened()
        run(store.flush())
        clock.move(60)
        if ends_well:
            store.close()
        clock.move(60)
        assert opened().ledger.recovered(clock.now()).crashes == crashes


def test_a_goodbye_of_a_clock_that_was_ahead_hides_no_crash(opened: Opened, clock: HandClock) -> None:
    clock.set(BEGIN.utc + timedelta(days=5))
    opened().close()
    clock.set(BEGIN.utc)
    run(opened().flush())
    clock.move(60)
    assert opened().ledger.recovered(clock.now()).crashes == 1


def test_a_learned_model_is_found_again(opened: Opened, clock: HandClock) -> None:
    model = StationModel("maker-x", step_a=0.1, allowed_a=(6.0, 16.0), max_stack_level=None, apply_s=3.5)
    store = opened()
    store.ledger.learned("CP-01", ("Maker", "X", "1.2"), model, BEGIN.utc)
    run(store.flush())
    found = opened().ledger.recovered(clock.now()).models["CP-01"]
    assert (found.vendor, found.product, found.firmware, found.model) == ("Maker", "X", "1.2", model)


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "no json", '{"id": "x", "unheard_of": 1}', '{"id": 5}', '{"id": "x", "step_a": 99.0}'],
    ids=["empty", "a list", "no json", "unknown field", "wrong type", "refused value"],
)
def test_a_model_that_cannot_be_read_is_left_out_unless_its_defaults_suffice(
    reopened: Opened, clock: HandClock, text: str
) -> None:
    store = reopened()
    bad = {"station": "CP-01", "vendor": "", "product": "", "firmware": "", "model": text, "learned": 0}
    store._writer.put(schema.station_model, bad)
    run(store.flush())
    found = reopened().ledger.recovered(clock.now()).models
    assert found.keys() <= {"CP-01"}
    assert "CP-01" not in found or text == "{}"


def test_alarms_that_were_raised_end_with_the_run(opened: Opened, clock: HandClock) -> None:
    store = opened()
    store.ledger.alarmed(Alarm("meter:main", Level.HOLD, "main", "silent"), BEGIN.later(5).utc, None)
    store.ledger.alive(BEGIN.later(9).utc)
    run(store.flush())
    clock.move(600)
    (row,) = rows(opened(), schema.alarm)
    assert row.ended - row.began == 4000


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE knock; --", "a\0b", "\ud800", "x" * 100_000, "{0.__class__}", "\x1b[31m", "\u202e🙂"],
    ids=["sql", "nul", "surrogate", "long", "format", "escape", "emoji"],
)
def test_what_strangers_write_is_stored_without_harm(opened: Opened, text: str) -> None:
    store = opened()
    run(store.ledger.transaction_started("CP-01/1", replace(begun(7), id_tag=text)))
    store.ledger.knocked([Knock(text, text, text, 1, BEGIN.utc), Knock("CP-09", "::1", "unknown", 2, BEGIN.utc)])
    store.audit.add(BEGIN.utc, text, text, {"said": text})
    run(store.ledger.transaction_ended("CP-01/1", 7, BEGIN.utc, 1.0, text))
    assert len(rows(store, schema.knock)) == 2
    assert json.loads(rows(store, schema.audit)[0].detail) == {"said": text}
    assert store.health.rows_refused == 0


def test_what_is_not_a_number_is_not_stored_as_one(opened: Opened) -> None:
    store = opened()
    run(store.ledger.transaction_started("CP-01/1", begun(7, register=math.nan)))
    store.ledger.session_ended(replace(SESSION, energy_wh=math.nan, soc_percent=math.inf), BEGIN.utc)
    assert rows(store, schema.transaction_log)[0].meter_start_wh is None
    assert (rows(store, schema.session)[0].energy_wh, rows(store, schema.session)[0].soc_percent) == (0.0, None)


def test_the_audit_only_grows(opened: Opened, clock: HandClock) -> None:
    for _ in range(2):
        store = opened()
        for k in range(3):
            store.audit.add(clock.now().utc, "operator", "limit", {"k": k})
        run(store.flush())
        clock.move(0.001)
    assert len(rows(store, schema.audit)) == 6


@pytest.mark.parametrize("lives", [1, 2])
def test_a_late_word_of_an_end_that_was_inferred_is_welcome_in_another_life_too(opened: Opened, lives: int) -> None:
    """The register at its start is still known, so that the energy can be told."""
    store = opened()
    number = store.ledger.transaction_id("CP-01/1", BEGIN.utc, 1234.5, "TAG")
    run(store.ledger.transaction_started("CP-01/1", begun(number)))
    assert store.ledger.inferred_end(number) is None
    run(store.ledger.transaction_ended("CP-01/1", number, BEGIN.later(60).utc, 400.0, "gone", inferred=True))
    store = opened() if lives > 1 else store
    assert store.ledger.inferred_end(number) == ("CP-01/1", begun(number))
    run(store.ledger.transaction_ended("CP-01/1", number, BEGIN.later(90).utc, 700.0, "Local"))
    assert store.ledger.inferred_end(number) is None
    assert [(row.energy_wh, row.inferred) for row in rows(store, schema.transaction_log)] == [(700.0, False)]
