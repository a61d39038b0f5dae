"""Samples of an EVSE: how much surely and at most flows on each leg, and which legs a vehicle uses."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.domain.measurement import PROOF_SAMPLES, LegUse, Sample
from ems.domain.phases import Wiring
from ems.domain.station import Evse

THREE = Evse("S", 1, "grid", Wiring.parse("L1 L2 L3"), 32, 6)
ONE = Evse("S", 2, "grid", Wiring.parse("L2"), 32, 6)
PAIR = Evse("S", 3, "grid", Wiring.parse("L1-L2"), 32, 6)
DC = Evse("S", 4, "grid", Wiring.parse("L1 L2 L3"), 100, 6, dc_efficiency=0.92)


def test_reported_legs_are_certain() -> None:
    sample = Sample.of_currents(5.0, (10.0, 9.5, -0.2))
    assert (sample.at, sample.low_a, sample.high_a, sample.peak_a) == (5.0, (10.0, 9.5, 0.0), (10.0, 9.5, 0.0), 10.0)


@pytest.mark.parametrize(
    ("sample", "low", "high"),
    [
        (Sample.of_total(0, ONE, 16), (16,), (16,)),
        (Sample.of_total(0, THREE, 30), (10, 0, 0), (30, 30, 30)),
        (Sample.of_power(0, ONE, 2300, 230), (10,), (10,)),
        (Sample.of_power(0, PAIR, 2300 * math.sqrt(3), 230), (10,), (10,)),
        (Sample.of_power(0, THREE, 6900, 230), (10, 0, 0), (30, 15, 10)),
        (Sample.of_power(0, DC, 0.92 * 6900, 230), (10, 10, 10), (10, 10, 10)),
    ],
)
def test_what_a_single_number_leaves_open(sample: Sample, low: tuple[float, ...], high: tuple[float, ...]) -> None:
    """A total or a power may flow on one leg or on all: the interval spans every way."""
    assert sample.low_a == pytest.approx(low)
    assert sample.high_a == pytest.approx(high)


@given(st.integers(1, 3), st.floats(0, 32))
def test_the_truth_lies_in_the_interval_of_a_power(legs: int, amps: float) -> None:
    """A vehicle draws the same on the station's first leg, its first two or all three; whichever: on each leg no less
    than the lower end, which is taken off meters, and no more than the upper end, which counts in sums.
    """
    drawn = [amps if k < legs else 0.0 for k in range(3)]
    sample = Sample.of_power(0, THREE, sum(drawn) * 230, 230)
    for low, truth, high in zip(sample.low_a, drawn, sample.high_a, strict=True):
        assert low - 1e-9 <= truth <= high + 1e-9


@given(st.integers(1, 3), st.floats(0, 32), st.booleans())
def test_the_truth_lies_in_the_interval_of_a_total(legs: int, amps: float, summed: bool) -> None:
    """Whether the station adds its legs up or names what flows on each of those in use."""
    drawn = [amps if k < legs else 0.0 for k in range(3)]
    sample = Sample.of_total(0, THREE, sum(drawn) if summed else amps)
    for low, truth, high in zip(sample.low_a, drawn, sample.high_a, strict=True):
        assert low - 1e-9 <= truth <= high + 1e-9


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_doubtful_samples_cannot_be_built(wrong: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Sample.of_currents(0, (wrong,))
    with pytest.raises(ValueError, match="finite"):
        Sample.of_total(0, THREE, wrong)
    with pytest.raises(ValueError, match="finite"):
        Sample.of_power(0, THREE, wrong, 230)


def learned(*samples: tuple[float, float, float]) -> tuple[bool, ...]:
    use = LegUse()
    for at, amps in enumerate(samples):
        use = use.after(Sample.of_currents(float(at), amps))
    return use.legs(3)


@pytest.mark.parametrize(
    ("samples", "legs"),
    [
        ([], (True, True, True)),
        ([(16, 0, 0)] * (PROOF_SAMPLES - 1), (True, True, True)),
        ([(16, 0, 0)] * PROOF_SAMPLES, (True, False, False)),
        ([(16, 0.4, 0.4)] * PROOF_SAMPLES, (True, False, False)),
        ([(3, 0, 0)] * 9, (True, True, True)),
        ([(16, 16, 16)] * PROOF_SAMPLES, (True, True, True)),
        ([(16, 16, 0)] * PROOF_SAMPLES, (True, True, False)),
        ([(16, 0, 0)] * PROOF_SAMPLES + [(16, 16, 16)], (True, True, True)),
        ([(16, 0, 0)] * PROOF_SAMPLES + [(16, 16, 16)] + [(16, 0, 0)] * 9, (True, True, True)),
        ([(16, 0, 0)] * PROOF_SAMPLES + [(0, 0, 0)], (True, False, False)),
        ([(16, 0, 0)] * PROOF_SAMPLES + [(2, 2, 2)], (True, True, True)),
    ],
)
def test_which_legs_a_vehicle_uses(samples: list[tuple[float, float, float]], legs: tuple[bool, ...]) -> None:
    """All until three telling samples agree that some are idle; a leg once seen in use stays in use."""
    assert learned(*samples) == legs


@pytest.mark.parametrize(
    ("samples", "even"),
    [
        ([], False),
        ([(16, 16, 16)], True),
        ([(16, 15, 15.5)], True),
        ([(16, 14, 16)], False),
        ([(32, 29, 32)], True),
        ([(3, 3, 3)], False),
        ([(16, 0, 0)], False),
        ([(16, 0, 0)] * PROOF_SAMPLES, True),
        ([(16, 16, 0)] * PROOF_SAMPLES, True),
        ([(16, 8, 0)] * PROOF_SAMPLES, False),
        ([(16, 16, 16), (16, 0, 0)], False),
        ([(16, 16, 16), (2, 0, 0)], True),
        ([(16, 16, 16), (16, 0, 0), (16, 16, 16)], True),
    ],
)
def test_whether_a_vehicle_loads_its_legs_evenly(samples: list[tuple[float, float, float]], even: bool) -> None:
    """As the newest sample shows that could tell: of all legs, or of those that it was proven to use."""
    use = LegUse()
    for at, amps in enumerate(samples):
        use = use.after(Sample.of_currents(float(at), amps))
    assert use.is_even(3) is even


@pytest.mark.parametrize("sample", [Sample.of_total(0, THREE, 48), Sample.of_power(0, THREE, 11_000, 230)])
def test_what_names_no_legs_does_not_show_that_they_are_loaded_evenly(sample: Sample) -> None:
    assert not LegUse().after(sample).after(sample).after(sample).is_even(3)


@pytest.mark.parametrize("sample", [Sample.of_power(0, DC, 30_000, 230), Sample.of_total(0, ONE, 16)])
def test_one_leg_or_a_rectifier_is_even_by_itself(sample: Sample) -> None:
    assert LegUse().after(sample).is_even(len(sample.low_a))
