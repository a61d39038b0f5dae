"""What a session used, once somebody has said how much it got."""

from __future__ import annotations

import pytest

from ems.statistics.corrected import corrected
from ems.statistics.record import QUARTER_S, PastSession, Used

BEGIN_S = 1_790_000_100
FIRST_S = BEGIN_S // QUARTER_S * QUARTER_S


@pytest.mark.parametrize(
    ("energy_wh", "measured", "counted"),
    [
        (300.0, [100, 0, 200], [100, 0, 200]),
        (100.0, [1, 1, 1], [33, 34, 33]),
        (12_003.0, [900_000, 1], [12_003, 0]),
        (0.0, [100, 200], [0, 0]),
        (301.0, [], [100, 101, 100]),
        (300.0, [0], [100, 100, 100]),
    ],
)
def test_each_quarter_hour_keeps_its_share_and_the_sum_is_what_was_said(
    energy_wh: float, measured: list[int], counted: list[int]
) -> None:
    session = PastSession("A/1@1", "A/1", BEGIN_S, FIRST_S + 3 * QUARTER_S, energy_wh)
    used = [Used(session.id, FIRST_S + k * QUARTER_S, wh, 60 * k) for k, wh in enumerate(measured)]
    told = list(corrected(session, used))
    assert [one.energy_wh for one in told] == counted
    assert [one.starts_s for one in told] == [FIRST_S + k * QUARTER_S for k in range(len(told))]
    assert [one.idle_s for one in told][: len(used)] == [one.idle_s for one in used]
    assert sum(one.energy_wh for one in told) == energy_wh
