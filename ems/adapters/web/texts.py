"""The picture in the words of the page. `static/texts.js` says the same in the browser, name by name."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from ems.adapters.web.shape import (
    AlarmRow,
    BatteryRow,
    CircuitRow,
    EvseRow,
    Head,
    KnockRow,
    MeterRow,
    Phases,
    StationRow,
)
from ems.adapters.web.words import CONDITIONS, MODES
from ems.domain.decision import Binding

NOTHING = "–"
LATE_S = 5.0
STILL_W = 50.0
UNSAID = frozenset({Binding.NO_VEHICLE, Binding.OFFLINE})
"""Reasons beside which the liability says nothing new."""

_T = TypeVar("_T")


def amps(value: float | None) -> str:
    """A measured current."""
    return NOTHING if value is None else f"{_signed(value)} A"


def whole_amps(value: float | None) -> str:
    """A current that somebody chose: no digits where there are none."""
    return NOTHING if value is None else _signed(value).removesuffix(".0") + " A"


def kilowatts(value: float | None) -> str:
    """A power."""
    return NOTHING if value is None else f"{_signed(value / 1000)} kW"


def kilowatthours(value: float | None) -> str:
    """An energy."""
    return NOTHING if value is None else f"{_signed(value / 1000)} kWh"


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def duration(seconds: float | None) -> str:
    """A time span as a person would say it."""
    if seconds is None:
        return "never"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{math.floor(seconds)} s"


class Calendar:
    """Times as the clocks of the site show them, seen at `at`."""

    def __init__(self, zone: ZoneInfo, at: str) -> None:
        self._zone = zone
        self._today = self._local(at).date()

    def _local(self, at: str) -> datetime:
        return datetime.fromisoformat(at).astimezone(self._zone)

    def clock(self, at: str) -> str:
        """Day and time to the second."""
        return f"{self._local(at):%a %d %b %H:%M:%S}"

    def date(self, at: str) -> str:
        """Day with its year, hour and minute."""
        return f"{self._local(at):%d %b %Y %H:%M}"

    def moment(self, at: str) -> str:
        """Hour and minute, with the weekday unless it is today."""
        local = self._local(at)
        return f"{local:%H:%M}" if local.date() == self._today else f"{local:%a %H:%M}"

    def moment_or_date(self, at: str) -> str:
        """The same, but with the day of the month when a weekday would not tell which."""
        days = abs((self._local(at).date() - self._today).days)
        return self.moment(at) if days < 6 else f"{self._local(at):%d %b %Y %H:%M}"


def of_site(head: Head, root: CircuitRow, calendar: Calendar) -> dict[str, str]:
    """The top of the page; `old` says how old the grid's values are when they are not fresh."""
    mode, power = MODES[head["mode"]], head["power_w"]
    age = head["tick_age_s"]
    late = age is not None and age > LATE_S
    return {
        "name": head["site"]["name"],
        "clock": calendar.clock(head["at"]),
        "mode": mode.word,
        "cause": head["cause"] or mode.sentence,
        "late": f"The last decision is {duration(age)} old." if late else "",
        "old": "" if root["level"] == "normal" else f"{duration(root['measured_age_s'])} old",
        "grid": kilowatts(power["grid"]),
        "ev": kilowatts(power["ev"]),
        "other": kilowatts(power["other"]),
        "pv": kilowatts(None if power["pv"] is None else 0.0 - power["pv"]),
        "battery": kilowatts(power["battery"]),
    }


def of_circuit(row: CircuitRow, voltage_v: float) -> dict[str, str]:
    """The line of a circuit."""
    free, over = _free(row, voltage_v)
    ours = [v for v in values_of(row["headroom_a"]) if v is not None]
    return {
        "free": free,
        "side": "over" if over else "free",
        "room": whole_amps(math.floor(max(0.0, min(ours)))) if ours else NOTHING,
        "source": row["limit_source"],
        "age": NOTHING if row["meter"] is None else f"{duration(row['measured_age_s'])} ago",
        "power": kilowatts(row["measured_w"]),
        "cap": "" if row["limit_w"] is None else f"of {kilowatts(row['limit_w'])}",
        "level": "" if row["level"] == "normal" else MODES[row["level"]].word,
    }


