"""The steps of the test of an outlet: what is tried, and what must be seen."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from ems.domain.measurement import Sample
from ems.domain.meter import MeterReading
from ems.domain.remote.outcome import Variables
from ems.domain.remote.proof import Verdict
from ems.domain.remote.request import ReadVariables
from ems.domain.state import EvseState
from ems.domain.station import Evse
from ems.domain.station_model import StationModel
from ems.runtime.proof_bench import Bench, Feeling, phases_seen

LOOK_S = 0.2
ANSWER_S = 40.0
FOLLOW_S = 60.0
RAISE_S = 120.0
HOLD_S = 300.0
SLACK_S = 8.0
FOLLOWED_S = 8.0
"""By then a vehicle has followed a raise."""
CLOCK_S = 10.0
BACK_S = 300.0
NEAR_A, NEAR_SHARE = 1.0, 0.06
"""Stations measure no better."""

TELLING = (
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
    "ConnectorSwitch3to1PhaseSupported",
    "MeterValueSampleInterval",
    "MeterValuesSampledData",
    "SupportedFeatureProfiles",
)
"""What of a station's configuration matters for control."""


Trial = Callable[[Bench], Awaitable[Feeling]]


def steps_of(evse: Evse, model: StationModel, offline: bool) -> Iterator[tuple[str, Trial]]:
    """Every step of a test by its name, in order."""
    least, most = max(model.min_a, 6.0), evse.max_a
    yield "configuration", _configuration
    yield "clock", _clock
    yield "fallback is accepted", _floor
    yield "measured values", _samples
    for amps in (least, most):
        yield f"{amps:g} A", partial(_current, amps=amps)
    yield "phases", partial(_phases, amps=least)
    for amps in (least, 0.0):
        yield f"{amps:g} A", partial(_current, amps=amps)
    if offline:
        yield "without the controller", _offline


def is_there(bench: Bench) -> bool:
    """Whether the station is connected."""
    return bench.state.station(bench.evse.station).connected


async def _configuration(bench: Bench) -> Feeling:
    if not is_there(bench):
        return Feeling(Verdict.FAILED, "it is not connected: check its address, its id and its password")
    asked = await bench.remote.ask(bench.evse.station, ReadVariables(), bench.who)
    outcome = (await bench.remote.settled(asked.number, ANSWER_S)).outcome
    if outcome is None or not isinstance(outcome.content, Variables):
        return Feeling(Verdict.FAILED, "it does not tell its configuration" if outcome is None else outcome.detail)
    known = {one.name.lower(): one.value for one in outcome.content.known}
    told = [f"{name} {known[name.lower()]}" for name in TELLING if known.get(name.lower())]
    missing = "; it says nothing about smart charging" if not told else ""
    return Feeling(Verdict.PASSED, f"{len(known)} keys{missing}: {', '.join(told)}" if told else f"{len(known)} keys")


async def _clock(bench: Bench) -> Feeling:
    skew = bench.state.station(bench.evse.station).clock_shown_s
    ahead = "ahead" if skew > 0 else "behind"
    words = f"{abs(skew):.0f} s {ahead} of ours" if abs(skew) >= 1 else "as ours"
    if abs(skew) <= CLOCK_S:
        return Feeling(Verdict.PASSED, words)
    return Feeling(Verdict.FAILED, f"{words}: set its time server")


async def _floor(bench: Bench) -> Feeling:
    if bench.state.site.policy.observes:
        return Feeling(Verdict.SKIPPED, "the controller only observes, so nothing is told: arm it, then test again")
    if not bench.state.model_of(bench.evse.id).smart_charging:
        return Feeling(Verdict.FAILED, "this model cannot be limited: it is counted with its rated maximum")
    if not await _until(lambda: _known(bench).grant.floor is not None, ANSWER_S):
        return Feeling(Verdict.FAILED, "it has not accepted a fallback: see its smart-charging settings")
    held = _known(bench).grant.floor
    return Feeling(Verdict.PASSED, f"{0.0 if held is None else held.amps:g} A, without end")


async def _samples(bench: Bench) -> Feeling:
    trust_s = bench.state.site.policy.sample_trust_s
    if not _charges(bench):
        return Feeling(Verdict.SKIPPED, "no vehicle charges: plug one in, start it, and test again")
    if not await _until(lambda: _is_young(bench, trust_s), trust_s):
        return Feeling(Verdict.FAILED, f"no current was reported within {trust_s:g} s")
    sample = _known(bench).samples[0]
    exact = "per phase" if sample.low_a == sample.high_a else "without saying on which phases"
    phases = ", ".join(f"{amps:.1f}" for amps in sample.high_a)
    return Feeling(Verdict.PASSED, f"{phases} A, {exact}, {bench.now_s - sample.at:.0f} s old")


