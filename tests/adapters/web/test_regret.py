"""What is said of finished days, over HTTP and on the page of the plan."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest

from ems.adapters.web.app import WebOptions, create_app
from ems.adapters.web.regret.words import in_words, parts
from ems.planning.day_verdict import DayRegret, DayVerdict
from tests.adapters.web.planned import planned

DAY = date(2026, 6, 16)
REGRET = DayRegret(
    DAY, cost=12.344, could=10.0, carried_out=2.0, wishes=-0.1, late_knowledge=0.444, limits=0.2,
    missing_kwh=3.04, could_miss_kwh=0.0,
)  # fmt: skip
YESTERDAY = DayVerdict(DAY, REGRET, assumed=("a kWh that somebody missed counts 0.5 EUR",))
BEFORE = DayVerdict(DAY - timedelta(days=1), trouble="the day was measured for <b>3</b> of 24 hours only")


class Past:
    """Two days, the newest first."""

    def __init__(self, *days: DayVerdict) -> None:
        self.days = days


def ask(path: str, *days: DayVerdict) -> httpx2.Response:
    scene = planned()
    app = create_app(scene, scene, WebOptions(), hindsight=Past(*days))

    async def once() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
            return await client.get(path)

    return asyncio.run(once())


def told(path: str) -> Any:
    answer = ask(path, YESTERDAY, BEFORE)
    assert answer.status_code == 200, answer.text
    return answer.json()["days"]


def test_all_days_are_told_or_one_of_them() -> None:
    assert [row["day"] for row in told("/api/v1/regret")] == ["2026-06-16", "2026-06-15"]
    (row,) = told("/api/v1/regret?day=2026-06-16")
    assert row["regret"] | {"cost": 12.344, "regret": 2.344, "why": "how it was carried out"} == row["regret"]
    assert (row["currency"], row["assumed"]) == ("EUR", list(YESTERDAY.assumed))
    (silent,) = told("/api/v1/regret?day=2026-06-15")
    assert (silent["regret"], silent["trouble"]) == (None, BEFORE.trouble)


@pytest.mark.parametrize(("day", "status"), [("2026-06-01", 404), ("yesterday", 422)])
def test_a_day_of_which_nothing_is_said_is_a_plain_no(day: str, status: int) -> None:
    answer = ask(f"/api/v1/regret?day={day}", YESTERDAY)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_the_page_of_the_plan_looks_back_at_the_last_day() -> None:
    page = ask("/plan", YESTERDAY, BEFORE).text
    assert "Tuesday 16 June cost 12.34 EUR, with 3.0 kWh that vehicles missed; it could have cost 10.00 EUR" in page
    assert "how it was carried out" in page
    assert 'id="past"' in page
    assert "&lt;b&gt;3&lt;/b&gt;" in ask("/plan", BEFORE).text, "what comes from elsewhere is text"
    assert "looked back at" in ask("/plan").text


def test_the_parts_of_a_regret_in_words_the_largest_first() -> None:
    assert [(part.why, part.amount) for part in parts(REGRET, "EUR")] == [
        ("how it was carried out", "+2.00 EUR"),
        ("who came was not known before", "+0.44 EUR"),
        ("what drivers said, and was not so", "−0.10 EUR"),
        ("limits of circuits, without which it could have cost less still", "0.20 EUR"),
    ]


def test_a_day_that_could_not_have_been_better_is_told_so() -> None:
    fine = DayRegret(DAY, 10.0, 10.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert in_words(DayVerdict(DAY, fine), "EUR") == "Tuesday 16 June cost 10.00 EUR; it could not have cost less."
    assert not list(parts(fine, "EUR"))
