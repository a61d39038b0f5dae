"""Whoever keeps the alarms hears of what the decision says, and of what meters and stations say against each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from ems.domain.alarm.incident import Change, Incident
from ems.domain.decision import Decision
from ems.domain.instant import Instant
from ems.domain.state import SiteState
from ems.runtime.incident_keeper import IncidentKeeper
from tests.builders import Scenario, site


@dataclass
class Yard:
    """A site with a meter one of whose transformers points the wrong way, its clock, and a book of alarms."""

    scenario: Scenario
    kept: dict[str, Incident] = field(default_factory=dict)

    @property
    def state(self) -> SiteState:
        return self.scenario.state

    @property
    def decision(self) -> Decision | None:
        return self.scenario.decision

    def now(self) -> Instant:
        return self.scenario.now

    def keep(self, incident: Incident) -> None:
        self.kept[incident.key] = incident


def test_a_meter_that_contradicts_the_stations_is_told_once_it_is_no_delay_of_theirs() -> None:
    yard = Yard(site("two_feeders").car("A1").meter("main", l2=-30.0).after(60))
    told: list[Change] = []
    keeper = IncidentKeeper(yard, yard, yard, told.append)  # type: ignore[arg-type]  # of each port what is looked at
    by_minute = []
    for _ in range(20):
        keeper.look()
        by_minute.append(sum(one.incident.kind == "contradiction" for one in told))
        yard.scenario.after(60)
    assert by_minute == [0] * 15 + [1] * 5
    assert "meter main shows less on L2 than the vehicles of grid draw" in yard.kept["contradiction:grid"].text
