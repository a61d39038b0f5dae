"""An outlet put to the test while the controller runs: every current is asked of the controller as a limit that ends by
itself, so that nothing is ever set that a fuse would not bear.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from ems.domain.events import Event, LimitReceived, LimitWithdrawn
from ems.domain.limit import Limit
from ems.domain.remote.proof import Acceptance, Proof, Step, Verdict
from ems.domain.state import SiteState
from ems.domain.station import Evse
from ems.domain.unknown import UnknownError
from ems.ports.controller import Clock
from ems.ports.site import NotPossibleError
from ems.ports.stations import Remote
from ems.runtime.proof_bench import Bench, Feeling
from ems.runtime.proof_steps import is_there, steps_of
from ems.runtime.supervision import Supervision

log = logging.getLogger(__name__)

SOURCE = "qualification"
KEPT = 200
AT_ONCE = 8

Note = Callable[[datetime, str, str, Mapping[str, Any]], None]


class Line(Protocol):
    """The way to the stations, as far as tests need it."""

    def read_back(self, evse: str) -> None:
        """Ask for the composite schedule of an EVSE."""
        ...

    async def keep_out(self, station: str, seconds: float) -> None:
        """End the link of a station, and let it in again only after so long; 0 lets it in again at once."""
        ...


@dataclass(slots=True)
class Prover:
    """The `ProofDesk` of a running daemon, and a `Service` that ends all tests with it."""

    state: Callable[[], SiteState]
    sink: Callable[[Event], None]
    line: Line
    remote: Remote
    clock: Clock
    note: Note
    save: Callable[[Proof], Awaitable[None]]
    supervision: Supervision
    known: dict[tuple[str, int], Proof] = field(default_factory=dict)
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def begin(self, station: str, evse: int, offline: bool, who: str) -> Proof:
        """Begin to test an outlet."""
        state = self.state()
        outlet = next((one for one in state.site.evses if (one.station, one.number) == (station, evse)), None)
        if outlet is None:
            raise UnknownError(f"the site has no EVSE '{station[:48]}/{evse}'; after it was added, restart first")
        if station in self._running:
            raise NotPossibleError(f"{station} is being tested already: stop that, or wait")
        if len(self._running) >= AT_ONCE:
            raise NotPossibleError(f"{AT_ONCE} stations are being tested: wait until one is done")
        known = state.station(station)
        maker = " ".join(part for part in (known.vendor, known.product, known.firmware) if part)
        proof = self.known[station, evse] = Proof(station, evse, who, self.clock.now().utc, maker=maker)
        self.note(self.clock.now().utc, who, "StationTested", {"station": station, "evse": evse, "offline": offline})
        self._running[station] = asyncio.create_task(self._work(proof, outlet, offline))
        return proof

    def proofs(self) -> Sequence[Proof]:
        """The last test of every outlet, those that run first."""
        return sorted(self.known.values(), key=lambda one: (one.is_over, one.station, one.evse))

    async def stop(self, station: str, who: str) -> None:
        """End a test that runs."""
        task = self._running.get(station)
        if task is None:
            raise UnknownError(f"{station[:48]} is not being tested")
        self.note(self.clock.now().utc, who, "StationTestStopped", {"station": station})
        task.cancel()
        await asyncio.wait((task,), timeout=10)

    def watch(self, minutes: float, who: str) -> Acceptance:
        """Begin to watch the site as a whole."""
        run = self.supervision.begin(minutes, who)
        self.note(run.began, who, "AcceptanceBegun", {"minutes": minutes})
        return run

    def acceptance(self) -> Acceptance | None:
        """The last run."""
        return self.supervision.run

    def now(self) -> datetime:
        """The time of the site's clock."""
        return self.clock.now().utc

    @property
    def name(self) -> str:
        """What the log calls it."""
        return "proofs"

    async def run(self) -> None:
        """Wait until cancelled; then end all tests."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._close()

    async def _close(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, proof: Proof, evse: Evse, offline: bool) -> None:
        key = (proof.station, proof.evse)
        bench = _OneBench(self, evse, proof.who)
        try:
            for name, step in steps_of(evse, self.state().model_of(evse.id), offline):
                self._tell(key, Step(name, Verdict.RUNNING))
                self._tell(key, await _tried(name, step(bench), self.clock))
                if not is_there(bench):
                    self._tell(key, Step("the rest", Verdict.SKIPPED, "the station is not there"))
                    break
        except asyncio.CancelledError:
            self._tell(key, Step("the rest", Verdict.SKIPPED, "somebody stopped the test"))
        except Exception:
            log.exception("proof.failed evse=%s", evse.id)
            self._tell(key, Step("the rest", Verdict.FAILED, "the test itself failed; the log says why"))
        finally:
            self._running.pop(proof.station, None)
            self.sink(LimitWithdrawn(evse.id, SOURCE))
            if offline:
                await self.line.keep_out(proof.station, 0.0)
            over = self.known[key]
            steps = tuple(step for step in over.steps if step.verdict is not Verdict.RUNNING)
            over = self.known[key] = replace(over, steps=steps, ended=self.clock.now().utc)
            log.info("proof.over evse=%s verdict=%s", evse.id, over.verdict.value)
            await self.save(over)
            while len(self.known) > KEPT:
                del self.known[min(self.known, key=lambda one: self.known[one].began)]

    def _tell(self, key: tuple[str, int], step: Step) -> None:
        self.known[key] = self.known[key].with_step(step)


@dataclass(slots=True)
class _OneBench(Bench):
    """One outlet as the steps see it."""

    prover: Prover
    evse: Evse
    who: str

    @property
    def state(self) -> SiteState:
        return self.prover.state()

    @property
    def now_s(self) -> float:
        return self.prover.clock.now().monotonic_s

    @property
    def remote(self) -> Remote:
        return self.prover.remote

    def hold(self, amps: float, seconds: float) -> None:
        ends = self.prover.clock.now().utc + timedelta(seconds=seconds)
        self.prover.sink(LimitReceived(Limit(self.evse.id, SOURCE, max_a=amps, ends=ends)))

    def let_go(self) -> None:
        self.prover.sink(LimitWithdrawn(self.evse.id, SOURCE))

    def read_back(self) -> None:
        self.prover.line.read_back(self.evse.id)

    async def keep_out(self, seconds: float) -> None:
        await self.prover.line.keep_out(self.evse.station, seconds)


async def _tried(name: str, step: Awaitable[Feeling], clock: Clock) -> Step:
    began = clock.now().monotonic_s
    verdict, words, took = await step
    seconds = clock.now().monotonic_s - began if took is None else took
    return Step(name, verdict, words, round(seconds, 1))
