"""Alarms by mail: many in one, and at night only what is serious."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ems.domain.alarm.delivery import QuietHours
from ems.domain.alarm.notice import Notice, Topic
from ems.ports.delivery import Attachment
from ems.runtime.alarm_mail import STEP, AlarmMailer, written

ZONE = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 9, 11, 0, tzinfo=UTC)
NIGHT = datetime(2026, 3, 9, 22, 30, tzinfo=UTC)


class Box:
    """A `Mail` that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[Sequence[str], str, str, str]] = []

    async def send(
        self, recipients: Sequence[str], subject: str, text: str, attachments: Sequence[Attachment] = (), key: str = ""
    ) -> Mapping[str, str]:
        assert not attachments
        self.got.append((recipients, subject, text, key))
        return {"bob@depot.example": "unknown"} if "bob@depot.example" in recipients else {}


def mailer(box: Box | None = None, **options: Any) -> AlarmMailer:
    to = options.pop("to", ("anna@depot.example",))
    return AlarmMailer(box or Box(), to, lambda: "Yard", lambda: ZONE, **options)


def raised(number: int, at: datetime = NOON, level: str = "normal", **data: Any) -> Notice:
    told = {"alarm": number, "level": level, "text": f"CP-0{number} is offline", "hint": "look at it", **data}
    return Notice(number, f"n{number}", at, Topic.ALARM_RAISED, f"CP-0{number}", told)


def cleared(number: int, at: datetime = NOON) -> Notice:
    data = {"alarm": number, "text": f"CP-0{number} is offline"}
    return Notice(100 + number, f"c{number}", at, Topic.ALARM_CLEARED, f"CP-0{number}", data)


TEST = Notice(9, "t9", NIGHT, Topic.TEST, "mail", {"text": "This is a test. Nothing is wrong."})
QUIET = QuietHours(time(22), time(6))


@pytest.mark.parametrize(
    ("waiting", "after_s", "quiet", "holds_s"),
    [
        ([raised(1)], 0, None, 60.0),
        ([raised(1), raised(2, NOON + timedelta(seconds=30))], 30, None, 30.0),
        ([raised(1)], 60, None, 0.0),
        ([raised(1)], 60, QUIET, 0.0),
        ([raised(1, NIGHT)], 60, None, 0.0),
        ([raised(1, NIGHT)], 60, QUIET, STEP.total_seconds()),
        ([raised(1, NIGHT, "hold")], 60, QUIET, 0.0),
        ([raised(1, NIGHT), raised(2, NIGHT, "fallback")], 60, QUIET, 0.0),
        ([cleared(1, NIGHT)], 60, QUIET, STEP.total_seconds()),
        ([raised(1, NIGHT)], 7 * 3600, QUIET, 0.0),
        ([TEST], 0, QUIET, 0.0),
    ],
)
def test_how_long_alarms_wait(waiting: list[Notice], after_s: float, quiet: QuietHours | None, holds_s: float) -> None:
    now = waiting[0].at + timedelta(seconds=after_s)
    assert max(0.0, mailer(quiet=quiet).hold_s(waiting, now)) == holds_s


def test_many_are_one_mail_with_what_to_look_at() -> None:
    box = Box()
    answer = asyncio.run(mailer(box, public_url="https://depot.example").deliver([raised(1), raised(2)], 1))
    ((to, subject, text, key),) = box.got
    assert (to, subject, key, answer) == (("anna@depot.example",), "Yard: 2 alarms", "n1 n2", "sent")
    assert "New, 09 Mar 2026 12:00: CP-01 is offline\n  look at it" in text
    assert text.endswith("https://depot.example/alarms\n")


@pytest.mark.parametrize(
    ("notices", "subject"),
    [
        ([raised(1)], "Yard: CP-01 is offline"),
        ([raised(1), raised(2), cleared(1)], "Yard: CP-02 is offline"),
        ([raised(1), cleared(1)], "Yard: alarms are over"),
        ([cleared(1)], "Yard: over: CP-01 is offline"),
        ([TEST], "Yard: a test"),
    ],
)
def test_the_subject_says_what_lasts(notices: list[Notice], subject: str) -> None:
    assert written(notices, "Yard", ZONE)[0] == subject


def test_who_did_not_get_it_is_said() -> None:
    answer = asyncio.run(mailer(to=("anna@depot.example", "bob@depot.example")).deliver([raised(1)], 1))
    assert answer == "sent, but not to bob@depot.example"


def test_what_is_over_is_mailed_only_where_people_want_that() -> None:
    assert Topic.ALARM_CLEARED in mailer().topics
    assert mailer(cleared=False).topics == {Topic.ALARM_RAISED}


@pytest.mark.parametrize(
    ("text", "at", "holds"),
    [
        ("22:00-06:00", time(23), True),
        ("22:00-06:00", time(5, 59), True),
        ("22:00-06:00", time(6), False),
        ("22:00-06:00", time(12), False),
        ("12:00-13:00", time(12), True),
        ("12:00-13:00", time(13), False),
    ],
)
def test_quiet_hours_reach_over_midnight(text: str, at: time, holds: bool) -> None:
    local = datetime.combine(NOON.date(), at, ZONE)
    assert QuietHours.parse(text).holds(local) is holds
