"""What a cut of an outlet shows at the meter above it: whether the file names the phases it is connected to."""

from __future__ import annotations

import pytest

from ems.domain.measurement import LegAmps, Sample
from ems.domain.phases import PhaseAmps, Wiring
from ems.domain.remote.proof import Verdict
from ems.domain.station import Evse
from ems.runtime.proof_bench import phases_seen


def judged(wiring: str, high: LegAmps, low: LegAmps, less: PhaseAmps, exact: bool = True) -> tuple[Verdict, str]:
    evse = Evse("CP-01", 1, "grid", Wiring.parse(wiring), 32.0, 6.0)
    before = Sample(0.0, high if exact else (0.0,) * len(high), high)
    found = phases_seen(evse, "main", before, Sample(1.0, low if exact else (0.0,) * len(low), low), less)
    return found.verdict, found.words


THREE = ((16.0, 16.0, 16.0), (6.0, 6.0, 6.0))
ONE = ((32.0, 0.0, 0.0), (6.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("wiring", "amps", "less", "words"),
    [
        ("L1 L2 L3", THREE, (10.2, 9.7, 9.9), "10 A less on L1 L2 L3 of meter main, as the file says (L1 L2 L3)"),
        ("L2 L3 L1", ONE, (0.4, 25.8, -0.3), "26 A less on L2 of meter main, as the file says (L2 L3 L1)"),
        ("L3", ((16.0,), (6.0,)), (0.0, 0.0, 10.0), "10 A less on L3 of meter main, as the file says (L3)"),
        ("L1-L2", ((30.0,), (6.0,)), (22.0, 21.0, 0.0), "24 A less on L1 L2 of meter main, as the file says (L1-L2)"),
    ],
)
def test_a_cut_on_the_phases_of_the_file_passes(
    wiring: str, amps: tuple[LegAmps, LegAmps], less: PhaseAmps, words: str
) -> None:
    assert judged(wiring, *amps, less) == (Verdict.PASSED, words)


def test_a_rotation_that_the_file_does_not_know_is_found_out_by_a_vehicle_of_one_phase() -> None:
    verdict, words = judged("L1 L2 L3", *ONE, (0.0, 26.0, 0.0))
    assert verdict is Verdict.FAILED
    assert "26 A less on L2 of meter main, but by the file (L1 L2 L3) it would be L1" in words


def test_a_phase_that_is_missing_is_found_out() -> None:
    verdict, words = judged("L1 L2 L3", *THREE, (10.0, 10.0, 0.0))
    assert (verdict, "it would be L1 L2 L3" in words) == (Verdict.FAILED, True)


def test_where_the_station_does_not_say_its_phases_any_of_the_file_is_right_and_another_is_not() -> None:
    assert judged("L1 L2", (16.0, 16.0), (6.0, 6.0), (10.0, 0.0, 0.0), exact=False)[0] is Verdict.PASSED
    assert judged("L1 L2", (16.0, 16.0), (6.0, 6.0), (0.0, 0.0, 10.0), exact=False)[0] is Verdict.FAILED


def test_what_cannot_be_seen_is_not_judged() -> None:
    assert judged("L1", ((7.0,)), ((6.0,)), (1.0, 0.0, 0.0))[0] is Verdict.SKIPPED
    verdict, words = judged("L1", ((32.0,)), ((6.0,)), (2.0, 3.0, -1.0))
    assert (verdict, "something else changed meanwhile" in words) == (Verdict.SKIPPED, True)
