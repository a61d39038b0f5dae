"""Commands that are a running daemon: run, demo."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from ems.assembly.daemon import Daemon
from ems.assembly.error import AssemblyError
from ems.cli.outcome import FINE, UsageError
from ems.cli.site import port_in, settings_to_read, settings_to_run, state_dir_of
from ems.runtime.event_loop import tuned_loop
from ems.settings.build import SiteSettings

Work = Callable[[Daemon, asyncio.Event], Awaitable[None]]


def run(options: argparse.Namespace) -> int:
    """The daemon."""
    ports = port_in("EMS_OCPP_PORT"), port_in("EMS_HTTP_PORT")
    state = state_dir_of(options.site)
    settings, trouble = settings_to_run(options.site, state)
    while _serve(settings, state, _run, ports, trouble):
        settings, trouble = settings_to_run(options.site, state)
    return FINE


async def _run(daemon: Daemon, stop: asyncio.Event) -> None:
    daemon.may_restart = True
    await daemon.run(stop)


def demo(options: argparse.Namespace) -> int:
    """A site with simulated stations, vehicles and meters over real sockets on loopback."""
    from ems.cli.faults import faults_in  # noqa: PLC0415 - `run` does not need the simulator
    from ems.sim.demo import as_demo, run_demo, scenario_of  # noqa: PLC0415

    state = state_dir_of(options.site) / "demo"
    settings = as_demo(_with_ports(settings_to_read(options.site)))
    try:
        scenario = scenario_of(settings)
    except ValueError as wrong:
        raise UsageError(str(wrong)) from None
    faults = faults_in(options.faults, settings.site) if options.faults else None
    print(f"The page is at http://{settings.web.host}:{settings.web.port}   (Ctrl+C ends the demo)", flush=True)
    _serve(settings, state, lambda daemon, stop: run_demo(daemon, stop, scenario, faults))
    return FINE


def _with_ports(settings: SiteSettings) -> SiteSettings:
    ocpp, web = port_in("EMS_OCPP_PORT"), port_in("EMS_HTTP_PORT")
    return replace(
        settings,
        ocpp=settings.ocpp if ocpp is None else replace(settings.ocpp, port=ocpp),
        web=settings.web if web is None else replace(settings.web, port=web),
    )


def _serve(
    settings: SiteSettings,
    state: Path,
    work: Work,
    ports: tuple[int | None, int | None] = (None, None),
    trouble: str = "",
) -> bool:
    """Whether it ended to begin anew."""

    async def serve() -> bool:
        daemon = Daemon.of(settings, state, ocpp_port=ports[0], web_port=ports[1], trouble=trouble)
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, daemon.reload)
        await work(daemon, stop)
        return daemon.restarts.is_set() and not stop.is_set()

    try:
        with asyncio.Runner(loop_factory=tuned_loop()) as runner:
            return runner.run(serve())
    except AssemblyError as wrong:
        raise UsageError(str(wrong)) from None
