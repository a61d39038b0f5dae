"""What a session used by quarter hours, once somebody has corrected its energy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ems.statistics.record import QUARTER_S, PastSession, Used


def corrected(session: PastSession, used: Sequence[Used]) -> Iterator[Used]:
    """All that a session used, with the energy that it is said to have got: each quarter hour keeps its share of the
    whole, and whole Wh add up to it. Where nothing was measured it flowed evenly while the vehicle was there.
    """
    known = sorted(used, key=lambda one: one.starts_s)
    measured_wh = sum(one.energy_wh for one in known)
    if measured_wh > 0:
        parts = [one.energy_wh / measured_wh for one in known]
    else:
        known = list(_there(session, known))
        parts = [1.0 / len(known)] * len(known)
    share, told_wh = 0.0, 0
    for one, part in zip(known, parts, strict=True):
        share += part
        until_wh = round(session.energy_wh * share)
        yield one._replace(energy_wh=until_wh - told_wh)
        told_wh = until_wh


def _there(session: PastSession, used: Iterable[Used]) -> Iterator[Used]:
    """The quarter hours in which its vehicle was there, with the idle time that is known of them."""
    idle_s = {one.starts_s: one.idle_s for one in used}
    first_s = session.plugged_s // QUARTER_S * QUARTER_S
    last_s = max(first_s, session.until_s(first_s) - 1)
    for at_s in sorted({*range(first_s, last_s + 1, QUARTER_S), *idle_s}):
        yield Used(session.id, at_s, 0, idle_s.get(at_s, 0))
