"""From what is wrong at each moment to incidents: what must have lasted, what belongs together, what is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ems.domain.alarm.condition import Condition
from ems.domain.alarm.grouping import Group, Places, groups
from ems.domain.alarm.incident import Change, Incident, Patience, Turn
from ems.domain.instant import Instant
from ems.domain.state import NEVER

START_GRACE_S = 120.0
"""After a start stations need so long to come back and to say what they have."""

Hint = Callable[[Group], str]
"""What people should look at first."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A condition over time, monotonic: since when without a gap that counts, when it was last there, whether people
    were told of it, and how often it came back.
    """

    condition: Condition
    since_s: float
    last_s: float
    was_due: bool = False
    returns: int = 0

    def is_present(self, now_s: float, patience: Patience) -> bool:
        """Whether it is there, or not gone for long enough."""
        return now_s - self.last_s <= patience.hold_s(self.returns)


@dataclass(frozen=True, slots=True)
class IncidentWatch:
    """What was seen of each condition, and the incidents by key: those that last, and those that may yet return."""

    seen: Mapping[str, Seen] = field(default_factory=dict)
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    last_number: int = 0

    @classmethod
    def resumed(cls, left: Iterable[Incident], last_number: int, now: Instant) -> IncidentWatch:
        """Go on with what the run before left open: what it concerns counts as present for a while."""
        known = {one.key: one for one in left if one.is_open}
        seen = {}
        for incident in known.values():
            began_s = now.monotonic_at(incident.began)
            for key, member in _keys_of(incident):
                told = Condition(key, incident.kind, member or incident.scope, incident.level, incident.text,
                                 incident.remedy, member, began_s)  # fmt: skip
                last_s = now.monotonic_s + START_GRACE_S
                seen[key] = Seen(told, began_s, last_s, was_due=True, returns=incident.returns)
        return cls(seen, known, last_number)

    @property
    def open(self) -> Sequence[Incident]:
        """What lasts, the newest first."""
        found = (one for one in self.incidents.values() if one.is_open)
        return sorted(found, key=lambda one: -one.number)

    def followed(
        self, told: Iterable[Condition], places: Places, now: Instant, patience: Patience, hint: Hint = lambda _: ""
    ) -> tuple[IncidentWatch, tuple[Change, ...]]:
        """The watch after one look, and what changed."""
        seen = _looked(self.seen, told, now.monotonic_s, patience)
        lasting = [one for one in seen.values() if one.is_present(now.monotonic_s, patience)]
        present = [one.condition._replace(began_s=one.since_s) for one in lasting]
        due = {key for key, one in seen.items() if one.was_due}
        open_keys = {key for key, one in self.incidents.items() if one.is_open}
        wanted = {group.key: group for group in groups(present, due, open_keys, places)}
        for group in wanted.values():
            for member in group.members:
                key = f"{group.kind}:{member}"
                if key in seen:
                    seen[key] = replace(seen[key], was_due=True)
        changes = tuple(_changes(self, wanted, seen, now, patience, hint))
        incidents = {**self.incidents, **{one.incident.key: one.incident for one in changes}}
        steady = now.utc_at(now.monotonic_s - patience.steady_s)
        kept = {key: one for key, one in incidents.items() if one.cleared is None or one.cleared > steady}
        last = max((one.incident.number for one in changes), default=0)
        return IncidentWatch(seen, kept, max(self.last_number, last)), changes

    def with_incident(self, changed: Incident) -> IncidentWatch:
        """The same with one incident as it is now."""
        return replace(self, incidents={**self.incidents, changed.key: changed})


def _looked(before: Mapping[str, Seen], told: Iterable[Condition], now_s: float, patience: Patience) -> dict[str, Seen]:
    """What is known of each condition after a look."""
    seen = {
        key: one
        for key, one in before.items()
        if now_s - one.last_s <= (patience.steady_s if one.was_due else patience.clear_s)
    }
    for one in told:
        known = seen.get(one.key)
        if known is None:
            began_s = now_s if one.began_s == NEVER else min(one.began_s, now_s)
            known = Seen(one, began_s, now_s)
        elif not known.is_present(now_s, patience):
            known = Seen(one, now_s, now_s, returns=known.returns + known.was_due)
        else:
            known = replace(known, condition=one, last_s=max(now_s, known.last_s))
        is_due = known.was_due or now_s - known.since_s >= patience.of(one.kind, one.level)
        seen[one.key] = replace(known, was_due=is_due)
    return seen


def _changes(
    watch: IncidentWatch,
    wanted: Mapping[str, Group],
    seen: Mapping[str, Seen],
    now: Instant,
    patience: Patience,
    hint: Hint,
) -> Iterator[Change]:
    number = watch.last_number
    names: dict[tuple[str, str], int] = {}
    for key, group in wanted.items():
        known = watch.incidents.get(key)
        returns = max((seen[k].returns for k in _keys(group) if k in seen), default=0)
        if known is None:
            number += 1
            incident = _raised(number, group, now, hint(group), returns)
            yield Change(Turn.RAISED, incident)
        elif not known.is_open:
            incident = replace(_updated(known, group, returns), cleared=None, into=None, acknowledged=None)
            yield Change(Turn.RAISED, replace(incident, returns=max(known.returns + 1, returns), hint=hint(group)))
        else:
            incident = _updated(known, group, returns)
            if incident != known:
                is_worse = incident.level > known.level
                # Whoever has seen it has not seen it like this.
                still = None if is_worse else known.acknowledged
                incident = replace(incident, hint=hint(group), acknowledged=still)
                yield Change(Turn.RAISED if is_worse else Turn.CHANGED, incident)
        names |= {(group.kind, member): incident.number for member in group.members}
    for key, known in watch.incidents.items():
        if known.is_open and key not in wanted:
            into = next((names[known.kind, m] for m in known.members if (known.kind, m) in names), None)
            yield Change(Turn.CLEARED, replace(known, cleared=now.utc, into=into))


def _raised(number: int, group: Group, now: Instant, hint: str, returns: int) -> Incident:
    return Incident(
        number, group.key, group.kind, group.scope, group.level, group.text, group.remedy, group.members,
        now.utc_at(group.began_s),
        now.utc, hint, returns=returns,
    )  # fmt: skip


def _updated(known: Incident, group: Group, returns: int) -> Incident:
    """What it says changes only with whom it concerns: a text that tells an age or a current would change for ever."""
    if known.is_open and set(known.members) == set(group.members) and known.level >= group.level:
        return known if known.returns >= returns else replace(known, returns=returns)
    return replace(
        known,
        level=max(known.level, group.level),
        text=group.text,
        remedy=group.remedy,
        members=group.members,
        returns=max(known.returns, returns),
    )


def _keys(group: Group) -> Iterator[str]:
    yield group.key
    for member in group.members:
        yield f"{group.kind}:{member}"


def _keys_of(incident: Incident) -> Iterator[tuple[str, str]]:
    if "@" not in incident.key:
        yield incident.key, incident.members[0] if incident.members else ""
        return
    for member in incident.members:
        yield f"{incident.kind}:{member}", member
