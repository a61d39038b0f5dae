"""How Home Assistant finds everything by itself: one message per device, for the site and for each EVSE."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from ems.adapters.mqtt.payload import plain
from ems.adapters.mqtt.topic import OFFLINE, ONLINE, Topics
from ems.domain.site import Site
from ems.domain.station import Evse
from ems.domain.strategy import Strategy
from ems.domain.units import PILOT_MIN_A

Component = dict[str, Any]


def discovery(
    prefix: str, topics: Topics, site: Site, commands: Collection[str], software: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Topics below `prefix` with what they say; `commands` that are allowed."""
    node = node_of(topics)
    shared = {
        "o": {"name": "ems", "sw": software},
        "availability": [
            {"topic": topics.status, "payload_available": ONLINE, "payload_not_available": OFFLINE},
        ],
        "qos": 0,
    }
    device = {"ids": [node], "name": plain(site.name), "mf": "ems", "mdl": "site energy controller", "sw": software}
    components = {name: one for name, one in _of_site(node, topics, site, commands)}
    yield f"{prefix}/device/{node}/config", {"dev": device, **shared, "cmps": components}
    for evse in site.evses:
        mine = f"{node}_{_slug(evse.id)}"
        its = {"ids": [mine], "name": f"EVSE {plain(evse.id)}", "via_device": node, "mf": "ems", "mdl": "EVSE"}
        parts = {name: one for name, one in _of_evse(mine, topics, evse, commands)}
        yield f"{prefix}/device/{mine}/config", {"dev": its, **shared, "cmps": parts}


def node_of(topics: Topics) -> str:
    """What the names of our devices begin with."""
    return _slug(topics.base)


def _slug(name: str) -> str:
    """A name of letters, digits, `_` and `-`; what else is in it is told by its code, so that two stay two."""
    return re.sub(r"[^A-Za-z0-9-]", lambda found: "_" if found[0] in "/ " else f"_{ord(found[0]):x}_", name)


def _of_site(node: str, topics: Topics, site: Site, commands: Collection[str]) -> Iterator[tuple[str, Component]]:
    def sensor(key: str, name: str, **more: Any) -> tuple[str, Component]:
        return key, _sensor(node, key, name, topics.site, **more)

    yield sensor("grid_w", "Grid power", **_POWER)
    yield sensor("ev_w", "Charging power", **_POWER)
    yield sensor("evses_charging", "EVSEs charging", state_class="measurement")
    yield sensor("stations_connected", "Stations connected", state_class="measurement")
    yield sensor("alarms_open", "Alarms", state_class="measurement", icon="mdi:alert")
    yield sensor("level", "Mode")
    for circuit in site.circuits:
        key, topic = f"circuit_{_slug(circuit.id)}", topics.circuit(circuit.id)
        name = f"Circuit {plain(circuit.id)}"
        if circuit.meter is not None:
            yield f"{key}_w", _sensor(node, f"{key}_w", f"{name} power", topic, field="power_w", **_POWER)
        for phase in ("L1", "L2", "L3"):
            of_phase = {"field": f"headroom_a.{phase}", **_CURRENT}
            yield f"{key}_{phase}", _sensor(node, f"{key}_{phase}", f"{name} headroom {phase}", topic, **of_phase)
    if "strategy" in commands:
        yield (
            "strategy",
            {
                "p": "select",
                "unique_id": f"{node}_strategy",
                "name": "Strategy",
                "state_topic": topics.site,
                "value_template": "{{ value_json.strategy }}",
                "command_topic": f"{topics.base}/strategy/set",
                "options": [one.value for one in Strategy],
            },
        )
    else:
        yield sensor("strategy", "Strategy")


def _of_evse(mine: str, topics: Topics, evse: Evse, commands: Collection[str]) -> Iterator[tuple[str, Component]]:
    topic = topics.evse(evse.id)

    def sensor(key: str, name: str, **more: Any) -> tuple[str, Component]:
        return key, _sensor(mine, key, name, topic, **more)

    yield sensor("status", "Status")
    yield sensor("power_w", "Power", **_POWER)
    yield sensor(
        "energy_wh", "Energy of the session", device_class="energy", unit_of_measurement="Wh",
        state_class="total_increasing",
    )  # fmt: skip
    yield sensor("setpoint_a", "Setpoint", **_CURRENT)
    yield sensor("reason", "Reason")
    yield sensor("soc_percent", "State of charge", device_class="battery", unit_of_measurement="%")
    yield (
        "connected",
        {
            "p": "binary_sensor",
            "unique_id": f"{mine}_connected",
            "name": "Station connected",
            "device_class": "connectivity",
            "state_topic": topic,
            "value_template": "{{ value_json.connected }}",
        },
    )
    if "pause" in commands:
        yield (
            "pause",
            {
                "p": "switch",
                "unique_id": f"{mine}_pause",
                "name": "Pause",
                "state_topic": topic,
                "value_template": "{{ value_json.paused }}",
                "command_topic": f"{topic}/pause/set",
            },
        )
    if "limit" in commands:
        yield (
            "limit",
            {
                "p": "number",
                "unique_id": f"{mine}_limit",
                "name": "Limit",
                "device_class": "current",
                "unit_of_measurement": "A",
                "min": PILOT_MIN_A,
                "max": evse.max_a,
                "step": 1,
                "state_topic": topic,
                # Beside its range Home Assistant takes only None: nothing may flow is no current that could be chosen.
                "value_template": "{{ value_json.limit_a or none }}",
                "command_topic": f"{topic}/limit/set",
            },
        )


_POWER = {"device_class": "power", "unit_of_measurement": "W", "state_class": "measurement"}
_CURRENT = {"device_class": "current", "unit_of_measurement": "A", "state_class": "measurement"}


def _sensor(owner: str, key: str, name: str, topic: str, *, field: str = "", **more: Any) -> Component:
    return {
        "p": "sensor",
        "unique_id": f"{owner}_{key}",
        "name": name,
        "state_topic": topic,
        "value_template": f"{{{{ value_json.{field or key} }}}}",
        **more,
    }
