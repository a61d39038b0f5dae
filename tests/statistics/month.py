"""October 2026 of a site in Berlin, small enough to be added up by hand: the clock is set on the 25th, one session
began in September, one ends in November.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ems.domain.circuit import Circuit, CircuitTree
from ems.domain.energy.carbon import Carbon
from ems.domain.energy.price import EnergyPrice, TimedPrice
from ems.domain.energy.tariff import Tariff
from ems.domain.phases import Wiring
from ems.domain.site import Site
from ems.domain.station import Evse, Station
from ems.statistics.period import Period
from ems.statistics.record import (
    QUARTER_S,
    Cause,
    ControlQuarter,
    Excluded,
    Exclusion,
    Facts,
    Outage,
    Past,
    PastSession,
    Used,
)

BERLIN = ZoneInfo("Europe/Berlin")
OCTOBER = Period.month("2026-10", BERLIN)
SITE = Site(
    name="Yard",
    timezone="Europe/Berlin",
    circuits=CircuitTree((Circuit("grid", None, (63.0, 63.0, 63.0)),)),
    stations=(
        Station("A", (Evse("A", 1, "grid", Wiring.parse("L1 L2 L3"), 16.0, 6.0),)),
        Station("B", (Evse("B", 1, "grid", Wiring.parse("L1"), 32.0, 6.0),)),
    ),
)
TARIFF = Tariff(
    name="flat",
    currency="EUR",
    timezone="Europe/Berlin",
    energy=(EnergyPrice("work", (TimedPrice(0.25),)),),
    feed_in=(EnergyPrice("pv", (TimedPrice(0.08),)),),
    vat_pct=20.0,
)


def s(text: str, zone: ZoneInfo | None = None) -> int:
    """Seconds since 1970 of a time, UTC unless a zone is told."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone or UTC).timestamp())


def evenly(session: str, begin_s: int, wh: list[int]) -> Iterator[Used]:
    """Energy in quarter hours in a row."""
    for k, one in enumerate(wh):
        yield Used(session, begin_s + k * QUARTER_S, one, 0)


# 30 September 23:00 to 1 October 02:00 in Berlin: 6 of its 12 kWh flow in October, within an hour.
FIRST = PastSession(
    "S1", "A/1", s("2026-09-30T21:00"), s("2026-10-01T00:00"), 12_000.0, tag="04A1", person="anna", cost_centre="4000"
)
# 25 October 01:30 to 03:30 in Berlin, which is three hours: the clock shows 02:30 twice.
SECOND = PastSession(
    "S2", "B/1", s("2026-10-24T23:30"), s("2026-10-25T02:30"), 3_000.0, 5_000.0, s("2026-10-25T02:30"),
    "Van 1", "04B2", "ben", "5000", 120,
)  # fmt: skip
# 31 October 23:30 to 1 November 00:30 in Berlin: 2 of its 4 kWh flow in October.
THIRD = PastSession(
    "S3", "A/1", s("2026-10-31T22:30"), s("2026-10-31T23:30"), 4_000.0, 4_000.0, s("2026-10-31T23:30"),
    "Van 2", "04A1", "anna", "4000", 160,
)  # fmt: skip
USED = (
    *evenly("S1", s("2026-09-30T21:00"), [1500] * 8),
    *evenly("S2", s("2026-10-24T23:30"), [250] * 12),
    *evenly("S3", s("2026-10-31T22:30"), [1000] * 4),
)
NOW_S = s("2026-11-05T00:00")
CONTROL = tuple(ControlQuarter(at_s, QUARTER_S) for at_s in range(OCTOBER.begin_s, OCTOBER.end_s, QUARTER_S))
OUTAGES = (Outage("A/1", s("2026-10-10T00:00"), s("2026-10-10T10:00"), Cause.OFFLINE),)
EXCLUDED = (
    Excluded(
        1, "A", s("2026-10-10T00:00"), s("2026-10-10T03:20"), Exclusion.MAINTENANCE, "new contactor", "anna (10.0.0.7)"
    ),
)
GIVEN_BACK, CORRECTED = 50, -20
PAST = Past(OCTOBER, NOW_S, (FIRST, SECOND, THIRD), USED, (), (), OUTAGES, EXCLUDED, CONTROL, GIVEN_BACK, CORRECTED)
FACTS = Facts(SITE, TARIFF, Carbon(otherwise=400.0), {}, {"anna": "Anna Arndt", "ben": "Ben Beck"})
