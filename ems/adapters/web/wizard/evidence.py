"""What a running site shows of itself: the evidence of a commissioning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ems.adapters.web.values import age, plain
from ems.adapters.web.wizard.shape import AcceptanceRow, ProofRow
from ems.domain.decision import Decision
from ems.domain.instant import Instant
from ems.domain.state import SiteState
from ems.ports.site import DraftView

FRESH_S = 10.0
ENOUGH_S, SLACK_S = 15 * 60.0, 5.0
NAMED = 5


class Item(NamedTuple):
    """A line of the checklist: whether it is fulfilled (None: nobody knows yet), what is asked, and what was seen."""

    is_done: bool | None
    what: str
    seen: str


def meter_rows(state: SiteState, now: Instant) -> list[dict[str, Any]]:
    """Every meter that runs, with what it says."""
    rows = []
    for meter, known in zip(state.site.meters, state.meters, strict=True):
        reading, seconds = known.reading, age(now, known.at)
        rows.append({
            "id": meter.id,
            "age_s": seconds,
            "is_fresh": seconds is not None and seconds <= max(FRESH_S, 3 * meter.every_s),
            "fault": plain(known.fault),
            "amps": "" if reading is None else " / ".join(f"{amps:.1f}" for amps in reading.amps),
            "kw": "" if reading is None or reading.power_w is None else f"{reading.power_w / 1000:.2f}",
        })  # fmt: skip
    return rows


def station_rows(state: SiteState, decision: Decision | None, now: Instant) -> list[dict[str, Any]]:
    """Every outlet that runs, with what it was told and what flows."""
    rows = []
    setpoints = [None] * len(state.evses) if decision is None else decision.setpoints
    columns = zip(state.site.evses, state.site.station_of_evse, state.evses, setpoints, strict=False)
    for evse, owner, known, setpoint in columns:
        station = state.stations[owner]
        floor = known.grant.floor
        rows.append({
            "id": evse.id,
            "station": evse.station,
            "number": evse.number,
            "circuit": evse.circuit,
            "wiring": str(evse.wiring),
            "max_a": evse.max_a,
            "fallback_a": evse.fallback_a,
            "connected": station.connected,
            "undescribed": station.undescribed,
            "maker": plain(" ".join(part for part in (station.vendor, station.product, station.firmware) if part)),
            "floor_a": None if floor is None else floor.amps,
            "charges": known.session is not None and known.session.transaction is not None,
            "setpoint_a": None if setpoint is None else setpoint.amps,
            "measured_a": f"{known.samples[0].peak_a:.1f}" if known.samples else "",
            "measured_age_s": age(now, known.samples[0].at) if known.samples else None,
        })  # fmt: skip
    return rows


def checklist(
    view: DraftView,
    meters: Sequence[dict[str, Any]],
    outlets: Sequence[dict[str, Any]],
    proofs: Sequence[ProofRow],
    run: AcceptanceRow | None,
) -> Iterator[Item]:
    """What an installation must show before it is handed over, each with what was seen."""
    errors = sum(1 for one in view.findings if one.severity == "error")
    seen = f"{_counted(errors, 'error')}, {_counted(len(view.findings) - errors, 'warning')}"
    yield Item(not errors, "The site file has no errors, and all fallback currents fit every fuse", seen)
    saved = not view.is_begun and not view.awaits_restart
    seen = "saved and running" if saved else "changes wait to be saved, or for a restart"
    yield Item(saved, "What runs is what the file says", seen)
    stale = [row["id"] for row in meters if not row["is_fresh"]]
    yield _all("Every meter answers", len(meters), stale)
    outlet_of = {row["id"]: row for row in outlets}
    away = [name for name, row in outlet_of.items() if not row["connected"]]
    yield _all("The station of every outlet is connected", len(outlets), away)
    strange = sorted({f"{row['station']}/{number}" for row in outlets for number in row["undescribed"]})
    seen = f"not {', '.join(strange[:NAMED])}" if strange else "no other was named"
    yield Item(not strange if outlets else None, "Every outlet that stations speak of is described", seen)
    without = [name for name, row in outlet_of.items() if row["floor_a"] is None]
    yield _all("Every outlet has accepted its fallback", len(outlets), without)
    passed = {f"{one['station']}/{one['evse']}" for one in proofs if one["verdict"] == "passed"}
    yield _all("Every outlet has passed its test", len(outlets), [name for name in outlet_of if name not in passed])
    yield _watched(run)
    yield Item(not view.observes, "The controller is armed", "observing only" if view.observes else "armed")


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _all(what: str, count: int, missing: Sequence[str]) -> Item:
    """Whether all of them do; None where there is none."""
    more = "" if len(missing) <= NAMED else ", …"
    names = f"; not {', '.join(missing[:NAMED])}{more}" if missing else ""
    return Item(not missing if count else None, what, f"{count - len(missing)} of {count}{names}" if count else "none")


def _watched(run: AcceptanceRow | None) -> Item:
    what = "The site was watched for 15 minutes, and no circuit was above its limit"
    if run is None or not run["over"]:
        return Item(None, what, "not yet")
    over = [peak["circuit"] for peak in run["peaks"] if peak["over_s"]]
    above = f"; above: {', '.join(over[:NAMED])}" if over else ""
    seen = f"{run['watched_s'] / 60:.0f} minutes, at most {run['most_vehicles']} vehicles{above}"
    return Item(run["watched_s"] >= ENOUGH_S - SLACK_S and not over, what, seen)
