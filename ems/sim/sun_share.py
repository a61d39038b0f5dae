"""What vehicles have from the sun, at once or through a battery."""

from __future__ import annotations

import numpy as np

from ems.planning.arrays import Floats


def sun_share(evses_w: Floats, sun_w: Floats, battery_w: Floats, efficiency: float = 1.0, hours: float = 1.0) -> float:
    """The share of the vehicles' energy that the plant made beyond the building's need, 0 … 1; over bins of `hours`.

    `sun_w`: generation less building, below nothing where the building draws more; `battery_w`: charging positive.
    Vehicles have the sun before the battery. What was stored of it is given first, to vehicles and building alike by
    what each lacks; what the battery held at the begin is no sun.
    """
    total_w = float(evses_w.sum())
    if total_w <= 0.0:
        return 0.0
    covered_w = stored_wh = 0.0
    for vehicles_w, spare_w, flows_w in zip(evses_w.tolist(), sun_w.tolist(), battery_w.tolist(), strict=True):
        direct_w = min(vehicles_w, max(0.0, spare_w))
        lacking_w, building_w = vehicles_w - direct_w, max(0.0, -spare_w)
        stored_wh += efficiency * hours * min(max(0.0, flows_w), max(0.0, spare_w) - direct_w)
        given_w = min(max(0.0, -flows_w), stored_wh * efficiency / hours)
        stored_wh -= given_w / efficiency * hours
        lacks_w = lacking_w + building_w
        covered_w += direct_w + (min(given_w, lacks_w) * lacking_w / lacks_w if lacks_w > 0.0 else 0.0)
    return float(np.clip(covered_w / total_w, 0.0, 1.0))
