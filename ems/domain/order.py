"""What is to be told to a station."""

from __future__ import annotations

from dataclasses import dataclass

from ems.domain.grant import Layer


@dataclass(frozen=True, slots=True)
class LimitOrder:
    """Set one layer of one EVSE to `amps` per leg.

    `lease_s`: after so many seconds the layer ends by itself; infinite for the floor and where leases do not work.
    `fallback_a` is the floor's value, for stations that need it inside the same profile. `legs`: how many legs the
    vehicle uses, None while unknown; a limit in watts is made from it. `transaction` is set for the session layer.
    `reduces`: nothing waits for a reduction. `phases`: how many the station is to use, 1 or 3; 0: it is told none.
    """

    evse: str
    layer: Layer
    amps: float
    lease_s: float
    fallback_a: float
    reduces: bool
    legs: int | None = None
    transaction: int | None = None
    phases: int = 0
