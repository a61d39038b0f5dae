"""The tags of partners in memory, where it is answered at once who may charge; and whose a next session is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from ems.adapters.ocpi.model.token import Token
from ems.adapters.ocpi.naming import station_tag
from ems.adapters.ocpi.wording.session import Permission
from ems.domain.access.admission import Guest
from ems.domain.roaming import GuestTag, PartyId, Whitelist

MOST_TAGS = 300_000
"""Of all partners; a hundred bytes or two each."""

MOST_CLAIMS = 2_000
CLAIMED_FOR = timedelta(minutes=15)
"""After a command or an answer of its partner a tag is not asked about again for so long (13.3.3, 13.3.4)."""

REFUSED_FOR = timedelta(seconds=30)


class Claim(NamedTuple):
    """A partner's word for the next session with a tag."""

    partner: str
    permission: Permission
    at: datetime


def guest_tag(partner: str, token: Token) -> GuestTag:
    """A token as it is kept."""
    party = PartyId(token.country_code, token.party_id)
    tag = station_tag(token.uid)
    return GuestTag(partner, party, token.uid, token.type.value, tag, token.contract_id, token.valid, token.whitelist)


class Guests:
    """`name_of`: what people call a partner that is registered; None when it is not."""

    def __init__(self, name_of: Callable[[str], str | None], now: Callable[[], datetime]) -> None:
        self._name_of, self._now = name_of, now
        self._tags: dict[str, dict[tuple[str, str], GuestTag]] = {}
        self._counts: dict[str, int] = {}
        self._claims: OrderedDict[str, Claim] = OrderedDict()
        self._refusals: OrderedDict[str, tuple[datetime, Guest]] = OrderedDict()

    def count(self, partner: str) -> int:
        """How many tags a partner has."""
        return self._counts.get(partner, 0)

    def has_room(self, more: int) -> bool:
        """Whether so many more can be kept."""
        return sum(self._counts.values()) + more <= MOST_TAGS

    def keep(self, tags: Iterable[GuestTag]) -> None:
        """There are such tags, new or changed."""
        for one in tags:
            same = self._tags.setdefault(one.key, {})
            if (one.partner, one.kind) not in same:
                self._counts[one.partner] = self.count(one.partner) + 1
            same[one.partner, one.kind] = one
            self._refusals.pop(one.key, None)

    def drop(self, partner: str, keep: frozenset[tuple[str, str]] = frozenset()) -> None:
        """Tags of a partner are no more, but those of these (uid, kind)."""
        for key, same in list(self._tags.items()):
            for owner, kind in list(same):
                if owner == partner and (same[owner, kind].uid, kind) not in keep:
                    del same[owner, kind]
                    self._counts[partner] -= 1
            if not same:
                del self._tags[key]

    def find(self, key: str) -> GuestTag | None:
        """The tag of a partner that is registered; of several one that may charge."""
        known = [one for one in self._tags.get(key, {}).values() if self._name_of(one.partner) is not None]
        return max(known, key=lambda one: (one.is_valid, one.partner), default=None)

    def claim(self, key: str, claim: Claim) -> None:
        """A partner gives its word for a tag."""
        self._claims.pop(key, None)
        self._claims[key] = claim
        self._refusals.pop(key, None)
        while len(self._claims) > MOST_CLAIMS:
            self._claims.popitem(last=False)

    def claimed(self, key: str) -> Claim | None:
        """Whose word there is for a tag; it is good for a while."""
        claim = self._claims.get(key)
        return claim if claim is not None and self._now() - claim.at < CLAIMED_FOR else None

    def refuse(self, key: str, label: str, why: str) -> None:
        """A partner that was asked says no."""
        self._refusals[key] = self._now(), Guest(label, why)
        while len(self._refusals) > MOST_CLAIMS:
            self._refusals.popitem(last=False)

    def was_refused(self, key: str) -> bool:
        """Whether a partner has just said no."""
        refused = self._refusals.get(key)
        return refused is not None and self._now() - refused[0] < REFUSED_FOR

    def guest_of(self, key: str) -> Guest | None:
        """What counts when a tag is presented; None when no partner knows it."""
        if self.was_refused(key):
            return self._refusals[key][1]
        one = self.find(key)
        if one is None:
            return None
        name = self._name_of(one.partner) or one.partner
        label = f"a customer of {name}"
        if not one.is_valid:
            return Guest(label, f"{name} says that this tag is not valid")
        if one.whitelist is Whitelist.NEVER:
            return Guest(label, f"{name} wants to be asked about this tag, and did not answer")
        return Guest(label)

    def must_ask(self, key: str) -> bool:
        """Whether partners are to be asked before a tag is answered: nobody knows it, or its partner wants it so."""
        if self.was_refused(key):
            return False
        one = self.find(key)
        return one is None or one.whitelist in {Whitelist.NEVER, Whitelist.ALLOWED_OFFLINE}
