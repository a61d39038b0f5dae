"""Sessions are corrected, never deleted; and who charged can be forgotten while the energy stays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ems.adapters.store import corrections
from ems.adapters.store.corrections import ERASED, read_corrections
from ems.adapters.store.schema import session, transaction_log
from ems.adapters.store.session_reading import SessionReader
from ems.adapters.store.signed import read_keys, read_signed
from ems.adapters.store.store import Store
from ems.domain.record.correction import Change, Wanted
from ems.domain.record.session_entry import SessionFilter
from ems.domain.record.signed_value import SignedValue
from ems.domain.unknown import UnknownError
from tests.adapters.store.seeded import Seeded, seed, write

DAY = datetime(2026, 11, 2, 8, tzinfo=UTC)
ALL = SessionFilter(DAY - timedelta(days=1), DAY + timedelta(days=9))
ONE = Seeded("CP-01/1", DAY, energy_wh=10_000, tag="04AA", person="anna", vehicle="Van", cost_centre="4711")
OTHERS = (
    Seeded("CP-01/2", DAY, energy_wh=1_000, tag="04BB", person="bert"),
    Seeded("CP-01/1", DAY + timedelta(days=1), hours=None, energy_wh=2_000, tag="04AA", person="anna"),
)


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    one = opened()
    seed(one.database, (ONE, *OTHERS))
    return one


def correct(store: Store, name: str = ONE.id, reason: str = "the meter was read wrongly", **values: Any) -> None:
    asyncio.run(store.corrections.correct(name, Wanted(reason, values), "eva", DAY))


def sums(store: Store, **more: Any) -> tuple[int, float]:
    found = SessionReader(store.database).sums(replace(ALL, **more))
    return found.sessions, found.energy_wh


def test_a_correction_counts_from_then_on_and_tells_what_stood_there_before(store: Store) -> None:
    correct(store, energy_wh=9_000.0, person="carl")
    correct(store, reason="typing error", energy_wh=9_500.0, cost_centre="4712")
    assert sums(store) == (3, 9_500 + 3_000)
    assert sums(store, person="carl", cost_centre="4712") == (1, 9_500)
    first, second = asyncio.run(store.asked(lambda connection: read_corrections(connection, ONE.id)))
    assert (first.number, first.who, first.reason) == (1, "eva", "the meter was read wrongly")
    assert first.changes == {"energy_wh": Change(10_000.0, 9_000.0), "person": Change("anna", "carl")}
    assert second.changes == {"energy_wh": Change(9_000.0, 9_500.0), "cost_centre": Change("4711", "4712")}
    entry = SessionReader(store.database).entry(ONE.id)
    assert entry is not None
    assert entry.corrections == 2
    audits = asyncio.run(store.audits(None, 5))
    assert [(one.who, one.what) for one in audits] == [("eva", "SessionCorrected")] * 2
    assert json.loads(audits[0].detail)["session"] == ONE.id


def test_a_void_session_stays_but_counts_no_more(store: Store) -> None:
    correct(store, is_void=True)
    assert sums(store) == (2, 3_000)
    assert len(list(SessionReader(store.database).entries(ALL))) == 2
    assert len(list(SessionReader(store.database).entries(replace(ALL, with_void=True)))) == 3
    correct(store, is_void=False, reason="it does count")
    assert sums(store) == (3, 13_000)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        (OTHERS[1].id, {"energy_wh": 1.0}, "this session lasts"),
        (ONE.id, {"energy_wh": 10_000.0}, "stands there already"),
        ("nobody", {"energy_wh": 1.0}, "no session 'nobody'"),
    ],
)  # fmt: skip
def test_what_cannot_be_corrected_is_refused_and_leaves_no_trace(
    store: Store, name: str, values: dict[str, Any], words: str
) -> None:
    kind = UnknownError if name == "nobody" else ValueError
    with pytest.raises(kind, match=words):
        correct(store, name, **values)
    assert asyncio.run(store.audits(None, 5)) == ()
    assert asyncio.run(store.asked(lambda connection: read_corrections(connection, name))) == ()


@pytest.mark.parametrize(
    ("reason", "values", "words"),
    [
        ("", {"energy_wh": 1.0}, "say in 1 to 500"), ("  ", {"energy_wh": 1.0}, "say in"),
        ("a\nb", {"energy_wh": 1.0}, "printable"), ("x" * 501, {"energy_wh": 1.0}, "say in"),
        ("why", {}, "nothing is to be corrected"), ("why", {"energy_wh": -1.0}, "from 0 to"),
        ("why", {"energy_wh": float("nan")}, "energy_wh"), ("why", {"energy_wh": 1e12}, "from 0 to"),
        ("why", {"energy_wh": True}, "from 0 to"), ("why", {"person": "x" * 99}, "a name"),
        ("why", {"cost_centre": "\x00"}, "cost_centre"), ("why", {"is_void": "yes"}, "true or false"),
    ],
)  # fmt: skip
def test_a_correction_that_cannot_be_meant_says_why(reason: str, values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Wanted(reason, values)


def erase(store: Store, person: str | None = None, tag: str | None = None, before: datetime = ALL.until) -> int:
    return asyncio.run(store.corrections.erase(person, tag, before, "eva", DAY))


def everything(store: Store) -> str:
    def read(connection: Any) -> list[Any]:
        rows = [*connection.execute(select(session).where(session.c.id == ONE.id))]
        logged = connection.execute(select(transaction_log).where(transaction_log.c.id == 1))
        return [*rows, *logged, *read_corrections(connection, ONE.id)]

    return str(asyncio.run(store.asked(read)))


@pytest.mark.parametrize("whose", [{"person": "anna"}, {"tag": "04aa"}])
def test_who_charged_is_forgotten_and_the_energy_stays(store: Store, whose: dict[str, Any]) -> None:
    correct(store, vehicle="Anna's car", reason="Anna said so")
    before = sums(store)
    assert erase(store, **whose) == 1, "what lasts keeps its names"
    assert sums(store) == before
    told = everything(store)
    assert not [word for word in ("anna", "Anna", "04AA", "04aa", "Van") if word in told]
    assert ERASED in told
    assert sums(store, person="bert") == (1, 1_000)
    assert erase(store, **whose) == 0
    asyncio.run(store.flush())
    (last, *_) = asyncio.run(store.audits(None, 1))
    assert last.what == "IdentityErased"
    assert "anna" not in last.detail


def test_many_sessions_are_forgotten_in_slices(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrections, "SOME", 3)
    more = [Seeded("CP-09/1", DAY + timedelta(hours=k), hours=0.5, person="dora") for k in range(10)]
    with store.database.connect() as connection, store.database.transaction(connection, durable=False):
        write(connection, more, first_id=100)
    assert erase(store, person="dora") == 10
    assert sums(store, person="dora") == (0, 0.0)


def test_names_whose_time_is_over_are_forgotten_and_nothing_else_changes(store: Store) -> None:
    before = sums(store)
    forget = store.corrections.forget_names
    assert asyncio.run(forget(DAY, "site file", DAY)) == 0
    found = asyncio.run(forget(ALL.until, "site file", ALL.until))
    assert found > 0
    assert sums(store) == before
    told = everything(store)
    assert not [word for word in ("anna", "04AA", "04aa", "Van") if word in told]
    assert asyncio.run(forget(ALL.until, "site file", ALL.until)) == 0, "nobody is known any more"
    asyncio.run(store.flush())
    audits = [one for one in asyncio.run(store.audits(None, 9)) if one.what == "NamesForgotten"]
    assert [json.loads(one.detail)["sessions"] for one in audits] == [found]


def test_only_what_began_before_is_forgotten(store: Store) -> None:
    assert erase(store, person="anna", before=DAY) == 0
    assert erase(store, person="anna", before=DAY + timedelta(seconds=1)) == 1


def test_signed_values_are_there_once_and_to_the_letter(store: Store) -> None:
    value = SignedValue("d1", "CP-01/1", 1, DAY, "Transaction.End", 'OCMF|{"ID":"=1+1 ä 🙂"}|{}')
    for _ in range(2):
        store.signed.kept(value)
    asyncio.run(store.flush())
    assert asyncio.run(store.asked(lambda connection: read_signed(connection, [1]))) == (value,)
    entry = SessionReader(store.database).entry(ONE.id)
    assert entry is not None
    assert entry.signed == 1


def test_a_key_is_vouched_for_until_it_is_withdrawn(store: Store) -> None:
    asyncio.run(store.signed.vouch("CP-01/1", "30aa", "eva", DAY))
    (key,) = asyncio.run(store.asked(lambda connection: read_keys(connection, "CP-01/1")))
    assert (key.key, key.confirmed, key.confirmed_by) == ("30aa", DAY, "eva")
    assert asyncio.run(store.asked(lambda connection: read_keys(connection, "CP-01/2"))) == ()
    asyncio.run(store.signed.withdraw("CP-01/1", "30aa", "bert", DAY))
    assert asyncio.run(store.asked(lambda connection: read_keys(connection, None))) == ()
    with pytest.raises(UnknownError, match="nobody vouches"):
        asyncio.run(store.signed.withdraw("CP-01/1", "30aa", "bert", DAY))
    told = [(one.who, one.what) for one in asyncio.run(store.audits(None, 5))]
    assert told == [("bert", "MeterKeyWithdrawn"), ("eva", "MeterKeyConfirmed")]
