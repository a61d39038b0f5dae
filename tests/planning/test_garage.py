"""The published optimum of a real garage, from its recorded sessions."""

from __future__ import annotations

import pytest

from tests.bench.plan_garage import Garage, recorded


@pytest.mark.skipif(not recorded().exists(), reason="the recorded sessions are not here")
def test_knowing_everything_the_garage_delivers_what_was_published() -> None:
    """Eight days in March 2019 behind a transformer of 20 kW, with exact phasors on both of its sides: 76.9 %."""
    assert Garage().clairvoyant(20.0).percent == pytest.approx(76.9, abs=0.1)
