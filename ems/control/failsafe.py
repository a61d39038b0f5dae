"""The failsafe ladder: which faults are present, and how far each lowers its part of the site.

Every check is a small function from state and memory to conditions; the highest level wins. Numbers in parentheses
are rows of the failure table in the README. Rows that need no level of their own (4 offline, 13 wrong clock,
7 controller dead) act through the liability and the leases; here they only raise their alarm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from operator import itemgetter

import numpy as np

from ems.control.incidence import Ints
from ems.control.liability import clock_uncertainty_s
from ems.control.memory import Memory, MeterMemory
from ems.control.obedience import judge
from ems.control.observation import Column, Observation
from ems.control.withdrawal import in_words, kept
from ems.domain.circuit import CircuitTree
from ems.domain.decision import Alarm, Level
from ems.domain.instant import Instant
from ems.domain.meter import Meter, OnLoss
from ems.domain.state import NEVER, MeterState, SiteState
from ems.domain.strategy import PLANNED

FROZEN_S = 30.0
FROZEN_HOLD_S = 10.0
FROZEN_DRAW_A = 3.0
COUNTER_LOAD_W = 1000.0
MASS_LOSS_S = 10.0
MASS_LOSS_SHARE = 0.5
MASS_LOSS_CLEAR_S = 60.0
CLOCK_STEP_S = 2.0
CLOCK_STEP_SHOWN_S = 600.0
BLOCKED_SHOWN_S = 60.0
OFFLINE_SINGLY = 5
UNDESCRIBED_REMEDY = "describe it (Wizard, Stations: One outlet more), or put it out of service at the station"
CRASHES_TOLERATED = 5
CRASH_LOOP_S = 3600.0


Judged = tuple[Level, str]
"""A level, and in words why."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Levels per circuit (of its own meter alone), per EVSE (everything that bears on it) and for the site as a whole;
    `causes` say in words what set an EVSE's level, `numbers` are those levels as a column.
    """

    circuits: tuple[Level, ...]
    evses: tuple[Level, ...]
    numbers: Ints
    causes: tuple[str, ...]
    site: Level
    alarms: tuple[Alarm, ...]


def assess(state: SiteState, seen: Observation, memory: Memory, now: Instant) -> tuple[Assessment, Memory]:
    """Judge the site at `now`. The memory that comes back knows which faults are present."""
    memory = _clock_stepped(memory, now)
    memory = _mass_loss(state, memory, now.monotonic_s)
    meters, remembered = _meters(state, seen, memory.meters, now.monotonic_s)
    alarms = [
        *_meter_alarms(state, meters),
        *_observing(state, now.monotonic_s),
        *_battery_alarms(state),
        *_station_alarms(state, seen, memory, now.monotonic_s),
    ]
    site_level, site_cause = Level.NORMAL, ""
    for level, cause, alarm in _site_conditions(state, memory, now.monotonic_s):
        alarms.append(alarm)
        if level > site_level:
            site_level, site_cause = level, cause
    own: list[Judged] = [(Level.NORMAL, "") if m is None else meters[m] for m in state.site.meter_of_circuit]
    circuits = tuple([level for level, _ in own])
    bearing = _bearing(state.site.circuits, own, (site_level, site_cause))
    evses = tuple(map([level for level, _ in bearing].__getitem__, state.site.circuit_of_evse))
    causes = tuple(map([cause for _, cause in bearing].__getitem__, state.site.circuit_of_evse))
    since = {alarm.key: memory.since.get(alarm.key, now.monotonic_s) for alarm in alarms}
    shown = tuple([replace(alarm, since=now.utc_at(since[alarm.key])) for alarm in alarms])
    obedience = judge(state, seen, memory.obedience, now.monotonic_s)
    memory = replace(memory, meters=remembered, obedience=obedience, since=since)
    numbers = np.fromiter(evses, np.intp, len(evses))
    return Assessment(circuits, evses, numbers, causes, site_level, shown), memory


def _bearing(tree: CircuitTree, own: Sequence[Judged], of_site: Judged) -> Sequence[Judged]:
    """What counts at each circuit: the highest of the site, of its own meter and of those above it; of several that are
    as high the first.
    """
    if max(own)[0] <= of_site[0]:
        return [of_site] * len(own)
    paths = map(tree.path_of, range(len(own)))
    return [max([of_site, *[own[i] for i in path]], key=itemgetter(0)) for path in paths]


def meter_level(meter: Meter, known: MeterState, lost: bool, now: float, policy_times: tuple[float, ...]) -> Level:
    """Row 1: hold, then be cautious, then fall back as a meter's last good reading ages; after a loss, hold until it
    has been steady. `policy_times`: hold_s, cautious_s, fallback_s, steady_s for a meter that is read every second.
    """
    hold_s, cautious_s, fallback_s, steady_s = policy_times
    age = now - known.at
    slow = max(1.0, meter.every_s)
    if age > max(fallback_s, 6 * slow):
        return Level.ZERO if meter.on_loss is OnLoss.STOP else Level.FALLBACK
    if age > max(cautious_s, 4 * slow):
        return Level.CAUTIOUS
    if age > hold_s * slow or (lost and now - known.steady_since < steady_s):
        return Level.HOLD
    return Level.NORMAL


def _meters(
    state: SiteState, seen: Observation, memory: Sequence[MeterMemory], now: float
) -> tuple[list[Judged], tuple[MeterMemory, ...]]:
    policy = state.site.policy
    times = (policy.hold_s, policy.cautious_s, policy.fallback_s, policy.steady_s)
    judged: list[Judged] = []
    after: list[MeterMemory] = []
    drawn = (seen.drawn_a[:, 0] + seen.drawn_a[:, 1] + seen.drawn_a[:, 2]).tolist()
    columns = zip(state.site.meters, state.site.evses_behind, state.meters, memory, strict=True)
    for meter, behind, known, before in columns:
        drawn_a = sum(map(drawn.__getitem__, behind))
        moved = known.unchanged_since != before.moved_at
        held = before._replace(drawn_when_moved_a=drawn_a, moved_at=known.unchanged_since) if moved else before
        level = meter_level(meter, known, held.lost, now, times)
        cause = f"meter {meter.id} {_silence(known, now)}" if level > Level.NORMAL else ""
        frozen = _frozen_level(
            meter, known, abs(drawn_a - held.drawn_when_moved_a), drawn_a * state.site.voltage_v, now
        )
        if frozen >= Level.HOLD:
            held = held._replace(frozen_at=now)
        elif now - held.frozen_at < policy.steady_s:
            frozen = Level.HOLD
        if frozen > level:
            level, cause = frozen, f"meter {meter.id} repeats the same values"
        aged = now - known.at > policy.hold_s * max(1.0, meter.every_s)
        unsteady = held.lost and now - known.steady_since < policy.steady_s
        lost = known.at != NEVER and (aged or unsteady)
        judged.append((level, cause))
        after.append(held._replace(lost=lost))
    return judged, tuple(after)


def _silence(known: MeterState, now: float) -> str:
    if known.at == NEVER:
        return "has never answered"
    age = now - known.at
    return f"silent for {age:.0f} s" if age > 2 else f"back for {now - known.steady_since:.0f} s"


def _frozen_level(meter: Meter, known: MeterState, change_a: float, drawn_w: float, now: float) -> Level:
    """Row 2: identical registers, although the current behind them changed or energy must have been counted."""
    if known.reading is None:
        return Level.NORMAL
    unchanged = known.at - known.unchanged_since
    slow = max(1.0, meter.every_s / 3)
    counter_stuck = bool(known.reading.import_wh) and drawn_w > COUNTER_LOAD_W
    if change_a > FROZEN_DRAW_A or counter_stuck:
        if unchanged >= FROZEN_S * slow:
            return Level.ZERO if meter.on_loss is OnLoss.STOP else Level.FALLBACK
        if unchanged >= FROZEN_HOLD_S * slow and change_a > FROZEN_DRAW_A:
            return Level.HOLD
    return Level.NORMAL


def _clock_stepped(memory: Memory, now: Instant) -> Memory:
    """Row 12: the wall clock jumped against the monotonic one; absolute times in profiles are wrong now."""
    offset = now.utc.timestamp() - now.monotonic_s
    before = memory.wall_offset_s
    memory = replace(memory, wall_offset_s=offset)
    if before is None or abs(offset - before) <= CLOCK_STEP_S:
        return memory
    return replace(memory, stepped_at=now.monotonic_s, renew_since=now.monotonic_s)


def _mass_loss(state: SiteState, memory: Memory, now: float) -> Memory:
    """Row 5: most stations vanished within seconds; the switch is dead, not forty stations."""
    if all([s.connected for s in state.stations]):
        return memory
    recent = sum(1 for s in state.stations if not s.connected and now - s.gone_at <= MASS_LOSS_S)
    before = recent + sum(1 for s in state.stations if s.connected)
    gone = sum(1 for s in state.stations if s.seen and not s.connected)
    still = now - memory.mass_loss_at < MASS_LOSS_CLEAR_S and gone > MASS_LOSS_SHARE * sum(
        1 for s in state.stations if s.seen
    )
    lost = (recent >= 2 and recent > MASS_LOSS_SHARE * before) or still
    return replace(memory, mass_loss_at=now) if lost else memory


def _site_conditions(state: SiteState, memory: Memory, now: float) -> Iterator[tuple[Level, str, Alarm]]:
    policy = state.site.policy
    started = state.started
    if started is not None and started.crashes:
        age = now - started.at.monotonic_s
        if started.crashes >= CRASHES_TOLERATED and age < CRASH_LOOP_S:
            cause = f"the controller crashed {started.crashes} times within the hour"
            yield (
                Level.FALLBACK,
                cause,
                Alarm("restart-loop", Level.FALLBACK, "site", cause, "send the journal"),
            )
        elif age < policy.restart_hold_s:
            cause = "the controller restarted after a crash"
            yield Level.HOLD, cause, Alarm("restart", Level.HOLD, "site", cause)
    if now - memory.mass_loss_at < MASS_LOSS_CLEAR_S and any(not s.connected for s in state.stations):
        cause = "most stations vanished at once"
        remedy = "check the network switch and the power of the stations"
        yield Level.HOLD, cause, Alarm("mass-loss", Level.HOLD, "site", cause, remedy)
    if now - memory.stepped_at < CLOCK_STEP_SHOWN_S:
        cause = "the wall clock was set"
        yield Level.NORMAL, cause, Alarm("clock-step", Level.NORMAL, "site", cause, "check the time service")
    if state.store_trouble:
        cause = f"records cannot be written: {state.store_trouble}"
        yield Level.NORMAL, cause, Alarm("store", Level.NORMAL, "site", cause, "make room on the disk, or replace it")
    if state.settings_trouble:
        cause = f"the site's files have errors, an earlier revision of them runs: {state.settings_trouble}"
        remedy = "correct what `ems check` shows, then reload"
        yield Level.NORMAL, cause, Alarm("settings", Level.NORMAL, "site", cause, remedy)
    if state.plan_trouble and state.strategy in PLANNED:
        cause = f"no plan can be made: {state.plan_trouble}"
        remedy = "nothing to do for safety: without a plan, who has the least time to spare goes first; send the log"
        yield Level.NORMAL, cause, Alarm("planner", Level.NORMAL, "site", cause, remedy)
    if state.blocked is not None and now - state.blocked.at < BLOCKED_SHOWN_S:
        cause = f"the controller stalled for {state.blocked.seconds:.1f} s"
        yield (
            Level.NORMAL,
            cause,
            Alarm("stall", Level.NORMAL, "site", cause, "free the machine of other load"),
        )


def _meter_alarms(state: SiteState, judged: list[Judged]) -> Iterator[Alarm]:
    for meter, known, (level, cause) in zip(state.site.meters, state.meters, judged, strict=True):
        if level > Level.NORMAL:
            remedy = known.fault or "check its power, its address and the cable"
            yield Alarm(f"meter:{meter.id}", level, meter.id, cause, remedy)


def _observing(state: SiteState, now: float) -> Iterator[Alarm]:
    if state.site.policy.observes:
        text, remedy = in_words(kept(state, now), len(state.evses))
        yield Alarm("observe", Level.NORMAL, "site", text, remedy)


def _battery_alarms(state: SiteState) -> Iterator[Alarm]:
    for battery, known in zip(state.site.batteries, state.batteries, strict=False):
        if battery.steered and known.fault:
            text = f"battery {battery.id} cannot be told what to do: {known.fault}"
            remedy = "see what its model in config/meters says about remote control; nothing relies on it meanwhile"
            yield Alarm(f"battery:{battery.id}", Level.NORMAL, battery.id, text, remedy)


def _station_alarms(state: SiteState, seen: Observation, memory: Memory, now: float) -> Iterator[Alarm]:
    mass = now - memory.mass_loss_at < MASS_LOSS_CLEAR_S
    for station, known in zip(state.site.stations, state.stations, strict=True):
        if known.clock_shown_s and known.connected and math.isinf(clock_uncertainty_s(known, state.site.policy)):
            text = f"{station.id}: its clock is off by {timedelta(seconds=round(known.clock_shown_s))}; no leases there"
            yield Alarm(f"clock:{station.id}", Level.NORMAL, station.id, text, "set the station's time server")
        if known.undescribed:
            numbers, many = ", ".join(map(str, known.undescribed)), len(known.undescribed) > 1
            which, they = ("outlets", "they draw") if many else ("an outlet", "it draws")
            text = f"{station.id} has {which} that the site does not describe ({numbers}): nobody limits what {they}"
            yield Alarm(f"outlet:{station.id}", Level.NORMAL, station.id, text, UNDESCRIBED_REMEDY)
    if not mass:
        yield from _offline_alarms(state)
    for j in (~seen.controlled | (seen[Column.IN_ERROR] > 0)).nonzero()[0].tolist():
        evse, view, judged = state.site.evses[j], state.evses[j], seen.liabilities[j]
        here = state.stations[state.site.station_of_evse[j]].connected
        if here and not judged.controlled and not judged.at_rest:
            text = f"{evse.id} is not under control: {judged.cause}; counted with {judged.amps:.0f} A"
            yield Alarm(f"control:{evse.id}", Level.NORMAL, evse.id, text, "see the station's smart-charging settings")
        if view.error:
            yield Alarm(f"fault:{evse.id}", Level.NORMAL, evse.id, f"{evse.id}: {view.error[:64]}")


def _offline_alarms(state: SiteState) -> Iterator[Alarm]:
    """One alarm per station; many at once are one alarm."""
    remedy = "check its power and network"
    pairs = zip(state.site.stations, state.stations, strict=True)
    away = [(station.id, known.seen) for station, known in pairs if not known.connected]
    if len(away) > OFFLINE_SINGLY:
        names = ", ".join(name for name, _ in away[:OFFLINE_SINGLY])
        text = f"{len(away)} stations are offline: {names}, …"
        yield Alarm("offline", Level.NORMAL, "site", text, "check their power and network")
        return
    for name, seen in away:
        text = f"{name} is offline" if seen else f"{name} has never connected"
        yield Alarm(f"offline:{name}", Level.NORMAL, name, text, remedy)