def _free(row: CircuitRow, voltage_v: float) -> tuple[str, bool]:
    """What nobody uses, on the phase with the least of it, or of the power where that is less; or by how much too much
    is used.
    """
    left = _left_a(row)
    if not left:
        return NOTHING, False
    least, phases = min(left), len(left)
    if row["limit_w"] is not None and row["measured_w"] is not None and row["level"] == "normal":
        watts = row["limit_w"] - row["measured_w"]
        if watts < least * voltage_v * phases:
            return kilowatts(abs(watts)), watts < -0.5 * voltage_v
    over = least < -0.5
    return whole_amps(math.floor(-least if over else max(0.0, least))), over


def _left_a(row: CircuitRow) -> list[float]:
    """What each phase has left: below the limit of a fresh meter, else by what the vehicles say they draw."""
    if row["measured_a"] is not None and row["level"] == "normal":
        pairs = zip(values_of(row["limit_a"]), values_of(row["measured_a"]), strict=True)
        return [most - row["margin_a"] - flowing for most, flowing in pairs if most is not None and flowing is not None]
    pairs = zip(values_of(row["headroom_a"]), values_of(row["drawn_a"]), strict=True)
    return [room - drawn for room, drawn in pairs if room is not None and drawn is not None]


def values_of(phases: Phases | None) -> tuple[float | None, float | None, float | None]:
    """The three values of a row of phases."""
    return (None, None, None) if phases is None else (phases["L1"], phases["L2"], phases["L3"])


def of_phase(row: CircuitRow, phase: int) -> dict[str, str]:
    """A bar: what else flows, what our EVSEs draw, where the limit and the rating lie, in percent of its length."""
    rating = _or(values_of(row["rating_a"])[phase], 0.0)
    limit = values_of(row["limit_a"])[phase]
    drawn = max(0.0, _or(values_of(row["drawn_a"])[phase], 0.0))
    measured = values_of(row["measured_a"])[phase]
    total = drawn + max(0.0, _or(values_of(row["base_load_a"])[phase], 0.0)) if measured is None else measured
    scale = 1.08 * max(rating, _or(limit, 0.0), total)
    ours = min(drawn, max(0.0, total))
    return {
        "now": amps(total if row["drawn_a"] is not None else None),
        "of": f"of {whole_amps(rating if limit is None else limit)}",
        "other": _percent(total - ours, scale),
        "ev": _percent(ours, scale),
        "top": _percent(total, scale),
        "limit": _percent(rating if limit is None else limit, scale),
        "rating": _percent(rating, scale),
        "over": "over" if limit is not None and total > limit + 0.5 else "",
    }


def _or(value: _T | None, otherwise: _T) -> _T:
    return otherwise if value is None else value


def _percent(part: float, whole: float) -> str:
    share = 100 * part / whole if whole > 0 else 0.0
    return f"{min(100.0, max(0.0, share)):.1f}%"


def of_evse(row: EvseRow, calendar: Calendar) -> dict[str, str]:
    """The line of an EVSE."""
    shown = CONDITIONS[row["condition"]]
    measured, session = row["measured_a"], row["session"]
    need = None if session is None else session["need"]
    target = "" if need is None else f"of {kilowatthours(need['energy_wh'])}"
    if session is not None and session["departure"] is not None:
        target = f"{target} by {calendar.moment(session['departure'])}".lstrip()
    return {
        "word": shown.word,
        "icon": f"#i-{shown.icon}",
        "group": shown.group,
        "setpoint": whole_amps(row["setpoint_a"]),
        "measured": NOTHING if measured is None else _legs(measured, row["measured_exact"]),
        "age": "" if row["measured_age_s"] is None else duration(row["measured_age_s"]),
        "energy": kilowatthours(row["energy_wh"]),
        "power": "" if row["power_w"] is None or session is None else kilowatts(row["power_w"]),
        "when": _when(row, calendar),
        "soc": "" if row["soc_percent"] is None else f"{row['soc_percent']:.0f} %",
        "target": target,
        "why": _why(row, calendar),
    }