async def _current(bench: Bench, amps: float) -> Feeling:
    """Hold the outlet at a current; see it accepted, read back and drawn."""
    if bench.state.site.policy.observes:
        return Feeling(Verdict.SKIPPED, "the controller only observes")
    if not _charges(bench):
        return Feeling(Verdict.SKIPPED, "no vehicle charges")
    began = bench.now_s
    bench.hold(amps, HOLD_S)
    await asyncio.sleep(2 * LOOK_S)
    if not await _settled(bench, amps):
        return Feeling(Verdict.FAILED, f"not accepted: {_in_force(bench):g} A are in force")
    granted, accepted = _in_force(bench), bench.now_s
    words = [f"accepted after {accepted - began:.1f} s"]
    if granted < amps - NEAR_A / 2:
        words = [f"the site has room for {granted:g} A only, accepted"]
    told = await _read_back(bench)
    if told is None:
        words.append("it tells no composite schedule")
    elif told > granted + _tolerance(granted):
        return Feeling(Verdict.FAILED, f"{words[0]}, but it says that {told:g} A are in force")
    else:
        words.append(f"read back {told:g} A")
    if not await _until(lambda: _follows(bench, granted, accepted), FOLLOW_S):
        sample = _known(bench).samples[0] if _known(bench).samples else None
        drawn = "nothing was measured since" if sample is None else f"{sample.peak_a:.1f} A flow"
        return Feeling(Verdict.FAILED, f"{', '.join(words)}, but {drawn} after {FOLLOW_S:g} s")
    sample = _known(bench).samples[0]
    words.append(f"measured {sample.peak_a:.1f} A after {max(0.0, sample.at - accepted):.0f} s")
    return Feeling(Verdict.PASSED, ", ".join(words), max(0.0, sample.at - began))


async def _phases(bench: Bench, amps: float) -> Feeling:
    """Cut the outlet from what it has to a current, and see on which phases of the meter above it less flows."""
    if bench.state.site.policy.observes:
        return Feeling(Verdict.SKIPPED, "the controller only observes")
    if not _charges(bench):
        return Feeling(Verdict.SKIPPED, "no vehicle charges")
    meter, before = _meter(bench), _newest(bench)
    if meter is None:
        return Feeling(Verdict.SKIPPED, "no meter measures the outlet or its circuit, so nobody sees its phases")
    high = _reading(bench, meter)
    if high is None:
        return Feeling(Verdict.SKIPPED, f"meter {meter} has never measured anything, so nobody sees its phases")
    bench.hold(amps, HOLD_S)
    await asyncio.sleep(2 * LOOK_S)
    await _settled(bench, amps)
    since = bench.now_s
    await _until(lambda: _follows(bench, _in_force(bench), since), FOLLOW_S)
    cut = bench.now_s
    await _until(lambda: (one := _reading(bench, meter)) is not None and one.at > cut, FOLLOW_S)
    low, after = _reading(bench, meter), _newest(bench)
    if low is None or low.at <= cut or before is None or after is None:
        return Feeling(Verdict.SKIPPED, f"meter {meter} or the station measured nothing meanwhile")
    less = [a - b for a, b in zip(high.amps, low.amps, strict=True)]
    return phases_seen(bench.evse, meter, before, after, (less[0], less[1], less[2]))


