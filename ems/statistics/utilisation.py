"""In which hours of the week EVSEs are occupied."""

from __future__ import annotations

from ems.domain.local_clock import local
from ems.statistics.quarters import Quarters
from ems.statistics.record import QUARTER_S, Facts, Past
from ems.statistics.sheet import Chart, Column, Kind, Sheet

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = range(24)


def occupied_s(past: Past, quarters: Quarters) -> list[int]:
    """Seconds that vehicles were plugged in, in each quarter hour, of all EVSEs together."""
    count, begin_s = len(quarters), quarters.begin_s
    found = [0] * count
    turns = [0] * (count + 1)
    for session in past.sessions:
        first_s, last_s = max(session.plugged_s, begin_s), min(session.until_s(past.now_s), past.end_s)
        if last_s <= first_s:
            continue
        first, last = (first_s - begin_s) // QUARTER_S, (last_s - begin_s) // QUARTER_S
        if first == last:
            found[first] += last_s - first_s
            continue
        found[first] += begin_s + (first + 1) * QUARTER_S - first_s
        turns[first + 1] += 1
        turns[min(last, count)] -= 1
        if last < count:
            found[last] += last_s - begin_s - last * QUARTER_S
    there = 0
    for k in range(count):
        there += turns[k]
        found[k] += there * QUARTER_S
    return found


def utilisation_sheet(past: Past, facts: Facts, quarters: Quarters) -> Sheet:
    """The share of occupied EVSEs by weekday and hour; of hours that the clock shows twice both count."""
    evses = max(1, len(facts.site.evses))
    taken = {(day, hour): 0.0 for day in range(7) for hour in HOURS}
    whole = dict.fromkeys(taken, 0.0)
    zone = past.period.zone
    for k, seconds in enumerate(occupied_s(past, quarters)):
        at_s = quarters.begin_s + k * QUARTER_S
        wall = local(at_s, zone)
        key = (wall.weekday(), wall.hour)
        taken[key] += seconds
        whole[key] += max(0, min(QUARTER_S, past.end_s - at_s)) * evses
    rows = tuple(
        (name, *(100.0 * taken[day, hour] / whole[day, hour] if whole[day, hour] else None for hour in HOURS))
        for day, name in enumerate(WEEKDAYS)
    )
    columns = (
        Column("weekday", "Weekday"),
        *(Column(f"h{hour:02d}", f"{hour:02d}", Kind.NUMBER, "", 0) for hour in HOURS),
    )
    about = "The share of EVSEs with a vehicle, in percent, by weekday and hour on the clock of the site."
    chart = Chart("heat", "weekday", tuple(f"h{hour:02d}" for hour in HOURS), "%")
    return Sheet("utilisation", "Utilisation", about, columns, rows, chart, wide=True)
