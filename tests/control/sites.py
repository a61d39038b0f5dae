"""Random installations for the laws: small trees, every wiring, stations of every temper."""

from __future__ import annotations

from hypothesis import strategies as st

from ems.domain.meter import Meter
from ems.domain.policy import Policy
from ems.domain.site import Site
from ems.domain.station_model import LeaseForm, RateUnit, StationModel, ZeroBehaviour
from ems.domain.strategy import Strategy
from tests.builders import circuit, evse, layout
from tests.control.networks import WIRINGS

MODELS = (
    StationModel(),
    StationModel(),
    StationModel("default-only", session_profile=False, default_profile_steers=True),
    StationModel("coarse", allowed_a=(8.0, 13.0, 16.0, 32.0), min_a=8.0),
    StationModel("fine", step_a=0.1, apply_s=4.0),
    StationModel("ends-at-zero", zero=ZeroBehaviour.ENDS_SESSION),
    StationModel("no-lease", lease=LeaseForm.NONE),
    StationModel("forgets", keeps_offline=False, keeps_over_boot=False),
    StationModel("watts", rate_unit=RateUnit.WATT),
    StationModel("deaf", smart_charging=False),
    StationModel("switches", switches_phases=True),
    StationModel("switches-finely", switches_phases=True, step_a=0.1),
)

AMPS = st.one_of(st.sampled_from([0.0, 6.0, 10.0, 16.0, 32.0]), st.floats(0, 40).map(lambda a: round(a, 2)))


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """One to three circuits, with meters or without, and one to four EVSEs; the sum of floors fits everywhere."""
    names = ["grid", "a", "b"][: draw(st.integers(1, 3))]
    stations = []
    for j in range(draw(st.integers(1, 4))):
        model, where, phases = (
            draw(st.sampled_from(MODELS)),
            draw(st.sampled_from(names)),
            draw(st.sampled_from(WIRINGS)),
        )
        fallback = max(draw(st.sampled_from([0.0, 6.0, 8.0])), model.lowest_a)
        stations.append(evse(f"S{j}", where, phases, fallback=fallback, model=model, priority=draw(st.integers(0, 1))))
    circuits, meters = [], []
    for i, name in enumerate(names):
        meter = f"m-{name}" if draw(st.booleans()) else None
        base_max = draw(st.sampled_from([0.0, 20.0]))
        rating = draw(st.sampled_from([40.0, 63.0, 100.0])) + base_max
        margin = draw(st.sampled_from([0.0, 2.0]))
        unbalance = draw(st.sampled_from([None, None, 20.0, 13.0]))
        above = "grid" if i else None
        circuits.append(
            circuit(name, rating, above, meter=meter, base_max=base_max, margin=margin, unbalance=unbalance)
        )
        if meter is not None:
            meters.append(Meter(meter, draw(st.sampled_from([1.0, 1.0, 10.0])), circuit=name))
    policy = Policy(strategy=draw(st.sampled_from(list(Strategy))), raise_hold_s=draw(st.sampled_from([10.0, 0.0])))
    return layout(circuits, stations, policy, meters)
