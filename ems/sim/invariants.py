"""Laws that hold after every step of a simulation, whatever happens; each is worked out here by its own means.

I1  no decision raises an EVSE on a conductor that could then carry more than its rating, counting what truly flows
    besides vehicles and the most that every vehicle present may legally draw
I2  a true overload ends within the budget, as far as vehicles share in it, and none is of our own making
I3  no setpoint lies between 0 and 6 A
I4  nothing is raised below a meter whose last reading is stale
I5  whatever is in force above the floor ends by itself, and there is a floor beneath it; a few seconds are allowed to
    answer a restart or a clock that was set
I6  what stations fall back to fits every conductor beside the declared base load
I7  a station has one link at most
I8  nobody who wants current is kept at none for longer than the fairness bound
I9  a need once met stays met
I17 nothing is raised by which our vehicles could load one phase more than another beyond what a circuit allows

I10 to I16 speak of queues, deadlines, transcripts and logs, which a run without an event loop does not have.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import NamedTuple

from ems.domain.decision import Decision, Setpoint
from ems.domain.grant import Grant
from ems.domain.phases import MAX_LEGS, Phase
from ems.domain.site import Site
from ems.domain.state import NEVER, EvseState, SiteState
from ems.domain.station import Evse
from ems.domain.station_model import LeaseForm
from ems.domain.units import PILOT_MIN_A
from ems.sim.observer import Cause, Observer
from ems.sim.world import Flow

SLACK_A = 0.01
SETTLES_S = 10.0
BUDGET_S = 15.0
"""From an overload seen to the load down, whatever the vehicles; no test may see more."""

Link = tuple[int, Phase]


class Violation(NamedTuple):
    """A law that was broken, when (monotonic), and how."""

    law: str
    at: float
    text: str


class Invariants:
    """Call it after each decision, and `ended` when the run is over; `violations` collects.

    `fairness_s`: the bound of I8, counted from plug-in or from the last current.
    """

    def __init__(self, site: Site, fairness_s: float | None = None) -> None:
        policy = site.policy
        self.site = site
        self.fairness_s = policy.max_wait_s + 2.0 * policy.rotation_s if fairness_s is None else fairness_s
        self.violations: list[Violation] = []
        self._before: Decision | None = None
        self._hungry_since: dict[int, float] = {}
        self._met: dict[int, tuple[str, float]] = {}
        self._odd: dict[str, float] = {}
        self._links = [_links(site, evse, MAX_LEGS) for evse in site.evses]
        self._used = list(self._links)
        self._reached = [True] * len(site.evses)

    def __call__(self, state: SiteState, decision: Decision, flow: Flow) -> None:
        """Check one decision; `flow` is what truly flows."""
        at = decision.at.monotonic_s
        checks = (
            ("I1", self._rating(state, decision, flow)),
            ("I3", self._minimum(decision)),
            ("I4", self._fresh(state, decision)),
            ("I5", self._lasting(self._leases(state), at)),
            ("I6", self._fallback(state)),
            ("I8", self._fairness(state, decision)),
            ("I9", self._needs(state)),
            ("I17", self._balance(state, decision)),
        )
        for law, texts in checks:
            self.violations += [Violation(law, at, text) for text in texts]
        self._before = decision

    def uses(self, evse: int, legs: int, *, is_reached: bool = True) -> None:
        """From now on only so many legs count of the EVSE at that position: those that its vehicle uses, or none where
        it is a load like any other. Unless `is_reached` it cannot be told another limit.
        """
        self._used[evse] = _links(self.site, self.site.evses[evse], legs)
        self._reached[evse] = is_reached

    def ended(self, observer: Observer, t: float, budget_s: float = BUDGET_S) -> None:
        """I2, when the run is over."""
        for overload in observer.overloads(t):
            if overload.cause is Cause.CHARGERS or overload.shared_s > budget_s:
                where, worst = f"{overload.circuit} {overload.phase.name}", f"{overload.worst_a:.1f} A"
                text = f"{where} was {worst} over for {overload.duration_s:.0f} s, by {overload.cause}"
                self.violations.append(Violation("I2", overload.since_s, text))

    def links(self, open_links: Mapping[str, int], at: float) -> None:
        """I7, where there are links."""
        for station, count in open_links.items():
            if count > 1:
                self.violations.append(Violation("I7", at, f"{station} has {count} links"))

    def _rating(self, state: SiteState, decision: Decision, flow: Flow) -> Iterator[str]:
        """Two sums per conductor: with everything that may still flow, where something was given beyond what it may
        draw anyway; and of the setpoints alone, where anything was raised.
        """
        raised = self._raised(decision)
        if not raised:
            return
        legal = [self._legal(state, decision, j) for j in range(len(state.evses))]
        worst, wanted = dict.fromkeys(_all_links(self.site), 0.0), dict.fromkeys(_all_links(self.site), 0.0)
        for j, (known, setpoint) in enumerate(zip(state.evses, decision.setpoints, strict=True)):
            if known.session is None:
                continue
            for link in self._used[j]:
                worst[link] += max(setpoint.amps, legal[j]) if setpoint.controlled else legal[j]
                wanted[link] += setpoint.amps if setpoint.controlled else legal[j]
        added = [j for j in raised if decision.setpoints[j].amps > legal[j] + SLACK_A]
        for sums, given in ((worst, added), (wanted, raised)):
            for link in sorted({link for j in given for link in self._used[j]}):
                circuit, phase = self.site.circuits.circuits[link[0]], link[1]
                total = sums[link] + max(0.0, float(flow.besides_a[link]))
                if total > circuit.rating_a[phase] + SLACK_A:
                    who = ", ".join(self.site.evses[j].id for j in given if link in self._used[j])
                    yield f"{who} raised although {circuit.id} {phase.name} may carry {total:.1f} A"

    def _balance(self, state: SiteState, decision: Decision) -> Iterator[str]:
        """Anybody may stop at any moment, so what is on one phase and not on another must be little enough alone: the
        setpoints where anything was raised, and all that may still flow where it was raised beyond what it may draw.
        """
        raised = set(self._raised(decision))
        told = [setpoint.amps for setpoint in decision.setpoints]
        legal = [self._legal(state, decision, j) for j in range(len(told))] if raised else []
        added = {j for j in raised if told[j] > legal[j] + SLACK_A}
        flows = [max(pair) for pair in zip(told, legal, strict=False)]
        for i, circuit in enumerate(self.site.circuits if raised else ()):
            most = circuit.unbalance_max_a
            for more, less in permutations(Phase, 2) if most is not None else ():
                on = {j for j, used in enumerate(self._used) if (i, more) in used and (i, less) not in used}
                on = {j for j in on if state.evses[j].session is not None and decision.setpoints[j].controlled}
                for amps, given in ((told, raised & on), (flows, added & on)):
                    total = sum(amps[j] for j in on)
                    if given and most is not None and total > most + SLACK_A:
                        who = ", ".join(self.site.evses[j].id for j in sorted(given))
                        yield f"{who} raised although {circuit.id} may carry {total:.1f} A more on {more.name}"

    def _legal(self, state: SiteState, decision: Decision, j: int) -> float:
        return _legal_a(self.site.evses[j], state.evses[j], decision)

    def _minimum(self, decision: Decision) -> Iterator[str]:
        for setpoint in decision.setpoints:
            if 0 < setpoint.amps < PILOT_MIN_A or setpoint.amps < 0 or not math.isfinite(setpoint.amps):
                yield f"{setpoint.evse} is set to {setpoint.amps} A"

    def _fresh(self, state: SiteState, decision: Decision) -> Iterator[str]:
        now, hold_s = decision.at.monotonic_s, self.site.policy.hold_s
        stale = set()
        for i, circuit in enumerate(self.site.circuits):
            index = None if circuit.meter is None else self.site.meter_index(circuit.meter)
            if index is not None and now - state.meters[index].at > hold_s * max(1.0, self.site.meters[index].every_s):
                stale.add(i)
        for j in self._raised(decision) if stale else ():
            evse = self.site.evses[j]
            if (
                stale.intersection(self.site.circuits.path(evse.circuit))
                and decision.setpoints[j].amps > evse.fallback_a
            ):
                yield f"{evse.id} raised while a meter above it is silent"

    def _lasting(self, texts: Iterator[str], now: float) -> Iterator[str]:
        """What has been so for some seconds."""
        self._odd = {text: self._odd.get(text, now) for text in texts}
        return (text for text, since in self._odd.items() if now - since >= SETTLES_S)

    def _leases(self, state: SiteState) -> Iterator[str]:
        for j, known in enumerate(state.evses):
            if not self._reached[j]:
                continue
            model = state.stations[self.site.station_of_evse[j]].model
            for held in (known.grant.default, known.grant.session):
                if held is None:
                    continue
                if known.grant.floor is None:
                    yield f"{self.site.evses[j].id} holds {held.amps:g} A without a floor"
                if math.isinf(held.ends_at) and model.lease is LeaseForm.DURATION and not _skewed(state, self.site, j):
                    yield f"{self.site.evses[j].id} holds {held.amps:g} A for ever"

    def _fallback(self, state: SiteState) -> Iterator[str]:
        """Only what stations accepted is judged; before that, `ems check` has judged the plan."""
        total: dict[Link, float] = {}
        for j, known in enumerate(state.evses):
            floor = known.grant.floor
            for link in self._links[j] if floor is not None else ():
                total[link] = total.get(link, 0.0) + (0.0 if floor is None else floor.amps)
        for (i, phase), amps in total.items():
            circuit = self.site.circuits.circuits[i]
            worst = amps + circuit.worst_load_a[phase]
            if worst > circuit.rating_a[phase] + SLACK_A:
                yield f"after all leases {circuit.id} {phase.name} may carry {worst:.1f} A"

    def _fairness(self, state: SiteState, decision: Decision) -> Iterator[str]:
        now = decision.at.monotonic_s
        for j, (known, setpoint) in enumerate(zip(state.evses, decision.setpoints, strict=True)):
            session = known.session
            waits = session is not None and session.transaction is not None and session.missing_wh() != 0.0
            if not waits or setpoint.amps > 0 or not setpoint.controlled:
                self._hungry_since.pop(j, None)
                continue
            since = self._hungry_since.setdefault(j, now)
            if now - since > self.fairness_s:
                self._hungry_since[j] = now
                yield f"{setpoint.evse} has waited {now - since:.0f} s"

    def _needs(self, state: SiteState) -> Iterator[str]:
        for j, known in enumerate(state.evses):
            session = known.session
            missing = None if session is None else session.missing_wh()
            if session is None or missing is None:
                self._met.pop(j, None)
                continue
            need = session.need.energy_wh or 0.0
            before = self._met.get(j)
            same = before == (session.id, need)
            if missing == 0.0:
                self._met[j] = (session.id, need)
            elif same:
                yield f"{self.site.evses[j].id} had enough and now lacks {missing:.0f} Wh"

    def _raised(self, decision: Decision) -> list[int]:
        if self._before is None:
            return []
        pairs = zip(self._before.setpoints, decision.setpoints, strict=True)
        return [j for j, (old, new) in enumerate(pairs) if new.controlled and new.amps > _before_a(old) + SLACK_A]


def _before_a(setpoint: Setpoint) -> float:
    """What an EVSE had; one that was out of control may have had all that it could."""
    return setpoint.amps if setpoint.controlled else max(setpoint.amps, setpoint.liable_a)


def _links(site: Site, evse: Evse, legs: int) -> tuple[Link, ...]:
    phases = {phase for leg in evse.wiring.legs[:legs] for phase in leg}
    return tuple((circuit, phase) for circuit in site.circuits.path(evse.circuit) for phase in sorted(phases))


def _all_links(site: Site) -> tuple[Link, ...]:
    return tuple((i, phase) for i in range(len(site.circuits)) for phase in Phase)


def _legal_a(evse: Evse, known: EvseState, decision: Decision) -> float:
    """The most that the station lets its vehicle draw, by what it accepted and by what may be under way."""
    now, grant = decision.at.monotonic_s, known.grant
    if grant.floor is None:
        return evse.max_a
    return min(evse.max_a, max(_in_force(grant, known, now), *(c.amps for c in grant.claims if c.until > now), 0.0))


def _in_force(grant: Grant, known: EvseState, now: float) -> float:
    has_transaction = known.session is not None and known.session.transaction is not None
    for held in (grant.session if has_transaction else None, grant.default, grant.floor):
        if held is not None and now < held.ends_at:
            return held.amps
    return math.inf


def _skewed(state: SiteState, site: Site, j: int) -> bool:
    """A station whose clock is too wrong for leases is given limits without end, and counted so (failsafe row 13)."""
    station = state.stations[site.station_of_evse[j]]
    return abs(station.clock_skew_s) > site.policy.lease_s / 4 and station.connected_at != NEVER
