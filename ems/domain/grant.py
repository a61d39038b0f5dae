"""What a station has been told about one EVSE, what it said, and what may therefore flow.

A grant knows three layers (`reference`: OCPP 1.6 section 3.13): the floor, which never ends; the working default over
it, for a vehicle that plugs in; and the session limit above both, for the running transaction. The upper two are
leases. Besides the layers a grant keeps claims: currents that may flow although no layer says so any more or yet,
because an answer is outstanding or a cut has not been proven.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntEnum

from ems.domain.units import EPSILON_A

MAX_CLAIMS = 8
MAX_RECENT = 6
FOREVER = math.inf

OBEYED_SHARE, OBEYED_A = 1.10, 0.5
"""A current within 10 % and 0.5 A of the limit obeys it (`reliability`, section 6, row 6)."""

Told = tuple[float, float]
"""When a limit was accepted (monotonic), and what was in force from then on, A."""

PILOT_LAG_S = 2.0
"""From accepting a limit until the station has put it on the control pilot."""


class Layer(IntEnum):
    """The three profiles that we keep at a station for each EVSE, lowest first."""

    FLOOR = 0
    DEFAULT = 1
    SESSION = 2


FLOOR, DEFAULT, SESSION = Layer
"""By name, because they are asked for several times per EVSE and tick: Python 3.11 searches a member of an enum."""

ALL_LAYERS = frozenset(Layer)


class Answer(IntEnum):
    """How a station answered a profile; TIMEOUT also stands for a link that broke before the answer."""

    ACCEPTED = 0
    REJECTED = 1
    NOT_SUPPORTED = 2
    TIMEOUT = 3


@dataclass(frozen=True, slots=True)
class Held:
    """A layer that the station accepted: `amps` until `ends_at` (monotonic seconds)."""

    amps: float
    accepted_at: float
    ends_at: float = FOREVER


@dataclass(frozen=True, slots=True)
class Claim:
    """`amps` may still flow until `until`; `pending` while the answer is outstanding."""

    layer: Layer
    amps: float
    until: float
    since: float = 0.0
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """The state of one EVSE's limits. Every method returns a new grant; nothing here reads a clock.

    `refusals` counts explicit refusals and contradicting read-backs since the last acceptance, `misses` also silence;
    `tried_at` is when a limit was last sent, `composite_a` what the station last said is in force.
    """

    floor: Held | None = None
    default: Held | None = None
    session: Held | None = None
    claims: tuple[Claim, ...] = ()
    refusals: int = 0
    misses: int = 0
    tried_at: float = -math.inf
    tried: tuple[Layer, float] | None = None
    recent: tuple[Told, ...] = ()
    composite_a: float | None = None
    composite_at: float = -math.inf
    resend: frozenset[Layer] = frozenset()

    def layer(self, layer: Layer) -> Held | None:
        """What the station holds on `layer`."""
        return (self.floor, self.default, self.session)[layer]

    def pending(self, layer: Layer) -> float | None:
        """The limit on `layer` whose answer is outstanding."""
        return next((c.amps for c in self.claims if c.pending and c.layer is layer), None)

    def sent(self, layer: Layer, amps: float, at: float) -> Grant:
        """A limit went onto the wire: from now on it may be in force."""
        claims = (*self.claims, Claim(layer, amps, FOREVER, at, pending=True))
        return replace(self, claims=_bounded(claims), tried_at=at, tried=(layer, amps))

    def accepted(self, layer: Layer, amps: float, at: float, ends_at: float, apply_s: float) -> Grant:
        """The station accepted; what was in force before stays a claim until the cut has had time to act."""
        claimed = [c.amps for c in self.claims if c.layer is layer and c.until > at]
        before = max([self.amps_in_force(layer, at), *claimed])
        kept = tuple(c for c in self.claims if c.layer is not layer and c.until > at)
        if before > amps + EPSILON_A:
            kept = (*kept, Claim(layer, before, at + apply_s, at))
        held = Held(amps, at, ends_at)
        floor = held if layer is FLOOR else self.floor
        default = held if layer is DEFAULT else self.default
        session = held if layer is SESSION else self.session
        return replace(
            self,
            floor=floor,
            default=default,
            session=session,
            claims=_bounded(kept),
            refusals=0,
            misses=0,
            recent=_with_recent(self.recent, at, _in_force(floor, (session, default), at)),
            resend=self.resend - {layer},
        )

    def unsettled(self, layer: Layer) -> bool:
        """Whether a limit on `layer` was never answered, so that nobody knows which one is in force."""
        return any([c.layer is layer and not c.pending and c.until == FOREVER for c in self.claims])

    def most_accepted_a(self, since: float, until: float) -> float:
        """The highest limit that acceptances had put in force at any moment of that time; infinite where it is too long
        ago to be remembered.
        """
        # The oldest of many stands for several.
        told = self.recent[1:] if len(self.recent) == MAX_RECENT else self.recent
        before = [amps for at, amps in told if at <= since]
        return max([before[-1] if before else math.inf, *(amps for at, amps in told if since < at <= until)])

    def refused(self, layer: Layer, amps: float) -> Grant:
        """The station said no: the old limit stays, and the refusal counts."""
        kept = tuple(c for c in self.claims if not (c.pending and c.layer is layer and c.amps == amps))
        return replace(self, claims=_bounded(kept), refusals=self.refusals + 1, misses=self.misses + 1)

    def unanswered(self, layer: Layer, amps: float) -> Grant:
        """No answer in time: the limit may or may not be in force, until a later one is accepted."""
        claims = tuple(
            replace(c, pending=False) if c.pending and c.layer is layer and c.amps == amps else c for c in self.claims
        )
        return replace(self, claims=_bounded(claims), misses=self.misses + 1)

    def followed(self, at: float) -> Grant:
        """The vehicle was seen at `at` to draw no more than the layers allow: cuts accepted a moment earlier are
        proven, and what was in force before them is no longer a claim.
        """
        proven = tuple(c for c in self.claims if c.until == FOREVER or c.since + PILOT_LAG_S > at)
        return self if len(proven) == len(self.claims) else replace(self, claims=proven)

    def idle(self) -> Grant:
        """Nobody is plugged in, so nothing flows: every cut is proven. What was never answered stays a claim."""
        kept = tuple(c for c in self.claims if c.until == FOREVER)
        return self if len(kept) == len(self.claims) else replace(self, claims=kept)

    def transaction_ended(self, at: float, apply_s: float) -> Grant:
        """The session limit is gone with its transaction (OCPP 1.6 section 3.13.1); the default rules again."""
        held = 0.0 if self.session is None else self.session.amps
        gone = [c for c in self.claims if c.layer is SESSION and not c.pending and c.until == FOREVER]
        most = max([held, *(c.amps for c in gone)])
        if most <= 0:
            return replace(self, session=None) if self.session is not None else self
        claims = (*(c for c in self.claims if c not in gone), Claim(SESSION, most, at + apply_s, at))
        return replace(self, claims=_bounded(claims), session=None)

    def forgotten(self) -> Grant:
        """The station lost its profiles or its memory: nothing is proven until it accepts a floor again."""
        return Grant(refusals=self.refusals, misses=self.misses, tried_at=self.tried_at)

    def read_back(self, layer: Layer, amps: float | None, at: float) -> Grant:
        """The station reported its composite schedule; None when it has none, which proves nothing.

        More than it may let flow up to `layer` contradicts what it accepted: it counts as a refusal, and the limits
        are sent again.
        """
        known = replace(self, composite_a=amps, composite_at=at)
        if amps is None or self.floor is None:
            return known
        most = max(self.amps_in_force(layer, at), self.claimed_a(at))
        if amps > most * OBEYED_SHARE + OBEYED_A:
            return replace(known, refusals=self.refusals + 1, misses=self.misses + 1, resend=ALL_LAYERS)
        return known

    def to_resend(self) -> Grant:
        """Whatever the station holds is to be sent again."""
        return replace(self, resend=ALL_LAYERS)

    def leases_to_resend(self) -> Grant:
        """The station's clock was set: its leases end at another time than they were told."""
        return replace(self, resend=self.resend | {DEFAULT, SESSION})

    def amps_in_force(self, layer: Layer, now: float, uncertainty_s: float = 0.0) -> float:
        """The most that the layers up to `layer` let flow at `now`; infinite without a floor.

        `uncertainty_s`: how far the station's clock may be off; near a lease's end the layer below counts too.
        """
        leases = (self.session if layer is SESSION else None, self.default if layer else None)
        return _in_force(self.floor, leases, now, uncertainty_s)

    def surely_in_force(self, layer: Layer, now: float, uncertainty_s: float = 0.0) -> float:
        """The least that may be in force on the layers up to `layer`, whichever unanswered limits arrived and whichever
        leases have ended; 0 without a floor.
        """
        if self.floor is None:
            return 0.0
        least = math.inf
        for upper, held in ((SESSION, self.session), (DEFAULT, self.default)):
            if upper > layer:
                continue
            for claim in self.claims:
                if claim.layer is upper and claim.until == FOREVER:
                    least = min(least, claim.amps)
            if held is not None and now < held.ends_at + uncertainty_s:
                least = min(least, held.amps)
                if now < held.ends_at - uncertainty_s:
                    return least
        return min(least, self.floor.amps)

    def claimed_a(self, now: float) -> float:
        """The highest claim at `now`, 0 without one."""
        return max([c.amps for c in self.claims if c.until > now], default=0.0) if self.claims else 0.0

    def next_change(self, now: float) -> float:
        """When the next lease or claim ends, monotonic; infinite when none does."""
        ends = [h.ends_at for h in (self.default, self.session) if h is not None]
        ends += [c.until for c in self.claims]
        return min((t for t in ends if t > now), default=FOREVER)


def _in_force(
    floor: Held | None, leases: tuple[Held | None, Held | None], now: float, uncertainty_s: float = 0.0
) -> float:
    """The most that the layers let flow; `leases` from the highest layer down."""
    if floor is None:
        return math.inf
    most = -1.0
    for held in leases:
        if held is None or now >= held.ends_at + uncertainty_s:
            continue
        most = max(most, held.amps)
        if now < held.ends_at - uncertainty_s:
            return most
    return max(most, floor.amps)


def _bounded(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The same, without the smallest when there are too many."""
    if len(claims) <= MAX_CLAIMS:
        return claims
    smallest = min(claims, key=lambda c: (c.pending, c.amps))
    return tuple(c for c in claims if c is not smallest)


def _with_recent(recent: tuple[Told, ...], at: float, amps: float) -> tuple[Told, ...]:
    """Remember a limit; the two oldest become one when there are too many."""
    if len(recent) < MAX_RECENT:
        return (*recent, (at, amps))
    (_, lower), (then, other), *rest = recent
    return ((then, min(lower, other)), *rest, (at, amps))
