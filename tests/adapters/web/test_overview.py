"""The overview: flows, demand, who is at risk, alarms; inert whatever is said, and small and quick on a large site."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ems.adapters.store.batch import Sample
from ems.adapters.store.moment import to_ms
from ems.adapters.web.overview.flow import bars, spark
from ems.adapters.web.overview.page import _saved
from ems.adapters.web.overview.risk import at_risk
from ems.adapters.web.picture import circuits
from ems.adapters.web.sheet import Sheet
from ems.domain.events import Event, StationGone, StatusChanged
from ems.domain.instant import Instant
from ems.domain.session import Need
from ems.domain.station import EvseStatus
from ems.ports.reports import Saved
from tests.adapters.web.page_office import PageOffice
from tests.adapters.web.planned import planned
from tests.adapters.web.scene import busy
from tests.adapters.web.test_injection import HOSTILE, slandered

MOST_S, MOST_BYTES = 0.1, 250_000


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageOffice]:
    with PageOffice(tmp_path_factory.mktemp("office")) as one:
        yield one


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


@pytest.mark.parametrize(
    ("power", "sources", "uses"),
    [
        ((10e3, 6e3, None, None, 4e3), "grid 10.0 kW", "vehicles 6.0 kW, building 4.0 kW"),
        ((2e3, 6e3, -5e3, None, 1e3), "grid 2.0 kW, PV 5.0 kW", "vehicles 6.0 kW, building 1.0 kW"),
        ((-3e3, 0.0, -5e3, 1e3, 1e3), "PV 5.0 kW", "building 1.0 kW, battery 1.0 kW, fed in 3.0 kW"),
        ((1e3, 3e3, None, -2e3, 0.0), "grid 1.0 kW, battery 2.0 kW", "vehicles 3.0 kW"),
        ((None, 3e3, None, None, None), "", "vehicles 3.0 kW"),
    ],
)
def test_what_comes_in_and_what_goes_out(power: tuple[float | None, ...], sources: str, uses: str) -> None:
    row: Any = dict(zip(("grid", "ev", "pv", "battery", "other"), power, strict=True))
    root = next(circuits(Sheet(busy(2), busy(2)).view()))
    drawn = bars(row, root, 230.0)
    assert ", ".join(f"{part.name} {part.value}" for part in drawn.sources) == sources
    assert ", ".join(f"{part.name} {part.value}" for part in drawn.uses) == uses


def test_the_page_tells_flows_states_and_demand(opened: PageOffice) -> None:
    now = opened.scene.instant.utc
    opened.record(
        Sample(to_ms(now) - 1000 * s, "circuit", "grid", 100, 100, 100, 30_000, None) for s in range(3600, 0, -10)
    )
    answer = opened.page("/overview")
    assert answer.status_code == 200
    said = words(answer.text)
    assert "Highest demand billed so far 30.0 kW" in said
    assert "of 14" in said
    assert "aria-current" in answer.text


def test_who_cannot_be_ready_even_at_full_power_is_at_risk() -> None:
    scene = busy(4)
    sheet = Sheet(scene, scene)
    assert at_risk(sheet.view(), sheet.calendar()) == []
    evse = scene.site.evses[0].id
    need = Need(80e3, scene.instant.utc + timedelta(hours=1))
    scene.state = scene.state.with_evse(
        evse, lambda known: replace(known, session=known.session and replace(known.session, need=need))
    )
    found = at_risk(sheet.view(), sheet.calendar())
    assert [one.evse for one in found] == [evse]
    assert "even at full power" in found[0].text


@pytest.mark.parametrize(
    ("happened", "why"),
    [
        (lambda at, name: [StationGone(name, at, 1)], "10.3 of 20 kWh by 20:00, short 9.7 kWh: its station is offline"),
        (
            lambda at, name: [StatusChanged(f"{name}/1", at, EvseStatus.FAULTED, "GroundFailure")],
            "0 of 20 kWh by 20:00, short 20 kWh: its EVSE reports Faulted (GroundFailure)",
        ),
        (
            lambda at, name: [StatusChanged(f"{name}/1", at, EvseStatus.FINISHING)],
            "short 20 kWh: its transaction has ended",
        ),
    ],
)
@pytest.mark.parametrize("with_plan", [True, False], ids=["planned", "unplanned"])
def test_who_cannot_charge_as_things_are_is_at_risk_whatever_the_plan_says(
    happened: Callable[[Instant, str], list[Event]], why: str, with_plan: bool
) -> None:
    scene = planned(6) if with_plan else busy(6)
    sheet = Sheet(scene, scene)
    before = {one.evse for one in at_risk(sheet.view(), sheet.calendar())}
    evse = next(evse.id for evse, known in zip(scene.site.evses, scene.state.evses, strict=True)
                if known.status is EvseStatus.CHARGING and evse.id not in before)  # fmt: skip
    known = scene.state.evse(evse)
    assert known.session is not None
    need = Need(known.session.energy_wh + 20e3, scene.instant.utc.replace(hour=19, minute=0))  # 20:00 in Berlin
    session = replace(known.session, need=need, plugged_s=scene.instant.monotonic_s - 3600)
    scene.state = scene.state.with_evse(evse, lambda known: replace(known, session=session))
    assert {one.evse for one in at_risk(sheet.view(), sheet.calendar())} == before
    scene.tell(*happened(scene.instant, evse.partition("/")[0]))
    scene.tick(1)
    scene.state = scene.state.with_evse(evse, lambda known: replace(known, session=session))
    (found,) = (one for one in at_risk(sheet.view(), sheet.calendar()) if one.evse not in before)
    assert found.evse == evse
    assert why in found.text, found.text
    assert found.remedies


@pytest.mark.parametrize(
    ("amps", "minutes", "paused_until_s", "is_told"),
    [
        (16.0, 60, None, True),
        (0.0, 60, None, False),
        (16.0, 1, None, False),
        (16.0, 60, 20, False),
        (16.0, 60, 300, True),
    ],
)
def test_who_does_not_draw_is_at_risk_where_it_is_offered_current_and_had_time_to_begin(
    amps: float, minutes: int, paused_until_s: float | None, is_told: bool
) -> None:
    scene = busy(6)
    sheet, at = Sheet(scene, scene), scene.instant
    session = scene.state.evses[0].session
    assert session is not None
    assert scene.decision is not None
    session = replace(
        session, need=Need(20e3, at.utc + timedelta(hours=9)), plugged_s=at.monotonic_s - 60 * minutes, energy_wh=0.0
    )
    known = scene.state.evses[0]
    told = () if paused_until_s is None else ((-1800.0, 0.0), (-paused_until_s, amps))
    grant = replace(known.grant, recent=tuple((at.monotonic_s + ago, told_a) for ago, told_a in told))
    scene.state = scene.state.with_evse_at(
        0, replace(known, status=EvseStatus.SUSPENDED_EV, session=session, grant=grant)
    )
    first, *others = scene.decision.setpoints
    scene.decision = replace(scene.decision, setpoints=(first._replace(amps=amps), *others))
    risks = [one.text for one in at_risk(sheet.view(), sheet.calendar())]
    assert [text.endswith("short 20 kWh: it does not draw although it may") for text in risks] == [True] * is_told


def test_what_is_nearly_there_is_ready() -> None:
    scene = busy(6)
    sheet = Sheet(scene, scene)
    evse = scene.site.evses[0].id
    session = scene.state.evse(evse).session
    assert session is not None
    need = Need(session.energy_wh + 200.0, scene.instant.utc + timedelta(minutes=1))
    scene.state = scene.state.with_evse(
        evse, lambda known: replace(known, status=EvseStatus.FINISHING, session=replace(session, need=need))
    )
    assert at_risk(sheet.view(), sheet.calendar()) == []


def test_the_plan_tells_who_is_at_risk_and_what_is_ahead(opened: PageOffice) -> None:
    scene = planned(6)
    sheet = Sheet(scene, scene)
    plan = scene.state.plan
    assert plan is not None
    drawn = spark(sheet.view(), plan)
    assert drawn is not None
    assert drawn.power.startswith("M")
    assert drawn.peak_w > 0
    assert len(drawn.marks) == 4


@pytest.mark.parametrize("name", HOSTILE)
def test_what_stations_say_is_inert(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    with PageOffice(tmp_path_factory.mktemp("hostile")) as office:
        office.scene.state = slandered(HOSTILE[name]).state
        office.scene.decision = slandered(HOSTILE[name]).decision
        text = office.page("/overview").text
    assert "<script>" not in text
    assert "onerror=" not in text or "&lt;" in text


def test_on_a_site_of_200_evses_the_page_is_quick_and_small(tmp_path_factory: pytest.TempPathFactory) -> None:
    with PageOffice(tmp_path_factory.mktemp("large")) as office:
        large = busy(200)
        office.scene.site, office.scene.state, office.scene.decision = large.site, large.state, large.decision
        office.page("/overview")
        office.scene.instant = office.scene.instant.later(2)
        began = time.perf_counter()
        answer = office.page("/overview", {"accept-encoding": "gzip"})
        took = time.perf_counter() - began
    assert answer.status_code == 200
    assert took < 5 * MOST_S, "five times as long as on an idle machine"
    assert len(answer.content) < MOST_BYTES


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("1234.56", "Saved this month by control 1\u202f234.56 EUR until 26 Nov, against charging at once"),
        ("-3.20", "Control cost more this month 3.20 EUR"),
    ],
)
def test_what_control_saved(amount: str, said: str) -> None:
    saved = Saved(Decimal(amount), "EUR", date(2026, 11, 1), date(2026, 11, 26))
    (tile,) = _saved(saved)
    assert said in " ".join((tile["what"], tile["value"], tile["more"]))
    assert not list(_saved(None))
