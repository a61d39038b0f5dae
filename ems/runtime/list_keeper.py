"""Keeps the local lists of stations in step with the book, whenever nobody is disturbed by it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ems.domain.access.book import AccessMode
from ems.domain.access.local_list import Capacity, ListState, Step, messages, wanted
from ems.domain.remote.outcome import ListVersion, Outcome, Variables, Verdict
from ems.domain.remote.request import ListedTag, ReadLocalListVersion, ReadVariables, SendLocalList, WriteVariables
from ems.domain.state import SiteState
from ems.ports.controller import Clock
from ems.ports.stations import StationDesk
from ems.runtime.porter import Porter

log = logging.getLogger(__name__)

LOOK_S = 5.0
AT_ONCE = 4
SETTLED_S = 30.0
"""A station that has just connected has more important things to hear first."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 3600.0
BUSY_S = 3600.0
"""A list waits while somebody charges at its station, but no longer than this."""

MADE_FOR_S = 300.0
"""Tags begin and cease to be good as time passes."""

AGAIN_S = 24 * 3600.0
"""How often a list that is in step is looked at all the same: somebody may have cleared it at the station."""

EACH, TAGS = 50, 1000
"""Tags in a message, and in a list, where a station does not say; an embedded device has little memory."""

FEATURES, ENABLED = "SupportedFeatureProfiles", "LocalAuthListEnabled"
LIST_MAX, SEND_MAX = "LocalAuthListMaxLength", "SendLocalListMaxLength"
PROFILE = "localauthlistmanagement"


@dataclass(slots=True)
class _Known:
    """What is known of a station: for which link, what it confirmed, when it is to be looked at again."""

    generation: int = -1
    capacity: Capacity | None = None
    version: int | None = None
    word: str = ""
    tags: Mapping[str, ListedTag] | None = None
    basis: tuple[object, ...] = ()
    made_at: float = float("-inf")
    wanted: tuple[ListedTag, ...] = ()
    asked_for: str = ""
    done_for: str = ""
    since: float = 0.0
    due: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    state: ListState = field(default_factory=ListState)


