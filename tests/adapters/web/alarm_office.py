"""An office in which people look after alarms: the real keeper, postman, store and application."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ems.adapters.store.recovery import Recovered
from ems.adapters.web.alarms.page import alarm_ways
from ems.adapters.web.route import Router
from ems.domain.alarm.incident import Patience
from ems.domain.alarm.notice import ALARMS, Notice, Topic
from ems.ports.delivery import NotDeliveredError
from ems.runtime.herald import Herald
from ems.runtime.incident_keeper import IncidentKeeper
from ems.runtime.postman import Postman
from tests.adapters.web.office import Office


@dataclass
class Friend:
    """A `Target` in memory."""

    name: str = "back"
    address: str = "https://back.example.com/…"
    topics: frozenset[Topic] = frozenset(ALARMS)
    most: int = 1
    heard: list[Notice] = field(default_factory=list)
    is_deaf: bool = False

    def hold_s(self, _waiting: Sequence[Notice], _now: datetime) -> float:
        return 0.0

    async def deliver(self, notices: Sequence[Notice], _attempt: int) -> str:
        if self.is_deaf:
            raise NotDeliveredError("https://back.example.com/… answers 503 <b>nono</b>")
        self.heard += notices
        return "204"

    async def close(self) -> None:
        pass


class AlarmOffice(Office):
    """What lasts for a few seconds is told here."""

    def __init__(self, folder: Path) -> None:
        self.friend, self.deaf = Friend(), Friend("night-shift", is_deaf=True)
        super().__init__(folder)

    def ways(self, _recovered: Recovered) -> tuple[Router, ...]:
        patience = Patience(offline_s=5, fault_s=5, meter_s=5, other_s=5, clear_s=5)
        self.postman = Postman((self.friend, self.deaf), self.store.notices, self.scene)
        herald = Herald(self.postman.tell, lambda: self.scene.now().utc)
        self.keeper = IncidentKeeper(self.scene, self.scene, self.store.incidents, herald.alarm, lambda: patience)
        return alarm_ways(self.scene, self.scene, self.keeper, self.postman)

    def passes(self, seconds: int) -> None:
        """Time goes by, and the keeper looks each second."""
        for _ in range(seconds):
            self.scene.tick()
            self.keeper.look()
        self._runner.run(self.store.flush())

    def delivers(self, seconds: float = 1.0) -> None:
        """The postman works for a while."""

        async def work() -> None:
            task = asyncio.create_task(self.postman.run())
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._runner.run(work())
