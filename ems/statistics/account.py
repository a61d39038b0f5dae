"""Energy, cost and time by EVSE, tag, person, cost centre and day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from ems.domain.billing.money import major
from ems.statistics.quarters import Quarters, quarters_of
from ems.statistics.record import QUARTER_S, Facts, Past, PastSession
from ems.statistics.sheet import Chart, Column, Kind, Row, Sheet, Value, money

NOBODY = "nobody known"
NO_CENTRE = "none"


@dataclass(slots=True)
class Account:
    """What something adds up to. `sessions` that began in the period and what they were billed, `charged_minor`;
    energy that flowed in it, of that from PV, at what cost, and the CO2 that it stands for; seconds in the period.
    """

    sessions: int = 0
    energy_wh: int = 0
    pv_wh: float = 0.0
    cost: float = 0.0
    co2_g: float = 0.0
    occupied_s: int = 0
    charging_s: int = 0
    idle_s: int = 0
    charged_minor: int = 0

    def add(self, other: Account) -> None:
        """With all that another one has."""
        self.sessions += other.sessions
        self.energy_wh += other.energy_wh
        self.pv_wh += other.pv_wh
        self.cost += other.cost
        self.co2_g += other.co2_g
        self.occupied_s += other.occupied_s
        self.charging_s += other.charging_s
        self.idle_s += other.idle_s
        self.charged_minor += other.charged_minor


def accounts_of(past: Past, quarters: Quarters) -> dict[str, Account]:
    """The account of every session that was there in the period.

    A vehicle charges in the quarter hours in which energy flowed, but for the seconds in which it was idle.
    """
    accounts = {session.id: _begun(session, past) for session in past.sessions}
    spans = {session.id: (session.plugged_s, session.until_s(past.now_s)) for session in past.sessions}
    shares, prices, count, first_s = quarters.grid_share, quarters.per_kwh, len(quarters), quarters.begin_s
    grams = quarters.co2_g
    for name, starts_s, energy_wh, idle_s in past.used:
        account, k = accounts.get(name), (starts_s - first_s) // QUARTER_S
        if account is None or not 0 <= k < count:
            continue
        account.idle_s += idle_s
        if energy_wh > 0:
            kwh, share, (begin_s, end_s) = energy_wh / 1000.0, shares[k], spans[name]
            account.energy_wh += energy_wh
            account.pv_wh += energy_wh * (1.0 - share)
            account.cost += kwh * prices[k]
            account.co2_g += kwh * grams[k]
            ends_s = starts_s + QUARTER_S
            lasted_s = (end_s if end_s < ends_s else ends_s) - (begin_s if begin_s > starts_s else starts_s) - idle_s
            if lasted_s > 0:
                account.charging_s += lasted_s
    return accounts


def co2_of(past: Past, facts: Facts, session: str) -> float | None:
    """What the energy of a session that flowed in the period stands for, g of CO2, as its report counts it; None where
    nothing is known of the grid, or the session was not there.
    """
    if not facts.carbon.is_known:
        return None
    account = accounts_of(past, quarters_of(past, facts)).get(session)
    return None if account is None else account.co2_g


def _begun(session: PastSession, past: Past) -> Account:
    began = past.began_within(session)
    begin_s, end_s = max(session.plugged_s, past.period.begin_s), min(session.until_s(past.now_s), past.end_s)
    charged = session.cost_minor or 0 if began else 0
    return Account(sessions=int(began), occupied_s=max(0, end_s - begin_s), charged_minor=charged)


def total(accounts: Iterable[Account]) -> Account:
    """All of them together."""
    whole = Account()
    for account in accounts:
        whole.add(account)
    return whole


def grouped(past: Past, accounts: Mapping[str, Account], key: Callable[[PastSession], str]) -> dict[str, Account]:
    """The accounts of sessions put together by what `key` says of each, most energy first."""
    found: dict[str, Account] = defaultdict(Account)
    for session in past.sessions:
        found[key(session)].add(accounts[session.id])
    return dict(sorted(found.items(), key=lambda item: (-item[1].energy_wh, item[0])))


def _columns(facts: Facts) -> tuple[Column, ...]:
    currency, with_co2 = facts.site.currency, facts.carbon.is_known
    return (
        Column("energy_kwh", "Energy", Kind.NUMBER, "kWh", 2),
        Column("pv_percent", "From PV", Kind.NUMBER, "%"),
        Column("energy_cost", "Cost of the energy", Kind.MONEY, currency),
        Column("billed", "Billed to drivers", Kind.MONEY, currency),
        *((Column("co2_kg", "CO₂", Kind.NUMBER, "kg"),) if with_co2 else ()),
    )


def _cells(account: Account, facts: Facts) -> Row:
    currency = facts.site.currency
    cells: tuple[Value, ...] = (
        account.energy_wh / 1000.0,
        percent(account.pv_wh, account.energy_wh),
        money(None if facts.tariff is None else account.cost, currency),
        major(account.charged_minor, currency),
    )
    return (*cells, account.co2_g / 1000.0) if facts.carbon.is_known else cells


def evse_sheet(past: Past, facts: Facts, accounts: Mapping[str, Account]) -> Sheet:
    """Frequency, service time and energy of each EVSE."""
    by_evse = grouped(past, accounts, lambda session: session.evse)
    names = (*(evse.id for evse in facts.site.evses), *by_evse)
    watched_s = past.end_s - past.period.begin_s
    rows = []
    for name in dict.fromkeys(names):
        one = by_evse.get(name, Account())
        times = (one.occupied_s / 3600.0, one.charging_s / 3600.0, one.idle_s / 3600.0)
        occupied = percent(one.occupied_s, watched_s)
        per_day = one.sessions / past.days
        rows.append((name, one.sessions, per_day, *times, occupied, *_cells(one, facts)))
    about = (
        "Sessions that began in this time, and per day; hours plugged in, charging (quarter hours in which energy "
        "flowed) and idle (charged, and still there); the share of the time in which a vehicle was plugged in."
    )
    columns = (
        Column("evse", "EVSE"),
        Column("sessions", "Sessions", Kind.COUNT),
        Column("sessions_per_day", "Sessions per day", Kind.NUMBER, "", 2),
        Column("occupied_h", "Occupied", Kind.NUMBER, "h"),
        Column("charging_h", "Charging", Kind.NUMBER, "h"),
        Column("idle_h", "Idle", Kind.NUMBER, "h"),
        Column("occupied_percent", "Occupied", Kind.NUMBER, "%"),
        *_columns(facts),
    )
    chart = Chart("bars", "evse", ("occupied_h", "charging_h", "idle_h"), "h")
    return Sheet("evses", "EVSEs: frequency and service time", about, columns, tuple(rows), chart, wide=True)


def tag_sheet(past: Past, facts: Facts, accounts: Mapping[str, Account]) -> Sheet:
    """How often each tag charged, and what."""
    by_tag = grouped(past, accounts, lambda session: session.tag or NOBODY)
    owners = {session.tag or NOBODY: session.person for session in past.sessions if session.person}
    weeks = past.days / 7.0
    rows = tuple(
        (
            tag,
            _name(facts, owners.get(tag)),
            one.sessions,
            one.sessions / weeks,
            *_cells(one, facts),
        )
        for tag, one in by_tag.items()
    )
    columns = (
        Column("tag", "Tag"),
        Column("person", "Person"),
        Column("sessions", "Sessions", Kind.COUNT),
        Column("sessions_per_week", "Sessions per week", Kind.NUMBER, "", 2),
        *_columns(facts),
    )
    about = "Sessions that began in this time, and per week of seven days; the energy that flowed in it."
    return Sheet("tags", "Tags", about, columns, rows, wide=True)


def person_sheet(past: Past, facts: Facts, accounts: Mapping[str, Account]) -> Sheet:
    """Energy and cost of each person."""
    found = grouped(past, accounts, lambda session: session.person or "")
    rows = tuple((_name(facts, who) or NOBODY, one.sessions, *_cells(one, facts)) for who, one in found.items())
    columns = (Column("person", "Person"), Column("sessions", "Sessions", Kind.COUNT), *_columns(facts))
    return Sheet("people", "People", "Whoever the tags belong to.", columns, rows, wide=True)


def centre_sheet(past: Past, facts: Facts, accounts: Mapping[str, Account]) -> Sheet:
    """Energy and cost of each cost centre."""
    found = grouped(past, accounts, lambda session: session.cost_centre or NO_CENTRE)
    rows = tuple((name, one.sessions, *_cells(one, facts)) for name, one in found.items())
    columns = (
        Column("cost_centre", "Cost centre"),
        Column("sessions", "Sessions", Kind.COUNT),
        *_columns(facts),
    )
    about = (
        "The cost of the energy is what the site pays for it by its tariff, each quarter hour at its price, without "
        "charges for peaks; what drivers were billed is on the receipts of the sessions that began in this time."
    )
    chart = Chart("bars", "cost_centre", ("energy_kwh",), "kWh")
    return Sheet("cost-centres", "Energy and cost by cost centre", about, columns, rows, chart, wide=True)


def day_sheet(past: Past, quarters: Quarters) -> Sheet:
    """Each local day: sessions that began, energy that flowed, the highest quarter hour."""
    days = {day: (begin_s, end_s) for day, begin_s, end_s in past.period.each_day() if begin_s < past.end_s}
    begun: dict[date, int] = dict.fromkeys(days, 0)
    starts = sorted(session.plugged_s for session in past.sessions if past.began_within(session))
    at = 0
    for day, (_, end_s) in days.items():
        while at < len(starts) and starts[at] < end_s:
            begun[day] += 1
            at += 1
    rows = []
    for day, (begin_s, end_s) in days.items():
        first = (begin_s - quarters.begin_s) // QUARTER_S
        last = min(len(quarters), (end_s - quarters.begin_s) // QUARTER_S)
        charged_kw = [watts / 1000.0 for watts in quarters.charging_w[first:last]]
        known_kw = [watts / 1000.0 for watts in quarters.grid_w[first:last] if watts == watts]  # noqa: PLR0124 NaN
        hours = (end_s - begin_s) / 3600.0
        energy = sum(charged_kw) / 4.0
        rows.append((day, hours, begun[day], energy, max(charged_kw, default=0.0), max(known_kw, default=None)))
    columns = (
        Column("day", "Day", Kind.DAY),
        Column("hours", "Hours", Kind.NUMBER, "", 0),
        Column("sessions", "Sessions", Kind.COUNT),
        Column("energy_kwh", "Energy", Kind.NUMBER, "kWh", 2),
        Column("charging_peak_kw", "Highest charging", Kind.NUMBER, "kW"),
        Column("grid_peak_kw", "Highest of the site", Kind.NUMBER, "kW"),
    )
    about = "Days on the clock of the site; one on which it is set has 23 or 25 hours. Highest: mean of a quarter hour."
    return Sheet("days", "Days", about, columns, tuple(rows), Chart("bars", "day", ("energy_kwh",), "kWh"))


def percent(part: float, whole: float) -> float | None:
    """A share in percent; None of nothing."""
    return 100.0 * part / whole if whole else None


def _name(facts: Facts, person: str | None) -> str:
    return "" if person is None else facts.people.get(person, person)
