"""An export is due once for each period, on the clock of the site, whatever happens to that clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.statistics.export_plan import Content, ExportPlan, ToMail, ToWebhook
from ems.statistics.period import Every

BERLIN = ZoneInfo("Europe/Berlin")
TO = ToMail(("office@depot.example",))


def plan(every: Every, at: str = "06:00", day: int | None = None) -> ExportPlan:
    return ExportPlan("x", Content.REPORT, every, TO, time.fromisoformat(at), day)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("known", "now", "at", "period"),
    [
        (plan(Every.DAY), "2026-10-10T03:59", "2026-10-09T04:00", "2026-10-08"),
        (plan(Every.DAY), "2026-10-10T04:00", "2026-10-10T04:00", "2026-10-09"),
        (plan(Every.WEEK), "2026-10-12T04:00", "2026-10-12T04:00", "2026-10-05 to 2026-10-11"),
        (plan(Every.WEEK, day=1), "2026-10-12T04:00", "2026-10-06T04:00", "2026-09-28 to 2026-10-04"),
        (plan(Every.MONTH), "2026-11-01T05:00", "2026-11-01T05:00", "2026-10"),
        (plan(Every.MONTH), "2026-11-01T04:59", "2026-10-01T04:00", "2026-09"),
        (plan(Every.MONTH, day=3), "2027-01-02T12:00", "2026-12-03T05:00", "2026-11"),
        # 02:30 does not exist on 2026-03-29, and comes twice on 2026-10-25.
        (plan(Every.DAY, "02:30"), "2026-03-29T01:30", "2026-03-29T01:30", "2026-03-28"),
        (plan(Every.DAY, "02:30"), "2026-10-25T00:30", "2026-10-25T00:30", "2026-10-24"),
        (plan(Every.DAY, "02:30"), "2026-10-25T01:30", "2026-10-25T00:30", "2026-10-24"),
    ],
)
def test_what_was_due_last(known: ExportPlan, now: str, at: str, period: str) -> None:
    due, covered = known.due(utc(now), BERLIN)
    assert (due, str(covered)) == (utc(at), period)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - their zone is put to them below
    st.sampled_from(Every),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_each_period_is_due_once_and_in_order(now: datetime, every: Every, at: time, zone: str) -> None:
    known, where = ExportPlan("x", Content.REPORT, every, TO, at), ZoneInfo(zone)
    moment = now.replace(tzinfo=UTC)
    due, covered = known.due(moment, where)
    later = known.next_due(moment, where)
    assert due <= moment < later
    assert covered.end <= due + timedelta(hours=2), "only what is over goes out"
    again, following = known.due(later, where)
    assert (again, following.begin) == (later, covered.end)


def test_everybody_reads_where_an_export_is_posted_but_not_the_path() -> None:
    assert str(ToWebhook("https://erp.example.com/in/q9Zr4tKw")) == "https://erp.example.com/…"
