"""Vehicles that may come, and who is not put off where nobody knows whether any will."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ems.domain.limit import Limit
from ems.domain.session import Need
from ems.planning.forecast.arrivals import Arrivals, Phantom
from ems.planning.forecast.quantiles import Quantiles
from ems.planning.horizon import Horizon
from ems.planning.installation import nodes_of
from ems.planning.newcomers import expected_from, hurried
from ems.planning.outlook import Stay
from ems.planning.requests import wanted_by
from tests.control.installations import circuit, evse, layout

NOW = datetime(2026, 6, 3, 10, 0, tzinfo=UTC)
HORIZON = Horizon.standard(NOW)
SITE = layout([circuit("grid", 63)], [evse("A", "grid"), evse("B", "grid", "L2"), evse("C", "grid", "L2")])


def arrivals(*phantoms: Phantom, doubt: str = "") -> Arrivals:
    return Arrivals(phantoms, Quantiles((0.1, 0.5, 0.9), np.zeros((3, HORIZON.steps)), doubt))


PHANTOM = Phantom("B/1", NOW + timedelta(hours=1), NOW + timedelta(hours=5), 20_000.0, 16.0, 1, 0.5)


def test_a_vehicle_that_may_come_counts_as_much_as_it_is_likely() -> None:
    (request,) = expected_from(SITE, HORIZON, arrivals(PHANTOM))
    assert (request.evse, request.expected, request.min_a) == ("B/1", True, 0.0)
    assert (request.max_a, request.watts_per_a, request.need_wh) == (8.0, 230.0, min(10_000.0, 8.0 * 230.0 * 4.0))
    assert request.available[0] == 0.0


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("nothing is known", None),
        ("nobody is sure", arrivals(PHANTOM, doubt="too few days")),
        ("the outlet is gone", arrivals(replace(PHANTOM, evse="Z/1"))),
        ("it wants next to nothing", arrivals(replace(PHANTOM, need_wh=50.0))),
        ("it comes too late", arrivals(replace(PHANTOM, arrival=NOW + timedelta(days=3),
                                               departure=NOW + timedelta(days=4)))),
    ],
)  # fmt: skip
def test_nobody_is_expected_in_vain(what: str, expected: Arrivals | None) -> None:
    assert expected_from(SITE, HORIZON, expected) == (), what


def test_vehicles_that_come_and_go_together_are_planned_as_one() -> None:
    """Two at outlets of the same wiring within the same quarter of an hour, one earlier, one elsewhere."""
    second = replace(PHANTOM, evse="C/1", arrival=PHANTOM.arrival + timedelta(minutes=5), weight=0.25)
    others = (replace(PHANTOM, arrival=NOW + timedelta(minutes=10)), replace(PHANTOM, evse="A/1"))
    requests = expected_from(SITE, HORIZON, arrivals(PHANTOM, second, *others))
    assert len(requests) == 3
    alone = [expected_from(SITE, HORIZON, arrivals(one))[0] for one in (PHANTOM, second)]
    assert requests[0].need_wh == pytest.approx(sum(one.need_wh for one in alone))
    assert requests[0].upper_a == pytest.approx(sum(one.upper_a for one in alone))


@pytest.mark.parametrize(
    ("what", "kwh", "hours", "row_a", "free", "hurries"),
    [
        ("ample time and room", 5.0, 12.0, 63, 0, False),
        ("half of what the row carries until it leaves", 131.0, 6.0, 63, 0, True),
        ("a little less", 130.0, 6.0, 63, 0, False),
        ("the same with more time", 131.0, 7.0, 63, 0, False),
        ("the row carries nothing", 5.0, 12.0, 0, 0, True),
        ("nine others might come, who fit", 5.0, 12.0, 63, 9, False),
        ("twenty others might come", 5.0, 12.0, 63, 20, True),
    ],
)
def test_who_might_be_crowded_out_by_others_that_nobody_expects_is_not_put_off(
    what: str, kwh: float, hours: float, row_a: float, free: int, hurries: bool
) -> None:
    """A row of 63 A carries 43.5 kW; an outlet that is free counts with 1.25 kW."""
    evses = [evse("A", "row"), *(evse(f"F{k}", "row") for k in range(free))]
    at = layout([circuit("grid", 400), circuit("row", row_a or 6, "grid")], evses)
    nodes = nodes_of(
        at, HORIZON, () if row_a else (Limit("row", "operator", max_a=0.0),), np.zeros((2, 3, HORIZON.steps))
    )
    need = Need(1000.0 * kwh, NOW + timedelta(hours=hours))
    one = Stay(0, "A/1", "a", NOW, 0.0, need, (True, True, True), 6.0, math.inf, 0)
    (found,) = wanted_by(at, HORIZON, (one,), (), {})
    (judged,) = hurried(at, HORIZON, nodes, (found.request,))
    assert judged.hurries is hurries, what
