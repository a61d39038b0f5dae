"""Uptime of each EVSE as the rules of the United States count it for chargers that they pay for (NEVI).

23 CFR 680.116(b): a charging port is up when its hardware and software are both online and available for use, or in
use, and it dispenses electricity as required. Uptime in percent is µ = (T − (T_outage − T_excluded)) / T × 100, with T
the minutes of the time looked at (525 600 of a year there), T_outage the minutes of outage in it, and T_excluded those
of them outside the control of the operator: interruptions of the electric utility, faults of the vehicle, scheduled
maintenance, vandalism, natural disasters, and hours outside of the hours of operation. At least 97 % is required.

The rule looks at the twelve months before; so does the link of that name on the page.

T is here the time that the controller watched: of what nobody saw nothing is claimed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ems.statistics.record import QUARTER_S, Cause, Facts, Outage, Past
from ems.statistics.sheet import Chart, Column, Kind, Sheet

REQUIRED_PERCENT = 97.0

Span = tuple[int, int]


def united(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order."""
    found: list[Span] = []
    for begin_s, end_s in sorted(span for span in spans if span[1] > span[0]):
        if found and begin_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_s))
        else:
            found.append((begin_s, end_s))
    return found


def shared_s(some: Sequence[Span], others: Sequence[Span]) -> int:
    """Seconds that two united lists have in common."""
    i = j = total = 0
    while i < len(some) and j < len(others):
        total += max(0, min(some[i][1], others[j][1]) - max(some[i][0], others[j][0]))
        if some[i][1] <= others[j][1]:
            i += 1
        else:
            j += 1
    return total


def watched(past: Past) -> list[Span]:
    """The quarter hours of the period of which the controller watched at least a part."""
    begin_s, end_s = past.period.begin_s, past.end_s
    quarters = (one.starts_s for one in past.control if one.watched_s)
    return united((max(begin_s, at_s), min(at_s + QUARTER_S, end_s)) for at_s in quarters)


def uptime_percent(watched_s: int, outage_s: int, excluded_s: int) -> float | None:
    """As the rule counts it; None of no time."""
    return 100.0 * (watched_s - (outage_s - excluded_s)) / watched_s if watched_s else None


def uptime_sheet(past: Past, facts: Facts) -> Sheet:
    """The uptime of every EVSE."""
    seen = watched(past)
    within = (one for one in past.control if past.period.begin_s <= one.starts_s < past.end_s)
    watched_s = sum(min(one.watched_s, QUARTER_S) for one in within)
    outages: dict[str, list[Outage]] = defaultdict(list)
    for outage in past.outages:
        outages[outage.evse].append(outage)
    rows = []
    for evse in facts.site.evses:
        its = outages[evse.id]
        away = united((one.began_s, one.ended_s) for one in its)
        excused = united((x.began_s, x.ended_s) for x in past.excluded if x.holds_for(evse.id))
        counted = united((max(b, begin_s), min(e, end_s)) for b, e in away for begin_s, end_s in seen)
        out_s = min(watched_s, sum(end_s - begin_s for begin_s, end_s in counted))
        excluded_s = min(out_s, shared_s(counted, excused))
        causes = (shared_s(united((one.began_s, one.ended_s) for one in its if one.cause is c), seen) for c in Cause)
        percent = uptime_percent(watched_s, out_s, excluded_s)
        is_enough = None if percent is None else "yes" if percent >= REQUIRED_PERCENT else "no"
        minutes = (watched_s / 60.0, out_s / 60.0, excluded_s / 60.0, *(seconds / 60.0 for seconds in causes))
        rows.append((evse.id, percent, is_enough, *minutes))
    columns = (
        Column("evse", "EVSE"),
        Column("uptime_percent", "Uptime", Kind.NUMBER, "%", 2),
        Column("is_enough", f"At least {REQUIRED_PERCENT:g} %"),
        Column("watched_min", "Watched", Kind.NUMBER, "min", 0),
        Column("outage_min", "Out of order", Kind.NUMBER, "min", 0),
        Column("excluded_min", "Of that excluded", Kind.NUMBER, "min", 0),
        *(Column(f"{cause.name.lower()}_min", cause.value.capitalize(), Kind.NUMBER, "min", 0) for cause in Cause),
    )
    about = (
        "As 23 CFR 680.116(b) counts it: the minutes watched less those out of order that are not excluded, of the "
        "minutes watched. Excluded are outages in times that somebody entered below as beyond the operator's control."
    )
    chart = Chart("bars", "evse", ("uptime_percent",), "%")
    return Sheet("uptime", "Uptime", about, columns, tuple(rows), chart, "The site has no EVSE.", wide=True)
