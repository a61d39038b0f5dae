"""What the paths answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ems.adapters.web.series import MAX_POINTS
from ems.domain.record.history import HistoryPoint, PlantPoint
from tests.adapters.web.scene import Scene, busy, car_park
from tests.adapters.web.visit import ask, get, raw, run, serving


def is_problem(answer: Any, status: int, reason: str) -> bool:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == answer.status_code
    assert body["detail"]
    return (answer.status_code, body["reason"]) == (status, reason)


def test_state_is_the_picture_plain_or_compressed() -> None:
    scene = busy()
    plain = ask(scene, "/api/v1/state", {"accept-encoding": "identity"})
    packed = ask(scene, "/api/v1/state", {"accept-encoding": "gzip"})
    assert plain.json() == packed.json()
    assert (packed.headers["content-encoding"], plain.headers["vary"]) == ("gzip", "accept-encoding")
    assert plain.headers["cache-control"] == "no-store"
    assert len(plain.json()["evses"]) == 14


@pytest.mark.parametrize(("late_s", "status"), [(0.0, 200), (4.9, 200), (5.0, 503), (3600.0, 503)])
def test_healthz_is_fine_while_the_last_tick_is_younger_than_five_seconds(late_s: float, status: int) -> None:
    scene = busy(2)
    scene.instant = scene.instant.later(late_s)
    answer = ask(scene, "/healthz")
    assert answer.status_code == status
    assert status == 200 or is_problem(answer, 503, "tick-late")


def test_healthz_before_the_first_tick_says_so() -> None:
    assert is_problem(ask(Scene(car_park(2)), "/healthz"), 503, "starting")


def recorded(scene: Scene, *amps: tuple[float, float, float]) -> None:
    """One point a second for the grid, the newest now; measured, of vehicles, limit on every phase."""
    for k, (measured, drawn, limit) in enumerate(amps):
        at = scene.instant.utc - timedelta(seconds=len(amps) - 1 - k)
        scene.points.append(HistoryPoint(at, "grid", (measured,) * 3, (drawn,) * 3, (limit,) * 3))


def test_history_keeps_every_peak_and_every_dip_of_a_limit_when_it_thins() -> None:
    scene = Scene(car_park(2))
    recorded(scene, *[(50.0, 20.0, 100.0)] * 5000, (99.0, 70.0, 80.0), *[(50.0, 20.0, 100.0)] * 5000)
    told = ask(scene, "/api/v1/history?hours=4&circuit=grid").json()
    (grid,) = told["circuits"]
    assert len(told["at"]) <= MAX_POINTS
    assert max(a for a in grid["measured_a"]["L2"] if a is not None) == 99.0
    assert max(a for a in grid["drawn_a"]["L2"] if a is not None) == 70.0
    assert min(a for a in grid["limit_a"]["L2"] if a is not None) == 80.0
    assert {len(series) for kind in ("measured_a", "drawn_a", "limit_a") for series in grid[kind].values()} == {
        len(told["at"])
    }


@pytest.mark.parametrize("hours", ["0.01", "1", "4", "24", "48"])
def test_history_of_any_length_fits_a_chart_and_ends_now(hours: str) -> None:
    scene = busy(2)
    told = ask(scene, f"/api/v1/history?hours={hours}").json()
    assert [row["id"] for row in told["circuits"]] == ["grid", "row-a", "row-b"]
    assert len(told["at"]) <= MAX_POINTS
    assert told["at"][-1] <= scene.instant.utc.timestamp() < told["at"][-1] + told["step_s"]


def test_of_the_plant_a_step_of_the_history_is_the_mean_of_what_is_known() -> None:
    scene = Scene(car_park(2))
    begins = scene.instant.utc - timedelta(seconds=scene.instant.utc.timestamp() % 60 + 60)
    for k, (pv_w, battery_w) in enumerate([(1000.0, None), (3000.0, None), (None, -500.0)]):
        scene.plants.append(PlantPoint(begins + timedelta(seconds=k), pv_w, battery_w))
    told = ask(scene, "/api/v1/history?hours=4&circuit=grid").json()
    known = [pair for pair in zip(told["pv_w"], told["battery_w"], strict=True) if pair != (None, None)]
    assert known == [(2000.0, -500.0)]
    assert len(told["pv_w"]) == len(told["at"])


def test_a_circuit_without_a_meter_has_no_measured_history() -> None:
    told = ask(busy(2), "/api/v1/history?hours=1&circuit=row-b").json()
    assert set(told["circuits"][0]["measured_a"]["L1"]) == {None}


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("hours=0", 422, "bad-query"),
        ("hours=-1", 422, "bad-query"),
        ("hours=87600", 422, "bad-query"),
        ("hours=1e309", 422, "bad-query"),
        ("hours=nan", 422, "bad-query"),
        ("hours=4;DROP", 422, "bad-query"),
        (f"hours={'9' * 5000}", 422, "bad-query"),
        (f"circuit={'x' * 5000}", 422, "bad-query"),
        ("circuit=nowhere", 404, "unknown-circuit"),
        ("circuit=%00", 404, "unknown-circuit"),
        ("circuit=../../etc/passwd", 404, "unknown-circuit"),
    ],
)
def test_a_query_that_does_not_fit_gets_an_error_that_does_not_repeat_it(query: str, status: int, reason: str) -> None:
    answer = ask(busy(2), f"/api/v1/history?{query}")
    assert is_problem(answer, status, reason)
    assert len(answer.content) < 500


def test_metrics_are_prometheus_and_agree_with_the_picture() -> None:
    scene = busy()
    picture = ask(scene, "/api/v1/state").json()
    answer = ask(scene, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert len(families) == answer.text.count("# TYPE ")
    assert all(name.startswith("ems_") for name in families)
    evses = {row["id"]: row for row in picture["evses"]}
    for sample in families["ems_evse_setpoint_amperes"].samples:
        assert sample.value == evses[f"{sample.labels['station']}/{sample.labels['evse']}"]["setpoint_a"]
    grid = picture["circuits"][0]
    for sample in families["ems_circuit_current_amperes"].samples:
        if sample.labels["circuit"] == "grid":
            assert sample.value == grid["measured_a"][sample.labels["phase"]]
    connected = {s.labels["station"]: s.value for s in families["ems_station_connected"].samples}
    assert connected == {row["id"]: float(row["connected"]) for row in picture["stations"]}
    assert {s.labels["meter"] for s in families["ems_meter_age_seconds"].samples} == {"main", "feeder", "roof"}
    for name in ("ems_build_info", "ems_level", "ems_tick_age_seconds", "ems_alarms", "ems_evse_liable_amperes"):
        assert name in families


def test_metrics_put_a_rotated_evse_on_the_phases_of_the_site() -> None:
    scene = busy()
    text = ask(scene, "/metrics").text
    row = ask(scene, "/api/v1/state").json()["evses"][1]
    assert row["phases"] == "L2 L3 L1"
    line = f'ems_evse_measured_amperes{{evse="1",phase="L2",station="CP-02"}} {row["measured_a"][0]}'
    assert line in text


def test_a_big_site_is_exposed_without_repeating_a_family() -> None:
    """Families are written in slices; each has its help and type once, and no sample is lost."""
    text = ask(busy(120), "/metrics").text
    samples = [line for line in text.splitlines() if line.startswith("ems_evse_setpoint_amperes{")]
    assert len(samples) == len(set(samples)) == 120
    assert text.count("# TYPE ems_evse_setpoint_amperes ") == 1


def test_the_interface_describes_itself_without_the_internet() -> None:
    scene = busy(2)
    document = ask(scene, "/openapi.json").json()
    named = {"/api/v1/state", "/api/v1/events", "/api/v1/history", "/api/v1/plan", "/healthz", "/metrics"}
    assert named == set(document["paths"])
    schemas = document["components"]["schemas"]
    seen = ask(scene, "/api/v1/state").json()
    assert set(schemas["Picture"]["required"]) == set(seen)
    assert set(schemas["EvseRow"]["required"]) == set(seen["evses"][0])
    page = ask(scene, "/docs").text
    assert "//" not in page.replace("<!doctype html>", "")
    assert "/api/v1/state" in page


@pytest.mark.parametrize("path", ["/nothing", "/api/v1", "/api/v1/state/", "/api/v2/state", "/.env", "/docs/x"])
def test_an_unknown_path_is_a_problem_document(path: str) -> None:
    assert is_problem(ask(busy(2), path), 404, "not-found")


@pytest.mark.parametrize("path", ["/nothing", "/.env", "/%3Cimg%20src=x%20onerror=alert(1)%3E"])
def test_a_browser_at_an_unknown_path_gets_a_page_that_leads_back(path: str) -> None:
    seen = ask(busy(2), path, {"accept": "text/html,*/*;q=0.8"})
    assert (seen.status_code, seen.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'href="/"' in seen.text
    assert "<img" not in seen.text
    assert is_problem(ask(busy(2), f"/api/v1{path}", {"accept": "text/html"}), 404, "not-found")


def test_a_failure_inside_tells_the_visitor_nothing_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = busy(2)

    def broken(since: datetime) -> Sequence[HistoryPoint]:
        raise RuntimeError(f"secret of {since}")

    monkeypatch.setattr(scene, "history", broken)

    async def visit() -> tuple[bytes, bytes]:
        async with serving(scene) as server:
            return await raw(server.port, get("/api/v1/history", "Connection: close")), await raw(
                server.port, get("/healthz", "Connection: close")
            )

    failed, after = run(visit())
    assert b" 500 " in failed.splitlines()[0]
    assert b"secret" not in failed
    assert b"application/problem+json" in failed
    assert b" 200 " in after.splitlines()[0]
