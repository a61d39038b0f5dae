"""A web address is told over a real socket: signed, with a deadline, and what it answers is said in words."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from ems.adapters.webhook.post import REFUSALS, SignedPost
from ems.adapters.webhook.signature import key_of
from ems.adapters.webhook.target import WebhookTarget
from ems.domain.alarm.notice import Notice, Topic
from ems.ports.delivery import NotDeliveredError
from tests.adapters.webhook.receiver import SECRET, Receiver, receiver
from tests.ports import free_ports

AT = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
NOTICE = Notice(7, "evt_1", AT, Topic.SESSION_ENDED, "CP-01/1", {"energy_wh": 4000.0})


async def told(url: str, notice: Notice = NOTICE, whole_s: float = 5.0, secret: str | None = SECRET) -> str:
    post = SignedPost(url, None if secret is None else key_of(secret), whole_s=whole_s)
    try:
        target = WebhookTarget("back", post, frozenset(Topic), "Yard", lambda: AT)
        return await target.deliver([notice], 1)
    finally:
        await post.close()


def test_it_gets_what_happened_signed() -> None:
    with receiver() as there:
        assert asyncio.run(told(there.url)) == "204"
    (got,) = there.got
    assert got.told == {
        "id": "evt_1",
        "type": "session.ended",
        "timestamp": "2026-03-09T12:00:00.000Z",
        "site": "Yard",
        "subject": "CP-01/1",
        "data": {"energy_wh": 4000.0},
    }
    assert got.is_signed()
    assert not got._replace(body=got.body + b" ").is_signed()
    assert got.headers["webhook-id"] == "evt_1"
    assert got.headers["webhook-timestamp"] == str(int(AT.timestamp()))


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 410, 422, 429, 500, 503])
def test_any_other_answer_is_a_failure(status: int) -> None:
    with receiver() as there:
        there.answers = [status]
        with pytest.raises(NotDeliveredError, match=str(status)) as failed:
            asyncio.run(told(there.url))
    assert failed.value.is_final is (status in REFUSALS)
    assert len(there.got) == 1, "no redirect is followed"


def test_what_a_failing_receiver_says_is_apart_from_what_everybody_reads() -> None:
    with receiver() as there:
        there.answers = [400]
        with pytest.raises(NotDeliveredError) as failed:
            asyncio.run(told(there.url))
    assert str(failed.value) == f"http://127.0.0.1:{there.port}/… answers 400"
    assert failed.value.said == "nono"


def test_one_that_is_slow_does_not_answer() -> None:
    with receiver() as there:
        there.slow_s = 0.5
        with pytest.raises(NotDeliveredError, match="does not answer in time"):
            asyncio.run(told(there.url, whole_s=0.1))


def test_one_that_says_nothing_is_said_in_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ems.adapters.webhook.post.ANSWER_S", 0.1)
    with receiver() as there:
        there.slow_s = 0.5
        with pytest.raises(NotDeliveredError, match="does not answer in time"):
            asyncio.run(told(there.url))


def test_one_that_is_not_there_is_said_without_its_secrets() -> None:
    (port,) = free_ports(1)
    with pytest.raises(NotDeliveredError, match=rf"http://127.0.0.1:{port}/…: ") as failed:
        asyncio.run(told(f"http://anna:secret@127.0.0.1:{port}/secret?token=secret"))
    assert "secret" not in str(failed.value)


def test_one_that_does_not_exist_is_a_failure_too() -> None:
    with pytest.raises(NotDeliveredError):
        asyncio.run(told("http://nobody.invalid/hook"))


def test_without_a_secret_nothing_is_signed() -> None:
    with receiver() as there:
        asyncio.run(told(there.url, secret=None))
    assert "webhook-signature" not in there.got[0].headers


def test_a_connection_is_used_again() -> None:
    async def twice(there: Receiver) -> None:
        post = SignedPost(there.url, key_of(SECRET))
        target = WebhookTarget("back", post, frozenset(Topic), "Yard", lambda: AT)
        for _ in range(2):
            await target.deliver([NOTICE], 1)
        await post.close()

    with receiver() as there:
        asyncio.run(twice(there))
    assert len(there.got) == 2


def test_a_secret_is_long_enough() -> None:
    assert key_of("whsec_MDEyMzQ1Njc4OWFiY2RlZg==") == b"0123456789abcdef"
    for bad in ("short", "whsec_%%%", "whsec_MDEy"):
        with pytest.raises(ValueError, match=r"16 bytes|base64"):
            key_of(bad)
