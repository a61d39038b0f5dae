"""Failsafe row 6: who draws more than it was ever allowed."""

from __future__ import annotations

from collections.abc import Sequence

from ems.control.memory import Obedience
from ems.control.observation import Column, Observation
from ems.domain.grant import PILOT_LAG_S
from ems.domain.state import SiteState

OBEYED_TO_TRUST = 2


def judge(state: SiteState, seen: Observation, before: Sequence[Obedience], now: float) -> tuple[Obedience, ...]:
    """Above the limit for longer than a vehicle needs to follow its pilot: known; for twice as long: out of control.
    Trusted again once two limits that were accepted after that have been obeyed by a vehicle that may charge; that
    nothing flows where nobody is proves nothing.
    """
    above, may_charge = seen[Column.ABOVE_LIMIT] > 0, seen.may_charge
    suspects = [j for j, o in enumerate(before) if o.untrusted or o.above_since is not None]
    after = list(before)
    for j in {*suspects, *above.nonzero()[0].tolist()}:
        known, held = state.evses[j], before[j]
        grant = known.grant
        limit = grant.layer(known.steering_layer) or grant.default or grant.floor
        if limit is None or not known.samples:
            continue
        sample = known.samples[0]
        if above[j]:
            since = sample.at if held.above_since is None else held.above_since
            patience = state.site.policy.disobey_s
            after[j] = Obedience(
                above_since=since,
                warned=held.warned or now - since >= patience,
                untrusted=held.untrusted or now - since >= 2 * patience,
                judged_at=limit.accepted_at,
            )
        elif not held.untrusted:
            after[j] = Obedience()
        elif may_charge[j] and sample.at > limit.accepted_at + PILOT_LAG_S and limit.accepted_at > held.judged_at:
            obeyed = held.obeyed + 1
            trusted = obeyed >= OBEYED_TO_TRUST
            after[j] = Obedience() if trusted else held._replace(obeyed=obeyed, judged_at=limit.accepted_at)
    return tuple(after)
