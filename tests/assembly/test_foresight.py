"""A what-if asked of a daemon: the planner answers from a process of its own, and nothing on the site moves."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2

from tests.assembly.charge_point import ChargePoint
from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.assembly.patience import eventually
from tests.assembly.running import running

FAST = ("policy: {", "policy: {strategy: fast, ")


def test_what_would_be_is_answered_and_nothing_happens(tmp_path: Path) -> None:
    async def scenario() -> None:
        site = Installation.at(tmp_path)
        site.write(FAST)
        async with grid_meter(site.modbus, 5.0, 5.0, 5.0), running(site) as daemon:
            station = ChargePoint("CP-01")
            async with station.connected(site.central):
                await station.start("A")
                await eventually(lambda: daemon.live.state.plan, 20.0, "a plan")
                await eventually(lambda: station.allowed_a >= 6.0, 12.0, "it charges")
                told = len(station.limits)
                async with httpx2.AsyncClient(
                    base_url=f"http://127.0.0.1:{daemon.product.web.port}", timeout=30.0
                ) as client:
                    answer = await client.post("/api/v1/plan/what-if", json={"limits": [{"max_a": 6}]})
                    plan = (await client.get("/api/v1/plan")).json()
                assert answer.status_code == 200, answer.text
                seen = answer.json()
                assert max(seen["charges"][0]["amps"]) <= 6.0 < max(plan["charges"][0]["amps"])
                assert daemon.live.state.limits == ()
                assert all(a >= 6.0 for a in station.limits[told:])
                assert daemon.supposing.pid is None

    asyncio.run(scenario())
