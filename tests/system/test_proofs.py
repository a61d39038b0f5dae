"""Outlets put to the test in virtual time: a station that does what it says passes, also without the controller; one
that does not is found out, and nobody is endangered by the test.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.domain.remote.proof import Proof, Verdict
from ems.runtime.proving import Prover
from ems.runtime.remote import RemoteControl
from ems.runtime.supervision import Supervision
from ems.runtime.uploads import Uploads
from ems.sim.quirks import Quirks
from ems.sim.scenario import Arrival, Scenario
from tests.system.play import perform
from tests.system.sites import settings_of
from tests.system.stage import Play, Stage

BEGINS_S, MOST_S = 90.0, 2400.0
ALONE = Scenario((Arrival(1.0, "A1/1", 60_000, 7200.0),), repeat_s=8000.0)


def prover_of(stage: Stage) -> Prover:
    """The tests of the controller that lives."""
    controller = stage.controller
    assert controller is not None

    async def nowhere(_host: str, _word: str, _ftp: bool) -> str:
        raise AssertionError("nothing is uploaded here")

    async def saved(_: Proof) -> None:
        return

    uploads = Uploads(stage.folder / "uploads", stage.wrist)
    remote = RemoteControl(
        controller.central, stage.wrist, lambda: controller.state, lambda *_: None, lambda _: {}, uploads, nowhere
    )
    return Prover(
        lambda: controller.state,
        controller.loop.inbox.put,
        controller.central,
        remote,
        stage.wrist,
        lambda *_: None,
        saved,
        Supervision(stage.wrist, lambda: "r", lambda _: None),
    )


def proven(folder: Path, quirks: dict[str, Quirks], offline: bool) -> Proof:
    """The test of A1/1 to its end."""
    found: list[Proof] = []

    async def act(stage: Stage) -> None:
        await stage.until(BEGINS_S)
        prover = prover_of(stage)
        await prover.begin("A1", 1, offline, "anna")
        while not prover.known["A1", 1].is_over:
            assert stage.t < MOST_S, prover.known
            await stage.until(stage.t + 1.0)
        found.append(prover.known["A1", 1])
        await stage.until(stage.t + 60.0)
        assert not [limit for limit in stage.state.limits if limit.source == "qualification"]

    play = Play(ALONE, quirks=quirks, free_vend=True)
    perform(settings_of("garage", folder), play, folder, act)
    return found[0]


def failures(proof: Proof) -> dict[str, str]:
    return {step.name: step.words for step in proof.steps if step.verdict is Verdict.FAILED}


@pytest.mark.parametrize("offline", [False, True])
def test_a_station_that_does_what_it_says_passes(offline: bool, tmp_path: Path) -> None:
    proof = proven(tmp_path, {}, offline)
    assert failures(proof) == {}
    assert {step.verdict for step in proof.steps} == {Verdict.PASSED}, proof.steps
    if offline:
        assert "fell to about 6 A" in proof.steps[-1].words, proof.steps[-1]


@pytest.mark.parametrize(
    ("quirks", "step", "words"),
    [
        (Quirks(refuses=True), "fallback is accepted", "it has not accepted a fallback"),
        (Quirks(obeys=False), "6 A", "but it says that 32 A are in force"),
        (Quirks(stuck_a=20.0), "6 A", "but it says that 20 A are in force"),
        (Quirks(clock_skew_s=600.0), "clock", "s ahead of ours: set its time server"),
    ],
)
def test_one_that_does_not_is_found_out(quirks: Quirks, step: str, words: str, tmp_path: Path) -> None:
    found = failures(proven(tmp_path, {"A1": quirks}, offline=False))
    assert step in found, found
    assert words in found[step]


def test_one_that_keeps_its_last_limit_without_the_controller_is_found_out(tmp_path: Path) -> None:
    found = failures(proven(tmp_path, {"A1": Quirks(forgets_offline=True)}, offline=True))
    assert "no fallback" in found["without the controller"]
