"""What others want to know is seen between two ticks, each of it once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ems.control.memory import Memory
from ems.domain import events as e
from ems.domain.alarm.incident import Acknowledged, Change, Incident, Turn
from ems.domain.alarm.notice import Topic
from ems.domain.apply import apply
from ems.domain.decision import Decision, Level
from ems.domain.instant import Instant
from ems.domain.session import Transaction
from ems.domain.state import SiteState
from ems.domain.station import EvseStatus
from ems.runtime.herald import Herald
from ems.runtime.inbox import Inbox
from tests.control.installations import SITES

AT = Instant(1000.0, datetime(2026, 3, 9, 12, 0, tzinfo=UTC))
SITE = SITES["one_feeder"]


class Scene:
    """Ticks of a site, and what was told."""

    def __init__(self) -> None:
        self.state, self.told = SiteState.initial(SITE), list[tuple[Topic, str, Any]]()
        self.now = AT
        self.herald = Herald(lambda topic, subject, data, _at: self.told.append((topic, subject, data)), lambda: AT.utc)
        self.tick()

    def tick(self, *events: e.Event) -> list[str]:
        """What this tick tells, in short."""
        self.now = self.now.later(1.0)
        for event in events:
            self.state = apply(self.state, event)
        before = len(self.told)
        self.herald.look(events, self.state, Memory.blank(SITE), Decision(self.now, (), ()))
        return [f"{topic.value} {subject}" for topic, subject, _ in self.told[before:]]

    def status(self, status: EvseStatus, error: str = "") -> e.StatusChanged:
        return e.StatusChanged("A1/1", self.now, status, error)

    def starts(self, number: int = 7) -> e.TransactionStarted:
        return e.TransactionStarted("A1/1", self.now, Transaction(number, self.now.utc, 1000.0, "CARD"))

    def ends(self, number: int = 7, energy_wh: float | None = 4000.0) -> e.TransactionEnded:
        return e.TransactionEnded("A1/1", self.now, number, energy_wh, "Local")


def test_a_station_comes_and_goes() -> None:
    scene = Scene()
    assert scene.tick(e.StationConnected("A1", AT, 1)) == ["station.connected A1"]
    assert scene.tick() == []
    assert scene.tick(e.StationGone("A1", AT, 1)) == ["station.gone A1"]


def test_a_session_from_plug_to_plug() -> None:
    scene = Scene()
    scene.tick(e.StationConnected("A1", AT, 1), scene.status(EvseStatus.AVAILABLE))
    assert scene.tick(scene.status(EvseStatus.PREPARING)) == ["status.changed A1/1", "session.started A1/1"]
    assert scene.tick(scene.starts()) == ["transaction.started A1/1"]
    assert scene.tick(e.MeterValues("A1/1", scene.now.monotonic_s, register_wh=3000.0)) == []
    assert scene.tick(scene.ends()) == ["transaction.ended A1/1"]
    assert scene.told[-1][2]["energy_wh"] == 4000.0
    assert scene.tick(scene.status(EvseStatus.AVAILABLE)) == ["status.changed A1/1", "session.ended A1/1"]


def test_the_end_in_the_tick_of_the_last_value_has_all_the_energy() -> None:
    scene = Scene()
    scene.tick(e.StationConnected("A1", AT, 1), scene.status(EvseStatus.CHARGING), scene.starts())
    told = scene.tick(scene.ends(), scene.status(EvseStatus.AVAILABLE))
    assert told == ["status.changed A1/1", "transaction.ended A1/1", "session.ended A1/1"]
    assert scene.told[-1][2]["energy_wh"] == 4000.0


def test_what_a_station_did_offline_is_told_when_it_tells() -> None:
    scene = Scene()
    scene.tick(e.StationConnected("A1", AT, 1), scene.status(EvseStatus.AVAILABLE))
    inbox = Inbox(lambda _: False)
    for event in (scene.starts(1), scene.ends(1), scene.starts(2), scene.ends(2, 500.0)):
        inbox.put(event)
    told = [one for _ in range(5) for one in scene.tick(*inbox.drain())]
    assert [one for one in told if "transaction" in one] == ["transaction.started A1/1", "transaction.ended A1/1"] * 2
    assert [data["energy_wh"] for topic, _, data in scene.told if topic is Topic.TRANSACTION_ENDED] == [4000.0, 500.0]


def test_a_session_is_told_with_the_energy_of_all_its_transactions_and_a_transaction_with_its_own() -> None:
    scene = Scene()
    scene.tick(e.StationConnected("A1", AT, 1), scene.status(EvseStatus.CHARGING), scene.starts(1))
    scene.tick(scene.ends(1))
    scene.tick(scene.starts(2))
    scene.tick(scene.ends(2, 500.0))
    scene.tick(scene.status(EvseStatus.AVAILABLE))
    energies = [(topic, data["energy_wh"]) for topic, _, data in scene.told if "energy_wh" in data]
    assert energies[-3:] == [
        (Topic.TRANSACTION_STARTED, 0.0), (Topic.TRANSACTION_ENDED, 500.0), (Topic.SESSION_ENDED, 4500.0)
    ]  # fmt: skip


def test_the_error_of_a_status_is_told() -> None:
    scene = Scene()
    scene.tick(scene.status(EvseStatus.FAULTED, "GroundFailure"))
    assert scene.told[-1][2] == {"evse": "A1/1", "status": "Faulted", "error": "GroundFailure", "before": "Unknown"}


def test_what_happens_as_the_site_file_is_read_again_is_told() -> None:
    scene = Scene()
    scene.tick(scene.status(EvseStatus.PREPARING))
    policy = replace(SITE.policy, idle_a=0.0)
    scene.state = replace(scene.state, site=replace(SITE, policy=policy))
    assert scene.tick(scene.status(EvseStatus.AVAILABLE)) == ["status.changed A1/1", "session.ended A1/1"]


def test_what_was_there_before_the_first_tick_is_no_news() -> None:
    scene = Scene()
    scene.tick(scene.status(EvseStatus.CHARGING), scene.starts())
    again = Herald(lambda *_: pytest.fail("nothing has happened"), lambda: AT.utc)
    again.look((), scene.state, Memory.blank(SITE), Decision(AT, (), ()))


@pytest.mark.parametrize(
    ("turn", "into", "told"),
    [
        (Turn.RAISED, None, [Topic.ALARM_RAISED]),
        (Turn.CLEARED, None, [Topic.ALARM_CLEARED]),
        (Turn.CLEARED, 8, []),
        (Turn.ACKNOWLEDGED, None, [Topic.ALARM_ACKNOWLEDGED]),
        (Turn.CHANGED, None, []),
    ],
)
def test_alarms_are_told_but_not_those_that_became_part_of_another(
    turn: Turn, into: int | None, told: list[Topic]
) -> None:
    scene = Scene()
    at = AT.utc - timedelta(minutes=5)
    seen = Acknowledged(at, "anna", "note")
    known = Incident(7, "fault:A1/1", "fault", "A1/1", Level.NORMAL, "it is so", "", ("A1/1",), at, at, into=into,
                     acknowledged=seen)  # fmt: skip
    scene.herald.alarm(Change(turn, known))
    assert [topic for topic, _, _ in scene.told] == told
    assert all(data["note"] == "note" for _, _, data in scene.told)
