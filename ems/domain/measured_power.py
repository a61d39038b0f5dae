"""What meters and stations say of power, W; where they say only amperes, what those make of the nominal voltage."""

from __future__ import annotations

from collections.abc import Sequence

from ems.domain.measurement import Sample
from ems.domain.meter import MeterRole
from ems.domain.state import EvseState, SiteState
from ems.domain.station import Evse

HEARD_S = 60.0
"""A battery or a plant that was silent for longer is one of which nobody knows what it does."""


def evse_power_w(evse: Evse, known: EvseState, voltage_v: float) -> float | None:
    """What the station says, else what its currents make of the nominal voltage; None when it says neither."""
    if not known.status.may_draw or known.power_w is not None:
        return known.power_w
    sample: Sample | None = known.samples[0] if known.samples else None
    if sample is None or sample.low_a != sample.high_a:
        return None
    return sum(sample.high_a) * evse.wiring.watts_per_amp(voltage_v, 1)


def told_sample(known: EvseState) -> Sample | None:
    """The last current that is worth telling: with a transaction ended what was measured in it."""
    sample = known.samples[0] if known.samples else None
    is_charging = known.session is not None and known.session.transaction is not None
    is_over = not is_charging and known.power_w == 0.0
    return None if is_over and sample is not None and sample.peak_a > 0.0 else sample


def metered_w(state: SiteState, meter_ids: Sequence[str | None]) -> float | None:
    """The sum of what these meters read; None when there are none or one has never answered."""
    total, site = 0.0, state.site
    for meter_id in meter_ids:
        index = None if meter_id is None else site.meter_index(meter_id)
        reading = None if index is None else state.meters[index].reading
        if reading is None:
            return None
        total += sum(reading.amps) * site.voltage_v if reading.power_w is None else reading.power_w
    return total if meter_ids else None


def sun_w(state: SiteState, now: float) -> float | None:
    """What PV gives, W, never negative; None while one of its meters has not said so lately, or there is none."""
    pairs = zip(state.site.meters, state.meters, strict=True)
    plant = [(meter.id, known.at) for meter, known in pairs if meter.role is MeterRole.PV]
    if any(now - at > HEARD_S for _, at in plant):
        return None
    flowing_w = metered_w(state, [name for name, _ in plant])
    return None if flowing_w is None else max(0.0, -flowing_w)


def battery_w(state: SiteState, now: float) -> float | None:
    """What flows into the battery that we steer, W; None while it has not said so lately, or there is none."""
    i = state.site.steered_battery
    return None if i is None or now - state.batteries[i].at > HEARD_S else state.batteries[i].power_w
