"""The picture for Prometheus. Base units, `ems_` in front, no label that names a person or a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST as MEDIA_TYPE
from prometheus_client.exposition import generate_latest

from ems.adapters.web.devices import meters, stations
from ems.adapters.web.picture import MAX_ALARMS, circuits, evses, head
from ems.adapters.web.values import plain
from ems.adapters.web.view import View
from ems.adapters.web.words import MODES, mode_of
from ems.domain.decision import Level
from ems.domain.phases import Phase

SLICE_ROWS = 20
SLICE_SAMPLES = 100

_T = TypeVar("_T")

__all__ = ["MEDIA_TYPE", "exposition"]


async def exposition(view: View, streams: int) -> bytes:
    """Everything that is worth a graph or an alert, as text; gives way between slices."""
    text = []
    for families in (_of_site(view, streams), _of_circuits(view), _of_evses(view), _of_devices(view)):
        for family in await families:
            for some in _slices(family):
                text.append(some)
                await asyncio.sleep(0)
    return b"".join(text)


def _slices(family: Metric) -> Iterator[bytes]:
    """The text of a family in pieces; only the first carries its help and type."""
    for start in range(0, len(family.samples), SLICE_SAMPLES):
        part = Metric(family.name, family.documentation, family.type)
        part.samples = family.samples[start : start + SLICE_SAMPLES]
        text = generate_latest(_Only(part))
        yield text if start == 0 else text[text.index(b"\n", text.index(b"\n") + 1) + 1 :]


class _Only(CollectorRegistry):
    """A registry of one family."""

    def __init__(self, family: Metric) -> None:
        super().__init__(auto_describe=False)
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return [self._family]


async def _giving_way(rows: Iterable[_T]) -> AsyncIterator[_T]:
    for k, row in enumerate(rows):
        yield row
        if k % SLICE_ROWS == 0:
            await asyncio.sleep(0)


async def _of_site(view: View, streams: int) -> list[Metric]:
    top = head(view)
    level = Level.NORMAL if view.decision is None else view.decision.level
    mode = _gauge("ems_mode", "The failsafe level in words, 1 for the one that holds.", ["mode"])
    for word in MODES:
        mode.add_metric([word], float(word == top["mode"]))
    power = _gauge("ems_site_power_watts", "Active power, import positive.", ["point"])
    for point in ("grid", "ev", "pv", "battery", "other"):
        watts = top["power_w"][point]
        if watts is not None:
            power.add_metric([point], watts)
    age = _gauge("ems_tick_age_seconds", "Time since the last decision.", [])
    if top["tick_age_s"] is not None:
        age.add_metric([], top["tick_age_s"])
    raised = () if view.decision is None else view.decision.alarms
    alarms = _gauge("ems_alarms", "Alarms that are raised now, by level.", ["level"])
    for each in Level:
        alarms.add_metric([mode_of(each)], float(sum(alarm.level is each for alarm in raised)))
    active = _gauge("ems_alarm_active", "1 while an alarm is raised.", ["alarm", "level"])
    for alarm in raised[:MAX_ALARMS]:
        active.add_metric([plain(alarm.key), mode_of(alarm.level)], 1.0)
    return [
        InfoMetricFamily("ems_build", "What runs here.", value={"version": view.software}),
        GaugeMetricFamily("ems_level", "Failsafe level of the site, 0 is normal.", value=float(level)),
        GaugeMetricFamily("ems_web_streams", "Pages and programs that watch.", value=float(streams)),
        *(mode, age, power, alarms, active),
    ]


async def _of_circuits(view: View) -> list[Metric]:
    labels = ["circuit", "phase"]
    columns = {
        "measured_a": _gauge("ems_circuit_current_amperes", "Measured current.", labels),
        "drawn_a": _gauge("ems_circuit_ev_current_amperes", "Current of our EVSEs.", labels),
        "base_load_a": _gauge("ems_circuit_base_load_amperes", "Current of everything else.", labels),
        "limit_a": _gauge("ems_circuit_limit_amperes", "The tightest limit.", labels),
        "rating_a": _gauge("ems_circuit_rating_amperes", "What the fuse or breaker carries.", labels),
        "headroom_a": _gauge("ems_circuit_headroom_amperes", "What is left for our EVSEs.", labels),
    }
    watts = _gauge("ems_circuit_power_watts", "Measured power.", ["circuit"])
    capped = _gauge("ems_circuit_limit_watts", "The tightest limit of the power, where there is one.", ["circuit"])
    async for row in _giving_way(circuits(view)):
        by_column = {
            "measured_a": row["measured_a"],
            "drawn_a": row["drawn_a"],
            "base_load_a": row["base_load_a"],
            "limit_a": row["limit_a"],
            "rating_a": row["rating_a"],
            "headroom_a": row["headroom_a"],
        }
        for column, values in by_column.items():
            for phase in ("L1", "L2", "L3"):
                value = None if values is None else values[phase]
                if value is not None:
                    columns[column].add_metric([plain(row["id"]), phase], value)
        if row["measured_w"] is not None:
            watts.add_metric([plain(row["id"])], row["measured_w"])
        if row["limit_w"] is not None:
            capped.add_metric([plain(row["id"])], row["limit_w"])
    return [*columns.values(), watts, capped]


async def _of_evses(view: View) -> list[Metric]:
    labels = ["station", "evse"]
    setpoint = _gauge("ems_evse_setpoint_amperes", "What the controller wants it to have, per phase.", labels)
    liable = _gauge("ems_evse_liable_amperes", "The most it may draw now, per phase.", labels)
    confirmed = _gauge("ems_evse_confirmed_amperes", "What its station accepted, per phase.", labels)
    watts = _gauge("ems_evse_power_watts", "What it draws.", labels)
    energy = _gauge("ems_evse_session_energy_watthours", "What the vehicle got in this session.", labels)
    controlled = _gauge("ems_evse_controlled", "1 while it follows our limits.", labels)
    status = _gauge("ems_evse_status", "1 for the status that its station reports.", [*labels, "status"])
    measured = _gauge("ems_evse_measured_amperes", "Measured current per site phase.", [*labels, "phase"])
    async for row, evse in _giving_way(zip(evses(view), view.state.site.evses, strict=True)):
        name = [plain(evse.station), str(evse.number)]
        for family, value in (
            (setpoint, row["setpoint_a"]),
            (liable, row["liable_a"]),
            (confirmed, row["confirmed_a"]),
            (watts, row["power_w"]),
            (energy, row["energy_wh"]),
            (controlled, float(row["controlled"])),
        ):
            if value is not None:
                family.add_metric(name, value)
        status.add_metric([*name, row["status"]], 1.0)
        legs = row["measured_a"]
        if legs is not None:
            amps = evse.wiring.on_site_phases(tuple(a or 0.0 for a in legs))
            for phase in sorted(evse.wiring.phases):
                measured.add_metric([*name, Phase(phase).name], amps[phase])
    return [setpoint, liable, confirmed, watts, energy, controlled, status, measured]


async def _of_devices(view: View) -> list[Metric]:
    connected = _gauge("ems_station_connected", "1 while its link is open.", ["station"])
    skew = _gauge("ems_station_clock_skew_seconds", "How far its clock is ahead of ours.", ["station"])
    async for station in _giving_way(stations(view)):
        connected.add_metric([plain(station["id"])], float(station["connected"]))
        skew.add_metric([plain(station["id"])], station["clock_skew_s"])
    age = _gauge("ems_meter_age_seconds", "Time since the last good reading.", ["meter"])
    failures = _gauge("ems_meter_failures", "Failed readings since the last good one.", ["meter"])
    async for meter in _giving_way(meters(view)):
        failures.add_metric([plain(meter["id"])], float(meter["failures"]))
        if meter["age_s"] is not None:
            age.add_metric([plain(meter["id"])], meter["age_s"])
    return [connected, skew, age, failures]


def _gauge(name: str, meaning: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=labels)