def _when(row: EvseRow, calendar: Calendar) -> str:
    """Since when a vehicle is there, or its station is not."""
    parts = [] if row["session"] is None else [f"plugged in {calendar.moment(row['session']['plugged'])}"]
    if not row["connected"] and row["since"] is not None:
        parts.append(f"offline since {calendar.moment(row['since'])}")
    return ", ".join(parts)


def _legs(measured: list[float | None], exact: bool) -> str:
    values = " / ".join(NOTHING if a is None else f"{a:.1f}" for a in measured)
    return f"{values} A" if exact else f"≤ {values} A"


def _why(row: EvseRow, calendar: Calendar) -> str:
    reason = row["reason"]
    if reason is None:
        return ""
    parts = [
        reason["text"] if reason["until"] is None else f"{reason['text']} until {calendar.moment(reason['until'])}"
    ]
    liable, setpoint = row["liable_a"], row["setpoint_a"]
    if reason["binding"] not in UNSAID and liable is not None and setpoint is not None and liable > setpoint + 0.5:
        parts.append(f"counted with {whole_amps(liable)}")
    if row["error"] and row["error"] not in reason["text"]:
        parts.append(row["error"])
    return " · ".join(parts)


def of_meter(row: MeterRow) -> dict[str, str]:
    """The line of a meter."""
    one, two, three = (amps(v) for v in values_of(row["measured_a"]))
    watts = row["power_w"]
    return {
        "where": ", ".join(row["circuits"]) or row["role"],
        "L1": one,
        "L2": two,
        "L3": three,
        "power": kilowatts(watts),
        "age": duration(row["age_s"]),
        "fault": f"{row['fault']} ({row['failures']}×)" if row["fault"] else "",
    }


def of_battery(row: BatteryRow) -> dict[str, str]:
    """What a battery holds, does and is to do."""
    soc, power, told = row["soc_percent"], row["power_w"], row["setpoint_w"]
    return {
        "soc": NOTHING if soc is None else f"{soc:.0f} %",
        "size": f"of {kilowatthours(row['capacity_wh'])}, on {row['circuit']}",
        "flow": NOTHING if power is None else _flow(power, "takes ", "gives ", "rests"),
        "told": "" if told is None else _flow(told, "told to take ", "told to give ", "told to rest"),
        "why": row["reason"],
        "age": duration(row["age_s"]),
        "fault": row["fault"],
    }


def _flow(watts: float, takes: str, gives: str, rests: str) -> str:
    if abs(watts) < STILL_W:
        return rests
    return f"{takes}{kilowatts(watts)}" if watts > 0 else f"{gives}{kilowatts(-watts)}"


def of_station(row: StationRow, calendar: Calendar) -> dict[str, str]:
    """The line of a station."""
    said = " ".join(part for part in (row["vendor"], row["model"]) if part)
    since = "" if row["since"] is None else f" since {calendar.moment(row['since'])}"
    link = "online" if row["connected"] else "offline" if row["last_seen"] else "never connected"
    skew = row["clock_skew_s"]
    return {
        "what": said or NOTHING,
        "firmware": row["firmware"] or NOTHING,
        "link": f"{link}{since}",
        "skew": f"{skew:+.0f} s" if abs(skew) >= 1 else "right",
    }


def of_alarm(row: AlarmRow, calendar: Calendar) -> dict[str, str]:
    """An alarm."""
    return {
        "text": row["text"],
        "remedy": row["remedy"],
        "since": "" if row["since"] is None else f"since {calendar.moment(row['since'])}",
        "tone": MODES[row["level"]].tone,
    }


def of_knock(row: KnockRow, calendar: Calendar) -> dict[str, str]:
    """A station that was refused."""
    return {
        "station": row["station"],
        "address": row["address"],
        "reason": row["reason"],
        "count": f"{row['count']}×",
        "at": calendar.moment(row["at"]),
    }
