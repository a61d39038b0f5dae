"""Prices of energy that are pushed: all or some, as a list or a table; stored before they count, merged with files."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from ems.adapters.web.app import create_app
from ems.adapters.web.energy.api import energy_prices
from ems.adapters.web.energy.page import series_pages
from ems.adapters.web.sheet import Sheet
from ems.assembly.energy_prices import SitePrices
from ems.assembly.sources import Sources
from ems.domain.energy.price import EnergyPrice
from ems.domain.energy.tariff import Tariff
from tests.adapters.web.office import Office

TARIFF = Tariff("market", "EUR", "Europe/Berlin", (EnergyPrice("procurement", (), series="day-ahead"),))
FILE = "start;price_eur_mwh\n2026-11-20T00:00+01:00;100\n2026-11-20T01:00+01:00;110\n2026-11-20T02:00+01:00;120\n"


class Market(Office):
    """An office of a site that pays by the hour, with a file of prices."""

    tariff: Tariff | None = TARIFF
    carbon: str | None = None

    def open(self) -> None:
        super().open()
        folder = self._folder / "prices"
        folder.mkdir(exist_ok=True)
        (folder / "day-ahead.csv").write_text(FILE)
        sources = Sources(self.scene.site, self.tariff, folder, self._folder / "ems.db")
        known = SitePrices(lambda: sources._replace(tariff=self.tariff), self.operations.pushed, self._intensity)
        self.further = (
            energy_prices(self.scene, self.scene, self.operations, known),
            series_pages(Sheet(self.scene, self.scene), known),
        )
        self.app = create_app(self.scene, self.scene, self._options, operations=self.operations, further=self.further)

    def _intensity(self) -> tuple[str | None, ZoneInfo]:
        return self.carbon, ZoneInfo("Europe/Berlin")

    def prices(self) -> list[tuple[str, float, bool]]:
        """Hour, price and whether it was pushed, of the series."""
        (series,) = self.told("GET", "/prices")["series"]
        return [(row["start"][11:16], row["per_kwh"], row["pushed"]) for row in series["prices"]]


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Market(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """One office for all that must change nothing."""
    with Market(tmp_path_factory.mktemp("calm")) as opened:
        yield opened


def push(*prices: tuple[str, float], **more: Any) -> dict[str, Any]:
    rows = [{"start": f"2026-11-20T{start}+01:00", "price": price} for start, price in prices]
    return {"series": "day-ahead", "unit": "EUR/MWh", "prices": rows, **more}


def test_what_is_pushed_counts_over_the_file_for_its_times_and_is_there_after_a_restart(market: Market) -> None:
    assert market.prices() == [("23:00", 0.1, False), ("00:00", 0.11, False), ("01:00", 0.12, False)]
    taken = market.told("POST", "/prices", push(("01:00", -31.5), ("02:00", 90.0)))
    assert (taken["taken"], taken["begin"], taken["findings"]) == (2, "2026-11-20T00:00:00+00:00", [])
    after = [("23:00", 0.1, False), ("00:00", -0.0315, True), ("01:00", 0.09, True)]
    assert market.prices() == after
    market.restart()
    assert market.prices() == after
    (late,) = market.told("GET", "/prices?since=2026-11-20T01:00:00Z")["series"][0]["prices"]
    assert late["start"] == "2026-11-20T01:00:00+00:00"


def test_a_push_is_audited_once_however_often_it_is_repeated(market: Market) -> None:
    for _ in range(3):
        market.told("POST", "/prices", push(("01:00", 80.0)))
    (audit,) = market.told("GET", "/audit")["audit"]
    assert audit["what"] == "SeriesTold"
    assert audit["detail"]["after"][0]["series"] == "day-ahead"


def test_all_that_was_pushed_is_replaced_and_taken_back(market: Market) -> None:
    market.told("POST", "/prices", push(("01:00", 80.0), ("02:00", 90.0)))
    market.told("PUT", "/prices", push(("02:00", 70.0)))
    assert market.prices()[1:] == [("00:00", 0.11, False), ("01:00", 0.07, True)]
    market.told("DELETE", "/prices/day-ahead")
    assert not any(pushed for _, _, pushed in market.prices())
    assert market.refused("DELETE", "/prices/day-ahead") == (404, "no prices of 'day-ahead' were pushed")


GAP = "start;price_eur_mwh\n" + "".join(f"2026-11-20 {hour:02}:00;{hour}0\n" for hour in (0, 1, 2, 5))
AUTUMN = "start;price_eur_mwh\n" + "".join(f"2026-10-25 {hour:02}:00;{hour}0\n" for hour in (0, 1, 2, 3))
BLANKS = "start;price_eur_mwh\n2026-11-20 00:00;80\n2026-11-20 01:00;n/e\n2026-11-20 02:00;x\n"


@pytest.mark.parametrize(
    ("table", "taken", "said"),
    [
        (GAP, 4, [(5, "no price from 2026-11-20 03:00 to 2026-11-20 05:00", False)]),
        (AUTUMN, 5, [(4, "the clock of Europe/Berlin shows 02:00 on 2026-10-25 twice, the file has it once: "
                      "its price holds both times", False)]),
        (BLANKS, 1, [(3, "it has no price for 2026-11-20 01:00", True), (4, "the price 'x' is not a number", True),
                     (2, "a single price: taken to hold for an hour", False)]),
    ],
    ids=["an hour that is missing", "the doubled hour", "rows without a price"],
)  # fmt: skip
def test_what_is_odd_about_a_table_is_named_row_by_row(
    market: Market, table: str, taken: int, said: list[tuple[int, str, bool]]
) -> None:
    told = market.told("POST", "/prices", {"series": "day-ahead", "table": table})
    assert told["taken"] == taken
    assert [(row["row"], row["message"], row["is_refusal"]) for row in told["findings"]] == said


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (push(("01:00", 80.0), series="intraday"), 404, "follows no series 'intraday'; it follows: day-ahead"),
        (push(("01:00", 80.0), unit="SEK/MWh"), 422, "the prices are in SEK, the tariff is in EUR"),
        (push(("01:00", 84.31), unit="EUR/kWh"), 422, "01:00 on, 84.31 EUR per kWh, is hardly meant"),
        (push(("01:00", 80.0), unit="€/MWh"), 422, "unit"),
        (push(("01:00", 80.0), unit=None), 422, "prices need a unit"),
        (push(), 422, "prices"),
        (push(("01:00", 80.0), table="start;price"), 422, "write prices, or a table"),
        ({"series": "day-ahead", "table": "when;what\n1;2\n"}, 422, "no heading names a column for the time"),
        ({"series": "day-ahead", "table": "start;price_eur_mwh\n"}, 422, "it has no prices"),
        ({"series": "day-ahead", "unit": "EUR/MWh", "prices": [{"start": "2026-11-20T01:00", "price": 8}]}, 422,
         "timezone"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_words_and_nothing_changes(
    calm: Market, body: dict[str, Any], status: int, words: str
) -> None:
    answer = calm.ask("POST", "/prices", body)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert not any(pushed for _, _, pushed in calm.prices())


def test_without_a_tariff_there_is_nothing_to_push_to(market: Market) -> None:
    market.tariff = None
    assert market.refused("POST", "/prices", push(("01:00", 80.0)))[0] == 404
    assert market.told("GET", "/prices")["series"] == []


class GreenMarket(Market):
    """One whose reports follow the carbon intensity of the grid."""

    tariff = None
    carbon = "grid-co2"

    def open(self) -> None:
        super().open()
        table = "start;intensity [gCO₂eq/kWh]\n2026-11-20T00:00+01:00;400\n2026-11-20T01:00+01:00;380\n"
        (self._folder / "prices" / "grid-co2.csv").write_text(table)
        (self._folder / "prices" / "grid-co2-z.csv").write_text("start;price_eur_mwh\n2026-11-20T05:00+01:00;84\n")


def test_carbon_intensities_are_pushed_and_read_as_prices_are(tmp_path: Path) -> None:
    with GreenMarket(tmp_path) as market:
        rows = push(("01:00", 0.35), ("02:00", 0.0), series="grid-co2", unit="kgCO2/kWh")
        assert market.told("POST", "/prices", rows)["taken"] == 2
        assert market.prices() == [("23:00", 400.0, False), ("00:00", 350.0, True), ("01:00", 0.0, True)]
        known = market.told("GET", "/prices")
        assert known["series"][0]["unit"] == "gCO2/kWh"
        assert known["doubts"] == [
            "grid-co2-z.csv is not used: its heading names no g/kWh, as in start;intensity_g_kwh"
        ]
        for wrong, why in (
            (push(("01:00", -1.0), series="grid-co2", unit="gCO2/kWh"), "-1 g/kWh is hardly meant"),
            (push(("01:00", 400.0), series="grid-co2", unit="kgCO2/kWh"), "400000 g/kWh is hardly meant"),
            (push(("01:00", 84.0), series="grid-co2"), "write the unit as gCO2/kWh"),
            (push(("01:00", 84.0), series="other", unit="gCO2/kWh"), "the site has no tariff"),
        ):
            assert why in market.refused("POST", "/prices", wrong)[1]
        market.told("DELETE", "/prices/grid-co2")
        assert [row[1] for row in market.prices()] == [400.0, 380.0]


def test_a_series_is_of_prices_or_of_carbon_but_not_of_both(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        market.carbon = "day-ahead"
        for unit in ("EUR/MWh", "gCO2/kWh"):
            status, why = market.refused("POST", "/prices", push(("01:00", 80.0), unit=unit))
            assert (status, "rename one" in why) == (422, True)


YEAR = "start;intensity_g_kwh\n" + "".join(
    f"{day.date().isoformat()}T{hour:02}:00Z;{380 + hour}\n"
    for day in (datetime(2025, 11, 20, tzinfo=UTC) + timedelta(days=n) for n in range(366))
    for hour in range(24)
)


def test_what_is_over_for_too_long_is_said_to_be_lost_and_not_counted_as_taken(tmp_path: Path) -> None:
    with GreenMarket(tmp_path) as market:
        told = market.told("POST", "/prices", {"series": "grid-co2", "table": YEAR})
        kept = [row for row in market.told("GET", "/prices")["series"][0]["prices"] if row["pushed"]]
        assert (told["taken"], told["begin"]) == (len(kept), kept[0]["start"])
        lost = 366 * 24 - len(kept)
        assert told["findings"][0]["message"] == f"{lost} values are over for more than 70 days, and are not kept"
        old = "\n".join(YEAR.splitlines()[:50])
        assert (
            "over for more than 70 days" in market.refused("POST", "/prices", {"series": "grid-co2", "table": old})[1]
        )


def test_a_table_is_read_before_it_is_taken_with_every_odd_row(tmp_path: Path) -> None:
    with GreenMarket(tmp_path) as market:
        before = market.told("GET", "/prices")
        table = "start;intensity_g_kwh\n2026-11-20T05:00+01:00;410\n2026-11-20T06:00+01:00;n/a\n"
        told = market.told("POST", "/prices/preview", {"series": "grid-co2", "table": table})
        assert (told["taken"], [row["row"] for row in told["findings"]]) == (1, [3, 2])
        answer = market.ask("POST", "/prices/preview", {"series": "grid-co2", "table": table.replace("410", "x")})
        assert answer.status_code == 422
        assert [row["row"] for row in answer.json()["findings"]] == [2, 3]
        assert market.told("GET", "/prices") == before
        late = table.replace("2026", "2029")
        assert "check the year" in market.refused("POST", "/prices/preview", {"series": "grid-co2", "table": late})[1]


def page(market: Market) -> str:
    """The words of the page of series."""

    async def once() -> str:
        transport = httpx2.ASGITransport(app=market.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
            return (await client.get("/series")).text

    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(asyncio.run(once()))).split())


def test_the_page_says_from_when_till_when_a_series_is_known_and_what_is_missing(tmp_path: Path) -> None:
    with GreenMarket(tmp_path) as market:
        assert "grid-co2 , gCO2/kWh" in page(market)
        assert "2 values from 20 Nov 2026 00:00 until 20 Nov 2026 02:00" in page(market)
        assert "Fri 20 Nov 2026 2 22 h 380 390 400 file" in page(market)
        assert "grid-co2-z.csv is not used" in page(market)
        market.told("POST", "/prices", push(("01:00", 350.0), ("02:00", 0.0), series="grid-co2", unit="gCO2/kWh"))
        assert "Fri 20 Nov 2026 3 21 h 0 250 400 both" in page(market)
        assert "2 of what was pushed or taken here is kept, from 20 Nov 2026 01:00 until 20 Nov 2026 03:00" in page(
            market
        )
        assert "Delete what was pushed of grid-co2" in page(market)
        market.told("DELETE", "/prices/grid-co2")
        assert "Delete what was pushed" not in page(market)


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2027-03-28", 23)])
def test_a_day_on_which_the_clocks_change_is_complete_with_its_own_hours(tmp_path: Path, day: str, hours: int) -> None:
    with GreenMarket(tmp_path) as market:
        begin = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
        rows = "".join(f"{(begin + timedelta(hours=n)).isoformat()};{100 + n}\n" for n in range(hours))
        market.told("POST", "/prices", {"series": "grid-co2", "table": f"start;intensity_g_kwh\n{rows}"})
        words = (
            f"{datetime.fromisoformat(day):%a %d %b %Y} {hours} – 100 {100 + (hours - 1) / 2:.4g} {99 + hours} pushed"
        )
        assert words in page(market)


def test_where_no_series_is_followed_the_page_says_how_to(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        market.tariff = None
        assert "None is followed. A tariff may follow prices" in page(market)
