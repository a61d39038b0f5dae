"""EVSEs whose station is lost or has not spoken again: nobody knows any more who charges there, so that what flows is
shown as part of what else flows, as control counts it.
"""

from __future__ import annotations

from collections.abc import Iterable

from ems.domain.phases import Phase
from ems.domain.state import SiteState

PerCircuit = list[list[float]]
"""Per circuit and phase, A."""


def unheard(state: SiteState, now_s: float, among: Iterable[int]) -> frozenset[int]:
    """Those of some EVSEs of which nothing was heard since their station was lost, and before that too long ago to be
    believed.
    """
    return frozenset(j for j in among if _is_unheard(state, j, now_s))


def _is_unheard(state: SiteState, evse: int, now_s: float) -> bool:
    samples, station = state.evses[evse].samples, state.stations[state.site.station_of_evse[evse]]
    if not samples or now_s - samples[0].at < state.site.policy.sample_trust_s:
        return False
    return not station.connected or samples[0].at < station.connected_at


def sampled_a(state: SiteState, evses: Iterable[int]) -> PerCircuit:
    """What the newest samples of these EVSEs say that their vehicles draw."""
    site = state.site
    found = [[0.0] * len(Phase) for _ in site.circuits]
    for j in evses:
        evse, known = site.evses[j], state.evses[j]
        if not known.samples or not known.status.may_draw:
            continue
        for circuit in site.circuits.path(evse.circuit):
            for phase, amps in zip(Phase, evse.wiring.on_site_phases(known.samples[0].high_a), strict=True):
                found[circuit][phase] += amps
    return found
