"""What `ems check` tells: the findings, then the installation as it is understood."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ems.domain.battery import Battery
from ems.domain.circuit import Circuit
from ems.domain.phase_switch import can_switch
from ems.domain.phases import Phase, PhaseAmps
from ems.domain.site import Site
from ems.domain.station import Evse
from ems.settings.build import SiteSettings
from ems.settings.difference import (
    Difference,
    amps_in_words,
    class_in_words,
    days_in_words,
    difference,
    limit_in_words,
)
from ems.settings.finding import Finding, Severity, has_errors, printable
from ems.settings.installation import is_every_network
from ems.settings.load import MeterChecks, load
from ems.settings.revision import last_good
from ems.settings.sums import CircuitSums, sums, why_no_fallback, worst_a
from ems.settings.tariff import in_words


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of a check. `differences` are those to the revision that was last started, if one is known."""

    findings: tuple[Finding, ...]
    settings: SiteSettings | None
    differences: tuple[Difference, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether the site may start."""
        return self.settings is not None and not has_errors(self.findings)


def check(site: str | Path, state_dir: Path | None = None, meter_checks: MeterChecks | None = None) -> CheckResult:
    """Check a site. With its state folder, also compare it with the last good revision. Never raises."""
    loaded = load(site, meter_checks=meter_checks)
    before = None if state_dir is None else last_good(state_dir)[0]
    differences = () if before is None or loaded.settings is None else difference(before, loaded.settings)
    return CheckResult(loaded.findings, loaded.settings, differences)


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Each finding with its place, and its remedy below."""
    for finding in findings:
        yield str(finding)
        if finding.remedy:
            yield f"    {printable(finding.remedy)}"


def render_text(result: CheckResult) -> str:
    """The result for a terminal, ending with a line break."""
    lines = [*finding_lines(result.findings)]
    if result.settings is not None:
        known = result.settings
        lines += ["", *_head(known), "", *_tree(known), *_limits(known), *_promises(known.site)]
    if result.differences:
        lines += ["", "differs from the revision that was last started:"]
        lines += [f"  {line}" for line in result.differences]
    errors = sum(1 for f in result.findings if f.severity is Severity.ERROR)
    warnings = len(result.findings) - errors
    lines += ["", f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"]
    return "\n".join(lines).lstrip("\n") + "\n"


def render_json(result: CheckResult) -> str:
    """The result for programs."""
    return json.dumps(as_data(result), indent=2, ensure_ascii=False)


def as_data(result: CheckResult) -> dict[str, Any]:
    """The result as plain data."""
    data: dict[str, Any] = {
        "fine": result.is_fine,
        "findings": [{**finding._asdict(), "path": str(finding.path)} for finding in result.findings],
        "differences": [difference._asdict() for difference in result.differences],
        "site": None,
    }
    settings = result.settings
    if settings is not None:
        totals = _sums(settings.site)
        data["site"] = {
            "name": settings.site.name,
            "revision": settings.revision,
            "voltage_v": settings.site.voltage_v,
            "ocpp": {"host": settings.ocpp.host, "port": settings.ocpp.port},
            "web": {"host": settings.web.host, "port": settings.web.port},
            "circuits": [_circuit_data(settings, circuit, totals[circuit.id]) for circuit in settings.site.circuits],
            "tariff": None if settings.tariff is None else in_words(settings.tariff),
            "classes": [class_in_words(known) for known in settings.site.classes],
            "holidays": sorted(days_in_words(settings.site.holidays)),
            "limits": [limit_in_words(limit) for limit in settings.site.limits],
        }
    return data


def _head(settings: SiteSettings) -> Iterator[str]:
    site, ocpp, web = settings.site, settings.ocpp, settings.web
    sizes = f"{_count(len(site.circuits), 'circuit')}, {_count(len(site.evses), 'EVSE')}"
    yield f"{site.name}: {sizes}, revision {settings.revision}"
    where = "on every network of this machine" if is_every_network(ocpp.host) else f"at {ocpp.host}"
    yield f"listens for stations {where}, port {ocpp.port}: ws://<this machine>:{ocpp.port}/<station id>"
    yield f"shows its page at http://{web.host}:{web.port}"
    if settings.tariff is not None:
        yield printable(f"pays by {in_words(settings.tariff)}")


def _tree(settings: SiteSettings) -> Iterator[str]:
    rows = [
        ("ampere per phase (L1/L2/L3)", "rating", "margin", "base load", "fallback → in all", "all at most", "meter"),
        *_rows(settings),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _rows(settings: SiteSettings) -> Iterator[tuple[str, ...]]:
    """The tree, a circuit before what hangs on it. Walked without recursion: a tree may be deep."""
    site, totals = settings.site, _sums(settings.site)
    waiting: list[tuple[Circuit, str, str]] = [(site.circuits.root, "", "")]
    while waiting:
        circuit, lead, below = waiting.pop()
        yield _circuit_row(circuit, totals[circuit.id], lead)
        children = site.circuits.children(circuit.id)
        for evse in (e for e in site.evses if e.circuit == circuit.id):
            yield _evse_row(settings, evse, f"{below}{'│ ' if children else '  '}  ")
        for battery in (b for b in site.batteries if b.circuit == circuit.id):
            yield _battery_row(battery, site.voltage_v, f"{below}{'│ ' if children else '  '}  ")
        branches = [
            (
                child,
                f"{below}{'└─' if child is children[-1] else '├─'} ",
                f"{below}{'   ' if child is children[-1] else '│  '}",
            )
            for child in children
        ]
        waiting += reversed(branches)


def _circuit_row(circuit: Circuit, totals: CircuitSums, lead: str) -> tuple[str, ...]:
    rule = "" if circuit.unbalance_max_a is None else f"  phases within {circuit.unbalance_max_a:g} A"
    return (
        f"{lead}{circuit.id}{rule}",
        _amps(circuit, circuit.rating_a),
        f"{circuit.margin_a:g}",
        _amps(circuit, circuit.base_load_max_a),
        f"{_amps(circuit, totals.fallback_a)} → {_amps(circuit, worst_a(circuit, totals.fallback_a))}",
        _amps(circuit, worst_a(circuit, totals.rated_a)),
        circuit.meter or "-",
    )


def _evse_row(settings: SiteSettings, evse: Evse, lead: str) -> tuple[str, ...]:
    station = settings.site.station_of(evse)
    model = "auto" if station.id in settings.recognisable else station.model.id
    plug = f"  DC {evse.dc_efficiency:g}" if evse.dc_efficiency is not None else ""
    switch = "  1 or 3 phases" if can_switch(evse, station.model) else ""
    why = why_no_fallback(station.model)
    fallback = f"{evse.max_a:.4g} ({why})" if why else f"{evse.fallback_a:g}"
    return (
        f"{lead}{evse.id}  {evse.wiring}  {model}{plug}{switch}",
        f"{evse.max_a:.4g}",
        "",
        "",
        fallback,
        "",
        evse.meter or "",
    )


def _battery_row(battery: Battery, voltage_v: float, lead: str) -> tuple[str, ...]:
    how = f"steered, otherwise {battery.otherwise}" if battery.steered else "read only"
    size = f"{battery.capacity_wh / 1000:g} kWh +{battery.charge_w / 1000:g}/-{battery.discharge_w / 1000:g} kW"
    most = f"{max(battery.amps(battery.charge_w, voltage_v)):.4g}"
    return (f"{lead}{battery.id}  battery {size}  {how}", most, "", most, "", "", battery.meter or "-")


def _limits(settings: SiteSettings) -> Iterator[str]:
    if settings.site.limits:
        yield ""
        yield "limits"
        yield from (f"  {limit_in_words(limit)}" for limit in settings.site.limits)


def _promises(site: Site) -> Iterator[str]:
    if site.classes:
        yield ""
        yield "promised to every vehicle of a class"
        yield from (printable(f"  {class_in_words(known)}") for known in site.classes)
    days = sorted(days_in_words(site.holidays))
    if days:
        yield ""
        yield f"public holidays: {', '.join(days)}"


def _circuit_data(settings: SiteSettings, circuit: Circuit, totals: CircuitSums) -> dict[str, Any]:
    site = settings.site
    return {
        "id": circuit.id,
        "parent": circuit.parent,
        "rating_a": list(circuit.rating_a),
        "margin_a": circuit.margin_a,
        "base_load_max_a": list(circuit.base_load_max_a),
        "fallback_a": list(totals.fallback_a),
        "fallback_case_a": list(worst_a(circuit, totals.fallback_a)),
        "worst_case_a": list(worst_a(circuit, totals.rated_a)),
        "unbalance_max_a": circuit.unbalance_max_a,
        "meter": circuit.meter,
        "batteries": [_battery_data(battery) for battery in site.batteries if battery.circuit == circuit.id],
        "evses": [
            {
                "id": evse.id,
                "wiring": str(evse.wiring),
                "max_a": evse.max_a,
                "fallback_a": evse.fallback_a,
                "meter": evse.meter,
                "model": site.station_of(evse).model.id,
                "recognised_at_boot": evse.station in settings.recognisable,
                "switches_phases": can_switch(evse, site.station_of(evse).model),
            }
            for evse in site.evses
            if evse.circuit == circuit.id
        ],
    }


def _battery_data(battery: Battery) -> dict[str, Any]:
    return {
        "id": battery.id,
        "capacity_wh": battery.capacity_wh,
        "charge_w": battery.charge_w,
        "discharge_w": battery.discharge_w,
        "phases": [phase.name for phase in battery.phases],
        "meter": battery.meter,
        "steered": battery.steered,
        "otherwise": battery.otherwise,
    }


def _sums(site: Site) -> dict[str, CircuitSums]:
    pairs = ((evse, site.station_of(evse).model) for evse in site.evses)
    return sums({circuit.id: circuit for circuit in site.circuits}, pairs)


def _amps(circuit: Circuit, amps: PhaseAmps) -> str:
    """The phases that a circuit has; '-' stands for one it lacks."""
    shown = [f"{amps[p]:.4g}" if circuit.rating_a[p] else "-" for p in Phase]
    return amps_in_words(amps) if len(set(shown)) == 1 else "/".join(shown)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
