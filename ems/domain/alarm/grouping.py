"""What many stations or EVSEs of one circuit have in common is told once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ems.domain.alarm.condition import Condition
from ems.domain.decision import Level
from ems.domain.site import Site

FEW = 3
"""From so many on, and half of a circuit's, they are one thing; two are when they are all there are."""

PREDICATES = {
    "offline": "offline",
    "fault": "at fault",
    "control": "not under control",
    "clock": "wrong about the time",
    "outlet": "not described with all their outlets",
    "phases": "unable to change phases",
}
"""What can be common to many, in words."""

OF_STATIONS = frozenset({"offline", "clock", "outlet"})


class Group(NamedTuple):
    """Conditions that are told together; `key` is that of a circuit, or of the only one."""

    key: str
    kind: str
    scope: str
    level: Level
    text: str
    remedy: str
    members: tuple[str, ...]
    began_s: float


@dataclass(frozen=True)
class Places:
    """Where stations and EVSEs of a site hang."""

    site: Site

    @cached_property
    def stations(self) -> Mapping[str, tuple[str, ...]]:
        """The stations below each circuit, by its id, the grid connection first."""
        return self._below({station.id: station.evses[0].circuit for station in self.site.stations})

    @cached_property
    def evses(self) -> Mapping[str, tuple[str, ...]]:
        """The EVSEs below each circuit, by its id, the grid connection first."""
        return self._below({evse.id: evse.circuit for evse in self.site.evses})

    def of_kind(self, kind: str) -> Mapping[str, tuple[str, ...]]:
        """Those that a condition of that kind can have."""
        return self.stations if kind in OF_STATIONS else self.evses

    def _below(self, circuits: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        tree = self.site.circuits
        within = {circuit.id: tree.subtree(circuit.id) for circuit in tree}
        return {
            circuit.id: tuple(name for name, here in circuits.items() if here in within[circuit.id]) for circuit in tree
        }


def group_key(kind: str, circuit: str) -> str:
    """The key of what many of a circuit have."""
    return f"{kind}@{circuit}"


def groups(
    present: Sequence[Condition], due: Collection[str], open_keys: Collection[str], places: Places
) -> Iterator[Group]:
    """What is to be told: of what is `present`, the keys in `due` have lasted long enough. A condition that has not is
    told with others that have, or when its incident is open already (`open_keys`).
    """
    by_kind: dict[str, list[Condition]] = {}
    for one in present:
        if one.kind in PREDICATES and one.member:
            by_kind.setdefault(one.kind, []).append(one)
        elif one.key in due or one.key in open_keys:
            yield _single(one)
    for kind, some in by_kind.items():
        yield from _of_kind(kind, some, due, open_keys, places.of_kind(kind))


def _of_kind(
    kind: str,
    some: Iterable[Condition],
    due: Collection[str],
    open_keys: Collection[str],
    below: Mapping[str, tuple[str, ...]],
) -> Iterator[Group]:
    left = {one.member: one for one in some}
    for is_common in (_all_of, _open_or_many):
        for circuit, members in below.items():
            here = [left[name] for name in members if name in left]
            is_open = group_key(kind, circuit) in open_keys
            is_due = is_open or any(one.key in due for one in here)
            if here and is_due and is_common(circuit, here, below, is_open):
                yield _common(kind, circuit, here, len(members))
                for one in here:
                    del left[one.member]
    for one in left.values():
        if one.key in due or one.key in open_keys:
            yield _single(one)


def _all_of(circuit: str, here: Sequence[Condition], below: Mapping[str, tuple[str, ...]], is_open: bool) -> bool:
    del is_open
    return 2 <= len(here) == len(below[circuit]) and not _fits_a_smaller(circuit, here, below)


def _open_or_many(circuit: str, here: Sequence[Condition], below: Mapping[str, tuple[str, ...]], is_open: bool) -> bool:
    many = len(here) >= FEW and 2 * len(here) >= len(below[circuit])
    return is_open or (many and not _fits_a_smaller(circuit, here, below))


def _fits_a_smaller(circuit: str, here: Sequence[Condition], below: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a circuit below this one has all of them, so that it is the one to name."""
    names, all_here = {one.member for one in here}, set(below[circuit])
    order = list(below)
    later = order[order.index(circuit) + 1 :]
    return any(names <= set(below[other]) and set(below[other]) <= all_here for other in later)


def _common(kind: str, circuit: str, here: Sequence[Condition], total: int) -> Group:
    if len(here) == 1 and total == 1:
        return _single(here[0])
    what = "stations" if kind in OF_STATIONS else "EVSEs"
    every = "both" if total == 2 else f"all {total}"
    some = every if len(here) == total else f"{len(here)} of {total}"
    details = sorted({_detail(one) for one in here if kind == "fault"})
    text = f"{some} {what} of {circuit} {'is' if len(here) == 1 else 'are'} {PREDICATES[kind]}"
    if details:
        text += f": {', '.join(details[:3])}{', …' if len(details) > 3 else ''}"
    level, began_s = max(one.level for one in here), min(one.began_s for one in here)
    members = tuple(one.member for one in here)
    return Group(group_key(kind, circuit), kind, circuit, level, text, here[0].remedy, members, began_s)


def _single(one: Condition) -> Group:
    members = (one.member,) if one.member else ()
    return Group(one.key, one.kind, one.scope, one.level, one.text, one.remedy, members, one.began_s)


def _detail(one: Condition) -> str:
    """What an EVSE says in its own words, without its name."""
    return one.text.removeprefix(f"{one.member}: ")
