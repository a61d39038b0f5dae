"""The highest quarter hours of the grid connection, and who charged then."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime
from heapq import nlargest

from ems.statistics.quarters import Quarters
from ems.statistics.record import QUARTER_S, Facts, Past, Used
from ems.statistics.sheet import Chart, Column, Kind, Sheet

PEAKS = 10
NAMED = 8


def peak_sheet(past: Past, facts: Facts, quarters: Quarters) -> Sheet:
    """The ten highest quarter hours; of the same height the earlier first."""
    watts = quarters.grid_w if any(not math.isnan(w) for w in quarters.grid_w) else quarters.charging_w
    known = [(w, -k) for k, w in enumerate(watts) if not math.isnan(w) and w > 0.0]
    highest = [(-negative, w) for w, negative in nlargest(PEAKS, known)]
    wanted = {quarters.begin_s + k * QUARTER_S for k, _ in highest}
    there: dict[int, list[Used]] = defaultdict(list)
    for used in past.used:
        if used.starts_s in wanted and used.energy_wh > 0:
            there[used.starts_s].append(used)
    sessions = {session.id: session for session in past.sessions}
    rows = []
    for k, w in highest:
        at_s = quarters.begin_s + k * QUARTER_S
        on = sorted(there[at_s], key=lambda one: -one.energy_wh)
        words = []
        for one in on[:NAMED]:
            session = sessions.get(one.session)
            who = "" if session is None else session.vehicle or session.tag or ""
            evse = one.session.rpartition("@")[0] if session is None else session.evse
            words.append(f"{evse}{f' ({who})' if who else ''} {one.energy_wh * 4 / 1000.0:.1f} kW")
        more = f" and {len(on) - NAMED} more" if len(on) > NAMED else ""
        others = None if watts is quarters.charging_w else (w - quarters.charging_w[k]) / 1000.0
        charging_kw = quarters.charging_w[k] / 1000.0
        at = datetime.fromtimestamp(at_s, UTC)
        rows.append((at, w / 1000.0, charging_kw, others, len(on), ", ".join(words) + more))
    columns = (
        Column("at", "Quarter hour from", Kind.TIME),
        Column("grid_kw", "Grid connection", Kind.NUMBER, "kW"),
        Column("charging_kw", "Vehicles", Kind.NUMBER, "kW"),
        Column("others_kw", "Everything else", Kind.NUMBER, "kW"),
        Column("vehicles", "Charging", Kind.COUNT),
        Column("who", "Who was on"),
    )
    about = "Means of quarter hours, as demand is metered."
    if watts is quarters.charging_w:
        about += " The grid connection is not measured, so these are those of the vehicles alone."
    chart = Chart("bars", "at", ("grid_kw", "charging_kw"), "kW")
    return Sheet("peaks", f"The {PEAKS} highest peaks", about, columns, tuple(rows), chart, wide=True)
