"""A finished day as the database tells it: what it cost, what it could have cost, and who wanted what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.store.database import Database
from ems.adapters.store.moment import to_ms
from ems.adapters.store.reading import NotReadableError
from ems.adapters.store.schema import interval, session, subject
from ems.assembly.past_day import verdict_of_day
from ems.assembly.sources import Sources
from ems.domain.energy.price import EnergyPrice
from ems.domain.energy.price_series import PriceSeries
from ems.domain.energy.tariff import Tariff
from ems.domain.site import Site
from ems.planning.day_verdict import DayVerdict
from tests.assembly.test_experience import write
from tests.builders import circuit, evse, layout

DAY = date(2026, 6, 17)
SITE = layout([circuit("grid", 63, meter="main", base_max=20)], [evse("A1", "grid"), evse("A2", "grid")])
MIDNIGHT = datetime.combine(DAY, time(), SITE.zone).astimezone(UTC)
QUARTER = timedelta(minutes=15)
MARKET = Tariff("market", "EUR", "Europe/Berlin", (EnergyPrice("procurement", (), series="day-ahead"),))
CHEAP_FROM = 12
PRICES = {
    "day-ahead": PriceSeries.of((MIDNIGHT + timedelta(hours=k), 0.30 if k < CHEAP_FROM else 0.10) for k in range(24))
}
KW_OF_BUILDING = 6.9


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "ems.sqlite3"
    Database(path).connect().close()
    return path


class Visit:
    """Somebody at A1 who drew so many kW on three legs between two hours of the local day."""

    def __init__(self, comes: float, leaves: float | None, draws: tuple[float, float, float], **said: Any) -> None:
        self.comes, self.leaves, self.draws, self.said = comes, leaves, draws, said

    @property
    def wh(self) -> float:
        since, until, kw = self.draws
        return 1000.0 * kw * (until - since)


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


def record(database: Path, *visits: Visit, measured_h: float = 24.0, site: Site = SITE) -> None:
    """What the recorder and the aggregation would have left of that day."""
    rows: list[tuple[Any, dict[str, Any]]] = [
        (subject, {"id": number, "kind": kind, "name": name})
        for number, (kind, name) in enumerate((("circuit", "grid"), ("drawn", "grid"), ("evse", "A1/1")), start=1)
    ]
    for starts in quarters(measured_h):
        hour = (starts - MIDNIGHT) / timedelta(hours=1)
        kw = sum(v.draws[2] for v in visits if v.draws[0] <= hour < v.draws[1])
        for number, flowing in ((1, kw + KW_OF_BUILDING), (2, kw), (3, kw)):
            amps = round(100_000.0 * flowing / 690.0)
            means = {f"mean_l{k}_ca": amps for k in (1, 2, 3)} | {f"max_l{k}_ca": amps for k in (1, 2, 3)}
            watts = {"mean_w": round(1000.0 * flowing), "energy_wh": round(250.0 * flowing)}
            rows.append((interval, {"starts": to_ms(starts), "subject": number, "covered_s": 900, **means, **watts}))
    for number, visit in enumerate(visits):
        leaves = None if visit.leaves is None else to_ms(at(visit.leaves))
        times = {"plugged": to_ms(at(visit.comes)), "unplugged": leaves}
        told = {"need_origin": "stated", "service_class": 0, "transactions": "[]", **visit.said}
        rows.append((session, {"id": f"s{number}", "evse": "A1/1", "energy_wh": visit.wh, **times, **told}))
    write(database, rows)


def quarters(hours: float) -> Iterator[datetime]:
    for k in range(round(4 * hours)):
        yield MIDNIGHT + k * QUARTER


def told(database: Path, tariff: Tariff | None = MARKET, day: date = DAY, site: Site = SITE) -> DayVerdict:
    return verdict_of_day(Sources(site, tariff, database.parent / "prices", database), PRICES, day)


def test_who_charged_in_the_dear_morning_though_he_stayed_all_day_is_regretted(database: Path) -> None:
    record(database, Visit(8, 16, (8, 9, 10.0)))
    verdict = told(database)
    regret = verdict.regret
    assert regret is not None, verdict.trouble
    building = KW_OF_BUILDING * 12 * (0.30 + 0.10)
    assert [regret.cost, regret.could] == pytest.approx([building + 3.0, building + 1.0], abs=0.01)
    assert (regret.missing_kwh, regret.why) == (0.0, "how it was carried out")
    assert DayVerdict.of_json(verdict.as_json()).regret is not None
    assert verdict.assumed == ("a kWh that somebody missed counts 0.5 EUR",)


@pytest.mark.parametrize(
    ("what", "visit", "missing_kwh"),
    [
        ("it had stopped drawing an hour before it left", Visit(8, 10, (8, 9, 10.0), need_wh=30_000.0), 0.0),
        ("it still drew, and had asked for more", Visit(8, 9, (8, 9, 10.0), need_wh=12_000.0), 2.0),
        ("it still drew, and nothing was said", Visit(8, 9, (8, 9, 10.0)), 0.0),
        ("it came the day before, and had the rest then", Visit(-2, 9, (8, 9, 10.0), need_wh=12_000.0), 2.0),
    ],
)
def test_what_a_vehicle_wanted_is_told_by_whether_it_still_drew(
    database: Path, what: str, visit: Visit, missing_kwh: float
) -> None:
    record(database, visit)
    regret = told(database).regret
    assert regret is not None
    assert regret.missing_kwh == pytest.approx(missing_kwh), what


def test_who_is_still_there_is_to_have_by_midnight_what_it_had(database: Path) -> None:
    record(database, Visit(20, None, (20, 21, 10.0), need_wh=60_000.0))
    regret = told(database).regret
    assert regret is not None
    assert [regret.missing_kwh, regret.regret] == pytest.approx([0.0, 0.0], abs=0.01)


@pytest.mark.parametrize(
    ("hours", "visits", "trouble"),
    [
        (12.0, (Visit(8, 9, (8, 9, 10.0)),), "the day was measured for 12 of 24 hours only"),
        (24.0, (), "nobody charged on that day"),
        (0.0, (), "the day was measured for 0 of 24 hours only"),
    ],
)
def test_where_nothing_can_be_said_it_says_why(
    database: Path, hours: float, visits: tuple[Visit, ...], trouble: str
) -> None:
    record(database, *visits, measured_h=hours)
    verdict = told(database)
    assert (verdict.regret, verdict.trouble) == (None, trouble)
    assert DayVerdict.of_json(verdict.as_json()) == verdict


def test_without_a_tariff_only_what_was_missed_counts(database: Path) -> None:
    record(database, Visit(8, 9, (8, 9, 10.0), need_wh=12_000.0))
    verdict = told(database, tariff=None)
    assert verdict.regret is not None
    assert [verdict.regret.cost, verdict.regret.could] == pytest.approx([1.0, 0.0], abs=1e-6)
    assert "there is no tariff: only what was missed counts" in verdict.assumed


def test_a_database_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotReadableError):
        told(tmp_path / "none" / "ems.sqlite3")