class ListKeeper:
    """A `Service`. `confirmed` is told (station, version, word) of each list that a station took; `known` is what the
    run before was told.
    """

    name = "local-lists"

    def __init__(
        self,
        desk: StationDesk,
        porter: Porter,
        clock: Clock,
        state: Callable[[], SiteState],
        confirmed: Callable[[str, int, str], None],
        known: Mapping[str, tuple[int, str]],
    ) -> None:
        self._desk, self._porter, self._clock, self._state = desk, porter, clock, state
        self._confirmed = confirmed
        self._known = {name: _Known(version=version, word=word) for name, (version, word) in known.items()}
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def states(self) -> Mapping[str, ListState]:
        """How far every station of the site is."""
        names = (station.id for station in self._state().site.stations)
        return {name: self._known[name].state if name in self._known else ListState() for name in names}

    async def run(self) -> None:
        """Look at all stations again and again."""
        try:
            while True:
                for number, station in enumerate(self._state().site.stations):
                    if self._state().stations[number].connected and len(self._under_way) < AT_ONCE:
                        await self._look(station.id)
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _look(self, station: str) -> None:
        state, now = self._state(), self._clock.now()
        seen = state.station(station)
        known = self._known.setdefault(station, _Known())
        if station in self._under_way or now.monotonic_s - seen.connected_at < SETTLED_S:
            return
        await self._want(station, known)
        tags, word = known.wanted, digest(known.wanted)
        if known.generation != seen.generation:
            known.generation, known.capacity, known.due = seen.generation, None, now.monotonic_s
            known.pause_s = FIRST_PAUSE_S
        if word != known.asked_for:
            known.asked_for, known.since = word, now.monotonic_s
            known.due = min(known.due, now.monotonic_s) if known.state.step is Step.IN_STEP else known.due
        if not tags and not known.version:
            known.state = ListState(Step.EMPTY if self._is_asked(station) else Step.NOT_NEEDED)
            return
        if now.monotonic_s < known.due:
            return
        if self._is_busy(station) and now.monotonic_s - known.since < BUSY_S:
            if known.done_for != word:
                known.state = replace(known.state, step=Step.WAITS)
            return
        task = asyncio.create_task(self._keep(station, known, tags))
        self._under_way[station] = task
        task.add_done_callback(lambda _: self._under_way.pop(station, None))

    async def _want(self, station: str, known: _Known) -> None:
        """What should stand in the list now; worked out again when the book is another, and as time passes."""
        porter, now = self._porter, self._clock.now()
        basis = (porter.book, porter.fleet, porter.doors)
        is_same = len(known.basis) == len(basis) and all(a is b for a, b in zip(known.basis, basis, strict=True))
        if is_same and now.monotonic_s - known.made_at < MADE_FOR_S:
            return
        known.basis, known.made_at = basis, now.monotonic_s
        evses = [evse.id for evse in self._state().site.evses if evse.station == station]
        known.wanted = await asyncio.to_thread(wanted, porter.book, porter.vehicle_tags, porter.doors, evses, now.utc)

    def _is_asked(self, station: str) -> bool:
        """Whether tags matter at any EVSE of a station."""
        modes = (self._porter.doors.mode_of(evse) for evse in self._porter.evses_of(station))
        return self._porter.doors.local_lists and AccessMode.TAGS in modes

    def _is_busy(self, station: str) -> bool:
        """Somebody charges there: what is told to the station now must not make a limit wait."""
        state = self._state()
        here = (known.session for known, evse in zip(state.evses, state.site.evses, strict=True)
                if evse.station == station)  # fmt: skip
        return any(session is not None and session.transaction is not None for session in here)

    async def _keep(self, station: str, known: _Known, tags: tuple[ListedTag, ...]) -> None:
        """Bring a list into step; whatever happens, say when to look again."""
        try:
            known.state = await self._step(station, known, tags)
        except Exception as failed:  # One station must not end the service for the others.
            log.exception("local-list.failed id=%s", station)
            known.state = ListState(Step.REFUSED, known.version, detail=str(failed)[:100])
        now = self._clock.now().monotonic_s
        if known.state.step is Step.IN_STEP:
            known.done_for = digest(tags)
        if known.state.step is Step.REFUSED:
            known.due = now + known.pause_s
            known.pause_s = min(2 * known.pause_s, LONGEST_PAUSE_S)
            log.warning("local-list.refused id=%s detail=%r", station, known.state.detail)
        else:
            known.due, known.pause_s = now + AGAIN_S, FIRST_PAUSE_S

    async def _step(self, station: str, known: _Known, tags: tuple[ListedTag, ...]) -> ListState:
        if known.capacity is None:
            known.capacity, why_not = await self._learn(station)
            if why_not is not None:
                return why_not
        assert known.capacity is not None
        most = TAGS if known.capacity.tags is None else known.capacity.tags
        fitting, left_out = tags[:most], max(0, len(tags) - most)
        outcome = await self._ask(station, ReadLocalListVersion())
        if not isinstance(outcome.content, ListVersion):
            return _refused(known, outcome)
        version = outcome.content.version
        if version < 0:
            return ListState(Step.NOT_SUPPORTED)
        word = digest(fitting)
        if version != known.version:
            known.tags = None
        elif word == known.word:
            known.tags = known.tags or {tag.id_tag: tag for tag in fitting}
            return ListState(Step.IN_STEP, version, len(fitting), left_out)
        known.state = ListState(Step.SENDING, version, len(fitting), left_out)
        refused = await self._send(station, known, fitting, max(version, 0))
        if refused is not None:
            # What it has now nobody knows, so the next attempt sends all of it.
            known.tags, known.word = None, ""
            return _refused(known, refused)
        self._confirmed(station, known.version or 0, word)
        known.word, known.tags = word, {tag.id_tag: tag for tag in fitting}
        log.info("local-list.in-step id=%s version=%s tags=%d left_out=%d", station, known.version, len(fitting),
                 left_out)  # fmt: skip
        return ListState(Step.IN_STEP, known.version, len(fitting), left_out)

    async def _send(self, station: str, known: _Known, tags: tuple[ListedTag, ...], version: int) -> Outcome | None:
        """Send what differs; what the station answered when it does not take it."""
        assert known.capacity is not None
        each = max(1, min(EACH, known.capacity.each or EACH))
        for message in messages(known.tags, tags, version, each):
            outcome = await self._ask(station, message)
            if not outcome.verdict.is_yes:
                return outcome
            known.version = message.version
        return None

    async def _learn(self, station: str) -> tuple[Capacity | None, ListState | None]:
        """What the station can keep; or why it keeps nothing."""
        outcome = await self._ask(station, ReadVariables((FEATURES, ENABLED, LIST_MAX, SEND_MAX)))
        if not isinstance(outcome.content, Variables):
            # It says nothing about itself; its answer to the version will tell.
            return Capacity(), None
        told = {one.name.casefold(): (one.value or "").strip() for one in outcome.content.known}
        features = told.get(FEATURES.casefold(), "").casefold().replace(" ", "")
        if features and PROFILE not in features.split(","):
            return None, ListState(Step.NOT_SUPPORTED)
        if told.get(ENABLED.casefold(), "").casefold() == "false":
            answer = await self._ask(station, WriteVariables(((ENABLED, "true"),)))
            if not answer.verdict.is_yes:
                detail = f"{ENABLED} is false, and the station does not let it be changed"
                return None, ListState(Step.REFUSED, detail=detail)
        return Capacity(_count(told.get(LIST_MAX.casefold())), _count(told.get(SEND_MAX.casefold()))), None

    async def _ask(
        self, station: str, request: ReadLocalListVersion | ReadVariables | SendLocalList | WriteVariables
    ) -> Outcome:
        return await self._desk.ask(station, request, lambda _: None)


def _refused(known: _Known, outcome: Outcome) -> ListState:
    if outcome.verdict is Verdict.NOT_SUPPORTED:
        return ListState(Step.NOT_SUPPORTED)
    words = outcome.detail or outcome.verdict.value
    return ListState(Step.REFUSED, known.version, detail=words[:100])


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 6 else None


def digest(tags: Sequence[ListedTag]) -> str:
    """A word for what stands in a list, whatever its order."""
    lines = sorted(f"{tag.id_tag}\t{tag.until}\t{tag.group}" for tag in tags)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()[:16]