async def _offline(bench: Bench) -> Feeling:
    """End the link, wait until the leases are over, and see what flows by the meter above the outlet."""
    if not _charges(bench):
        return Feeling(Verdict.SKIPPED, "no vehicle charges")
    bench.let_go()
    lease_s, fallback = bench.state.site.policy.lease_s, bench.evse.fallback_a
    await _settled(bench, bench.evse.max_a)
    settled = bench.now_s
    await _until(lambda: _follows(bench, _in_force(bench), settled + FOLLOWED_S), FOLLOW_S)
    before, meter = _drawn(bench), _meter(bench)
    if before <= fallback + 2 * NEAR_A:
        return Feeling(Verdict.SKIPPED, f"the vehicle draws {before:.1f} A, so a fall to {fallback:g} A is not seen")
    if meter is None:
        return Feeling(Verdict.SKIPPED, "no meter measures the outlet or its circuit, so nobody sees what it does")
    was = _measured(bench, meter)
    wait_s = lease_s + bench.state.model_of(bench.evse.id).apply_s + 5.0
    await bench.keep_out(wait_s + BACK_S)
    began = bench.now_s
    fell: float | None = None
    while bench.now_s - began < wait_s and fell is None:
        await asyncio.sleep(LOOK_S)
        if was - _measured(bench, meter) >= before - fallback - 2 * NEAR_A:
            fell = bench.now_s - began
    left = before - (was - _measured(bench, meter))
    await bench.keep_out(0.0)
    if fell is None:
        return Feeling(Verdict.FAILED, f"about {left:.0f} A flow {wait_s:.0f} s after the link ended: no fallback")
    back = await _until(lambda: is_there(bench), BACK_S)
    words = f"fell to about {left:.0f} A {fell:.0f} s after the link ended"
    if not back:
        return Feeling(Verdict.FAILED, f"{words}, but it has not come back within {BACK_S:g} s")
    return Feeling(Verdict.PASSED, f"{words}; it came back", fell)


async def _read_back(bench: Bench) -> float | None:
    if not bench.state.model_of(bench.evse.id).composite:
        return None
    asked = bench.now_s
    bench.read_back()
    await _until(lambda: _known(bench).grant.composite_at >= asked, ANSWER_S)
    return _known(bench).grant.composite_a if _known(bench).grant.composite_at >= asked else None


async def _until(found: Callable[[], bool], within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            while not found():  # noqa: ASYNC110 - what is waited for is many things, and none of them tells
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        return found()
    return True


def _known(bench: Bench) -> EvseState:
    return bench.state.evse(bench.evse.id)


def _charges(bench: Bench) -> bool:
    session = _known(bench).session
    return session is not None and session.transaction is not None


def _in_force(bench: Bench) -> float:
    known = _known(bench)
    return known.grant.amps_in_force(known.steering_layer, bench.now_s)


async def _settled(bench: Bench, amps: float) -> bool:
    """Wait until the outlet holds a current; less is as good, where the site has no room for more and so nothing has
    risen for long enough.
    """
    policy = bench.state.site.policy
    still_s = policy.raise_hold_s + policy.raise_every_s + SLACK_S
    began, held, since = bench.now_s, _in_force(bench), bench.now_s
    while bench.now_s - began < RAISE_S:
        now = _in_force(bench)
        if abs(now - amps) < NEAR_A / 2:
            return True
        if now != held:
            held, since = now, bench.now_s
        if now < amps and bench.now_s - since > still_s:
            return True
        if now > amps and bench.now_s - began > ANSWER_S:
            return False
        await asyncio.sleep(LOOK_S)
    return _in_force(bench) <= amps


def _newest(bench: Bench) -> Sample | None:
    samples = _known(bench).samples
    return samples[0] if samples else None


def _is_young(bench: Bench, trust_s: float) -> bool:
    sample = _newest(bench)
    return sample is not None and bench.now_s - sample.at < trust_s


def _drawn(bench: Bench) -> float:
    sample = _newest(bench)
    return 0.0 if sample is None else sample.peak_a


def _follows(bench: Bench, granted: float, since: float) -> bool:
    sample = _newest(bench)
    return sample is not None and sample.at > since and sample.peak_a <= granted + _tolerance(granted)


def _tolerance(amps: float) -> float:
    return max(NEAR_A, NEAR_SHARE * amps)


def _meter(bench: Bench) -> str | None:
    """The meter nearest to the outlet: its own, or that of the first circuit above that has one."""
    site, evse = bench.state.site, bench.evse
    circuits = tuple(site.circuits)
    above = [circuits[k].meter for k in site.circuits.path_of(site.circuits.index(evse.circuit))]
    return evse.meter or next((meter for meter in above if meter is not None), None)


def _reading(bench: Bench, meter: str) -> MeterReading | None:
    index = bench.state.site.meter_index(meter)
    return None if index is None else bench.state.meters[index].reading


def _measured(bench: Bench, meter: str) -> float:
    """What a meter reads on the strongest phase of the outlet, ampere."""
    reading = _reading(bench, meter)
    return math.nan if reading is None else max(reading.amps[phase] for phase in bench.evse.wiring.phases)
