"""Keeps the services running: what fails is restarted, at growing distance, without touching the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from ems.ports.controller import Service

log = logging.getLogger(__name__)

BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
HEALTHY_S = 600.0


async def supervise(services: Sequence[Service]) -> None:
    """Run all services until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for service in services:
            tasks.create_task(_keep(service), name=service.name)


async def _keep(service: Service) -> None:
    failures = 0
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    while True:
        began = loop.time()
        try:
            await service.run()
            log.error("service.ended name=%s", service.name)
        except Exception as failed:
            # The trace tells its story once; what goes on failing says so in a line.
            log.error("service.failed name=%s cause=%r", service.name, failed, exc_info=failures == 0)  # noqa: TRY400
        if task is not None and task.cancelling():
            # Before Python 3.13 a task group loses a cancellation that comes as one of its tasks fails (gh-116720).
            return
        failures = 0 if loop.time() - began > HEALTHY_S else failures + 1
        await asyncio.sleep(BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1])
