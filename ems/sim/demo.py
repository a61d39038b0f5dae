"""A site that is not there, with the daemon that controls it: real sockets, on loopback.

Any site can be shown: its meters and stations are replaced by virtual ones, everything that decides stays as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace

from ems.assembly.daemon import Daemon
from ems.domain.access.account import LoginRule
from ems.domain.site import Site
from ems.settings.build import Framer, Listen, MeterConnection, SiteSettings
from ems.settings.document import read_data
from ems.sim.faults import FaultPlan
from ems.sim.scenario import Arrival, Scenario
from ems.sim.virtual_site import SitePlan, VirtualSite

LOOPBACK = "127.0.0.1"
METER_MODEL = "eastron-sdm630"
BATTERY_MODEL = "kostal-plenticore"
"""What `virtual_battery` looks like."""
METER_PORT = 5020
SCENARIO_FILE = "scenario.yaml"

ARRIVE_EVERY_S, STAY_S, ENERGY_WH = 4.0, 240.0, 1500.0


def as_demo(settings: SiteSettings) -> SiteSettings:
    """The same site on loopback: virtual meters, stations without passwords, and ports that are free."""
    port = _free_port(METER_PORT)
    return replace(
        settings,
        meters=tuple(_virtual(settings.site, meter, unit, port) for unit, meter in enumerate(settings.meters, 1)),
        access={},
        ocpp=Listen(LOOPBACK, _free_port(settings.ocpp.port)),
        web=replace(
            settings.web,
            host=LOOPBACK,
            port=_free_port(settings.web.port),
            login=LoginRule.LOOPBACK_FREE,
            names=(),
            trusted_proxy=None,
        ),
    )


async def run_demo(daemon: Daemon, stop: asyncio.Event, scenario: Scenario, faults: FaultPlan | None = None) -> None:
    """Let the daemon, built from settings `as_demo`, work on a virtual site until `stop`."""
    settings = daemon.settings
    plan = SitePlan(
        ocpp_url=f"ws://{LOOPBACK}:{settings.ocpp.port}/ocpp",
        units={meter.id: meter.unit for meter in settings.meters},
        meter_port=next((meter.port for meter in settings.meters), METER_PORT),
        faults=faults or FaultPlan(),
    )
    world = asyncio.create_task(VirtualSite(settings.site, scenario, plan, daemon.clock).run())
    working = asyncio.create_task(daemon.run(stop))
    try:
        done, _ = await asyncio.wait((world, working), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        stop.set()
        await asyncio.gather(working, return_exceptions=True)
        world.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await world


def scenario_of(settings: SiteSettings) -> Scenario:
    """What happens: the scenario beside the site, else vehicles that come to one EVSE after the other. Raises
    ValueError that names the file and every problem.
    """
    path = settings.path.parent / SCENARIO_FILE
    if not path.is_file():
        return _made_up(settings.site)
    content, findings = read_data(path)
    if content is None:
        raise ValueError("\n".join(map(str, findings)))
    try:
        return Scenario.parse(content, settings.site)
    except ValueError as wrong:
        raise ValueError("\n".join(f"{path}: {line}" for line in str(wrong).splitlines())) from None


def _made_up(site: Site) -> Scenario:
    arrivals = tuple(
        Arrival(1.0 + ARRIVE_EVERY_S * k, evse.id, ENERGY_WH, STAY_S, evse.max_a) for k, evse in enumerate(site.evses)
    )
    return Scenario(arrivals, repeat_s=STAY_S + 10.0 + ARRIVE_EVERY_S * len(arrivals))


def _virtual(site: Site, meter: MeterConnection, unit: int, port: int) -> MeterConnection:
    model = BATTERY_MODEL if meter.id in site.battery_of_meter else METER_MODEL
    return MeterConnection(meter.id, model, LOOPBACK, port, None, unit, Framer.TCP, every_s=meter.every_s)


def _free_port(wanted: int) -> int:
    """The wanted port, or the next one that nobody listens on."""
    return next((port for port in range(wanted, 65536) if _is_free(port)), wanted)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
