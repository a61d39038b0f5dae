"""Every check: one bad file each, with the exact message and line, and that it is the only finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.settings.load import load
from tests.settings.folder import GOOD, replaced, site_folder

GRID = "grid: {rating_a: 250, meter: main, margin_a: 5, base_load_max_a: 100}"
ROW = "row-a: {parent: grid, rating_a: 125}"
MAIN = "main: {model: m1, host: 10.0.0.10, port: 502, unit: 1, every_s: 1, on_loss: fallback}"
CP = "CP-01: {circuit: row-a, fallback_a: 6, evses: {1: {max_a: 32, phases: L1 L2 L3}}}"
OUTLET = "{max_a: 32, phases: L1 L2 L3}"
LIMIT = '{circuit: grid, max_kw: 80, when: "Mon-Fri 17:00-20:00"}'
POLICY = 'policy: {strategy: equal, departure_default: "17:00"}'


def swap(old: str, new: str) -> str:
    return replaced((old, new))


SYNTAX = [
    ("a: [1, 2\nb: 3", "2: error: not valid YAML: expected ',' or ']', but got ':' (while parsing a flow sequence from "
     "line 1 on)"),
    ("site:\n\tname: x", "2: error: not valid YAML: found character '\\t' that cannot start any token"
     " (while scanning for the next token)"),
    ("- 1\n- 2", "1: error: must hold keys with values"),
    ("a: 1\n---\nb: 2", "2: error: starts a second document"),
    ("%YAML 1.1\n---\na: 1", "2: error: asks for another version of YAML"),
    ("a: *x", "1: error: '*x' refers to nothing above it"),
    ("a: {<<: {b: 1}}", "1: error: '<<' is not part of YAML 1.2"),
    ("a: " + "[" * 40 + "]" * 40, "1: error: is nested too deeply"),
    ("? [1, 2]\n: 3", "1: error: a key must be a word"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SYNTAX)
def test_a_file_that_cannot_be_parsed(tmp_path: Path, text: str, expected: str) -> None:
    assert findings(tmp_path, text) == [expected]


SHAPE = [
    (swap(ROW, ROW + "\n  row-a: {parent: grid, rating_a: 80}"),
     "5: error: 'row-a' stands here twice, first in line 4"),
    (swap("site: {name", "site: {nme: x, name"), "1: error: unknown key 'nme': did you mean 'name'?"),
    (swap("name: Depot North, ", ""), "1: error: name is missing"),
    (swap("Europe/Berlin", "Europe/Berln"), "1: error: timezone: 'Europe/Berln' is not a time zone"),
    (swap("EUR", "Euro"), "1: error: currency: 'Euro' is not a currency"),
    (swap("circuits:", "circuit:"), "2: error: unknown key 'circuit': did you mean 'circuits'?"),
    (swap("circuits:\n  grid: {rating_a: 250, meter: main, margin_a: 5, base_load_max_a: 100}\n  " + ROW, ""),
     "1: error: the section 'circuits' is missing"),
    (swap("rating_a: 125", "ratng_a: 125"), "4: error: unknown key 'ratng_a': did you mean 'rating_a'?"),
    (swap("rating_a: 125", "rating_w: 80000"), "4: error: unknown key 'rating_w': did you mean 'rating_a'?"),
    (swap("rating_a: 125", "rating: 125"), "4: error: unknown key 'rating': did you mean 'rating_a'?"),
    (swap("rating_a: 125", "rating_a: 125 A"), "4: error: rating_a: '125 A' is text, not a number"),
    (swap("rating_a: 125", "rating_a: -1"), "4: error: rating_a: -1 is negative"),
    (swap("rating_a: 125", "rating_a: .nan"), "4: error: rating_a: 'nan' is not a current"),
    (swap("rating_a: 125", "rating_a: {L1: 5, L4: 5}"), "4: error: rating_a: 'L4' is not a phase"),
    (swap("rating_a: 125", "rating_a: 125, phases: L1 L1"), "4: error: phases: 'L1 L1' names a phase twice"),
    (swap("row-a: {parent: grid, rating_a: 125}", "row-a:"), "4: error: 'row-a' is empty"),
    (swap("margin_a: 5", "margin_a: yes"), "3: error: margin_a must be a number, not 'yes'"),
    (swap("10.0.0.10", "10.0.0.10:502"), "6: error: host: '10.0.0.10:502' contains the port"),
    (swap("10.0.0.10", "10.0.0.300"), "6: error: host: '10.0.0.300' is not an address"),
    (swap("port: 502", "port: '502'"), "6: error: port must be a whole number, not '502'"),
    (swap("unit: 1,", "slave_id: 1,"), "6: error: unknown key 'slave_id': did you mean 'unit'?"),
    (swap("on_loss: fallback", "on_loss: falback"), "6: error: on_loss cannot be 'falback'"),
    (swap("on_loss: fallback", "invert: yes"), "6: error: invert must be true or false, not 'yes'"),
    (swap("every_s: 1", "every_s: 0.01"), "6: error: every_s must be at least 0.2, not 0.01"),
    (swap("every_s: 1", "frame: 9N1"), "6: error: frame: '9N1' is not a serial frame"),
    (swap("phases: L1 L2 L3", "phases: L1 L2 L4"), "8: error: phases: unknown phase 'L4'"),
    (swap(", phases: L1 L2 L3", ""), "8: error: phases is missing"),
    (swap("max_a: 32", "max_ma: 32000"), "8: error: unknown key 'max_ma': did you mean 'max_a'?"),
    (swap("{1: {max_a", "{A: {max_a"), "8: error: 'A' is not an outlet number"),
    (swap("fallback_a: 6", "password: abc"), "8: error: unknown key 'password': did you mean 'password_file'?"),
    (swap("  - " + LIMIT, "  grid: 5"), "9: error: limits must be a list"),
    (swap("Mon-Fri", "Mon-Fry"), "10: error: when: 'Mon-Fry' is not a weekday or a span of them"),
    (swap('when: "Mon-Fri 17:00-20:00"', 'when: ""'), "10: error: when: '' is not a time of the week"),
    (swap("strategy: equal", "strategy: equl"), "11: error: 'equl' is not a strategy"),
    (swap("strategy: equal", "guarantee: none"), "11: error: 'none' is not a guarantee"),
    (swap("strategy: equal", "lease_s: 30"), "11: error: lease_s must lie in 120 … 3600 s, got 30"),
    (swap("strategy: equal", "lease_min: 15"), "11: error: unknown key 'lease_min': did you mean 'lease_s'?"),
    (swap("strategy: equal", "fallback_s: 5"), "11: error: hold_s, cautious_s and fallback_s must rise"),
    (swap("strategy: equal", "idle_a: '6'"), "11: error: idle_a must be a number, not '6'"),
    (GOOD + "calendar: {holidays: [2026-13-01]}\n", "13: error: holidays: the day 2026-13-01 does not exist"),
    (GOOD + "calendar: {holidays: [12-32]}\n", "13: error: holidays: the day 12-32 does not exist"),
    (GOOD + "calendar: {holiday: [12-25]}\n", "13: error: unknown key 'holiday': did you mean 'holidays'?"),
    (GOOD + "classes: {0: {guarantee_kwh: -1}}\n", "13: error: guarantee_kwh must be at least 0, not -1"),
    (GOOD + "classes: {0: {guarantee_kwh: 8, by: 5}}\n", "13: error: by: '5' is not a time of day"),
    (GOOD + "classes: {0: {minimum: true}}\n", "13: error: unknown key 'minimum': did you mean 'minimum_always'?"),
    (GOOD + "tarif: {file: x}\n", "13: error: unknown key 'tarif': did you mean 'tariff'?"),
    (swap("ocpp: {host: 127.0.0.1}", "ocpp: {port: 99999, host: 127.0.0.1}"),
     "12: error: port must be at most 65535, not 99999"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SHAPE)
def test_a_value_that_is_wrong_by_itself(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in findings(tmp_path, text)


WHOLE = [
    (swap("voltage_v: 230", "voltage_v: 400"), "1: error: 400 V is a voltage between two phases"),
    (swap("voltage_v: 230", "voltage_v: 0.23"), "1: error: 0.23 V is not plausible"),
    (GOOD + "tariff: {file: tariff.yaml}\n", "13: error: the tariff 'tariff.yaml' does not exist in {folder}"),
    (GOOD + "tariff: {file: ../tariff.yaml}\n", "13: error: the tariff '../tariff.yaml' must lie beside site.yaml"),
    (GOOD + "web: {host: 0.0.0.0}\n", "13: warning: the page is served on 0.0.0.0 without TLS: passwords cross that "
     "network in the open"),
    (GOOD + "web: {login: nobody}\n", "13: error: login cannot be 'nobody'"),
    (GOOD + "web: {names: [depot example]}\n", "13: error: names: 'depot example' is not an address"),
    (GOOD + "web: {port: 9000}\n", "13: error: the page and the stations want the same port 9000"),
    (swap("strategy: equal", "strategy: cheapest"), "11: warning: strategy 'cheapest' without a tariff: every kWh from "
     "the grid costs the same, at any time"),
]  # fmt: skip

CIRCUITS = [
    (swap("{parent: grid, rating_a: 125}", "{parent: grid, rating_a: 125}\n  Row-A: {parent: grid, rating_a: 5}"),
     "5: error: 'Row-A' differs from 'row-a' only in capitals"),
    (swap("rating_a: 250, meter", "rating_a: 250, parent: row-a, meter"),
     "3: error: circuits form a circle: grid → row-a → grid"),
    (swap("{parent: grid, rating_a: 125}", "{rating_a: 125}"),
     "4: error: circuit 'row-a' has no parent, and neither has 'grid'"),
    (swap("parent: grid", "parent: gird"), "4: error: the parent 'gird' of circuit 'row-a' does not exist"),
    (swap(ROW, ROW + "\n  x: {parent: y, rating_a: 9}\n  y: {parent: x, rating_a: 9}"),
     "5: error: circuits form a circle: x → y → x"),
    (swap(ROW, ROW + "\n  x: {parent: x, rating_a: 9}"), "5: error: circuits form a circle: x → x"),
    (swap("rating_a: 125", "rating_a: 80000"), "4: error: a rating of 80000 A is not plausible"),
    (swap("rating_a: 125", "rating_a: 0"), "4: error: circuit 'row-a' carries nothing"),
    (swap("rating_a: 125", "rating_a: 300"),
     "4: warning: circuit 'row-a' carries 300 A on L1, its parent 'grid' only 250 A"),
    (swap("rating_a: 125", "rating_a: 125, margin_a: 120"), "4: error: circuit 'row-a', L1: fallback currents of 6 A, "
     "margin 120 A and worst base load 0 A make 126 A, more than the rating of 125 A (also L2 126 A, L3 126 A)"),
    (swap("rating_a: 125", "rating_a: 125, margin_a: 125"),
     "4: error: margin_a leaves nothing of the 125 A of circuit 'row-a'"),
    (swap("rating_a: 250", "rating_a: {L1: 250, L2: 250}"),
     "4: error: circuit 'row-a' has L3, which its parent 'grid' lacks"),
    (swap("rating_a: 125", "rating_a: {L1: 9, L2: 9, L3: 9}, phases: L1 L2"), "4: error: phases contradicts rating_a",
     "8: error: CP-01/1 is wired to L3, which circuit 'row-a' lacks",
     "8: warning: CP-01/1 can draw 32 A, its circuit 'row-a' carries only 9 A"),
    (swap(", base_load_max_a: 100", ""),
     "3: warning: circuit 'grid' has a meter but no base_load_max_a: nothing is assumed when it is silent"),
    (swap("meter: main, margin_a: 5, base_load_max_a: 100", "margin_a: 5").replace(MAIN, "{}"),
     "3: warning: 'grid' has neither meter nor base_load_max_a: nothing but EVSEs is assumed to draw there"),
    (swap("base_load_max_a: 100", "base_load_max_a: {L1: 9}"),
     "3: error: base_load_max_a must name the phases of circuit 'grid'"),
    (swap("rating_a: 125", "rating_a: 125, base_load_max_a: 101"),
     "3: error: base_load_max_a of circuit 'grid' is 100 A on L1, below the 101 A of 'row-a', which it feeds"),
    (swap("base_load_max_a: 100", "base_load_max_a: 240"),
     "3: error: circuit 'grid', L1: fallback currents of 6 A, margin "
     "5 A and worst base load 240 A make 251 A, more than the rating of 250 A (also L2 251 A, L3 251 A)"),
    (swap("margin_a: 5", "margin_a: 5, unbalance_max_a: 20"),),
    (swap("margin_a: 5", "margin_a: 5, unbalance_max_a: 4.6"),
     "3: error: 4.6 A of unbalance at 'grid' is below the 6 A with which any vehicle charges"),
    (swap("margin_a: 5", "margin_a: 5, unbalance_max_a: 4600"), "3: error: 4600 A of unbalance is not plausible"),
    (swap("margin_a: 5", "margin_a: 5, unbalance_max_a: 250"),
     "3: warning: 250 A of unbalance at 'grid' limits nothing: its phases carry 250 A"),
    (swap("rating_a: 125", "rating_a: 125, phases: L1, unbalance_max_a: 20").replace("L1 L2 L3", "L1"),
     "4: error: circuit 'row-a' lacks L2 and L3, so its phases cannot be balanced"),
    (swap("margin_a: 5", "margin_a: 5, unbalance_max_a: 20").replace(
        OUTLET, "{max_a: 32, phases: L1, fallback_a: 16}, 2: {max_a: 32, phases: L2 L1}, 3: " + OUTLET),
     "3: error: circuit 'grid': outlets on L1 and not on L3 fall back to 22 A, more than the 20 A by which its phases "
     "may differ"),
]  # fmt: skip

METERS = [
    (swap("model: m1", "model: m2"), "6: error: meter 'main' is of the unknown model 'm2'"),
    (swap("host: 10.0.0.10, port: 502, ", ""), "6: error: meter 'main' has neither host nor device"),
    (swap("port: 502", "device: /dev/ttyUSB0"), "6: error: meter 'main' has both host and device"),
    (swap("port: 502", "framer: ascii"), "6: error: 'ascii' is not a framer"),
    (swap("host: 10.0.0.10, port: 502", "device: /dev/ttyS0, framer: tcp"),
     "6: error: a serial line has no framer tcp"),
    (swap("host: 10.0.0.10", "device: /dev/ttyS0"), "6: error: a serial line has no port"),
    (swap("port: 502", "baud: 9600"), "6: error: baud is for serial lines, and host is given"),
    (swap("unit: 1", "unit: 0, framer: rtu"), "6: error: unit 0 is the broadcast address"),
    (swap("unit: 1", "phases: L1 L2"), "6: error: a meter measures one phase or three"),
    (swap(MAIN, MAIN + "\n  m: {model: m1, host: 10.0.0.10, role: pv, circuit: grid}"),
     "7: error: meter 'm' has the same address as 'main': 10.0.0.10:502, unit 1"),
    (swap(MAIN, MAIN + "\n  m: {model: m1, host: 10.0.0.10, unit: 2, framer: rtu, role: pv, circuit: grid}"),
     "7: error: meters 'main' and 'm' share 10.0.0.10:502 but differ in framer, baud or frame"),
    (swap(MAIN, MAIN + "\n  m: {model: m1, host: b, role: pv}"),
     "7: error: meter 'm' measures pv but names no circuit"),
    (swap(MAIN, MAIN + "\n  m: {model: m1, host: b, role: pv, circuit: gird}"),
     "7: error: the circuit 'gird' of meter 'm' does not exist"),
    (swap(MAIN, MAIN[:-1] + ", circuit: grid}"), "6: error: meter 'main' has role circuit: only pv and battery meters "
     "name a circuit"),
    (swap("meter: main", "meter: mian"),
     "3: error: the meter 'mian' does not exist"),
    (swap(MAIN, MAIN[:-1] + ", role: evse}"), "3: error: meter 'main' has role evse, and is used here as circuit"),
    (swap(MAIN, MAIN + "\n  m: {model: m1, host: b, role: evse}"), "7: warning: no EVSE uses meter 'm'"),
    (swap(ROW, "row-a: {parent: grid, rating_a: 125}\n  row-b: {parent: grid, rating_a: 9, meter: m, base_load_max_a: "
     "0}\n"
          "  row-c: {parent: grid, rating_a: 9, meter: m, base_load_max_a: 0}")
     .replace(MAIN, MAIN + "\n  m: {model: m1, host: b}"),
     "6: error: meter 'm' cannot measure both 'row-b' and 'row-c': none feeds the other"),
    (swap(OUTLET, "{max_a: 32, phases: L1 L2 L3, meter: main}"),
     "8: error: meter 'main' has role circuit, and is used here as evse",
     "8: error: meter 'main' of CP-01/1 is also that of grid"),
    (swap("every_s: 1", "every_s: 5"),
     "6: warning: meter 'main' is read every 5 s, but a reading holds for 3 s: nothing "
     "is raised in between, and an overload is seen late"),
    (swap("every_s: 1", "every_s: 30"), "6: error: meter 'main' is read every 30 s, but given up after 30 s"),
    (swap("every_s: 1", "every_s: 15"),
     "6: error: raise_hold_s is 10 s, but meter 'main' is read only every 15 s: vehicles would be raised into room "
     "that a single reading shows",
     "6: warning: meter 'main' is read every 15 s, but a reading holds for 3 s: nothing is raised in between, and an "
     "overload is seen late"),
    (swap("every_s: 1", "every_s: 2").replace("strategy: equal", "raise_hold_s: 1"),
     "11: error: raise_hold_s is 1 s, but meter 'main' is read only every 2 s: vehicles would be raised into room that "
     "a single reading shows"),
    (swap("strategy: equal", "raise_hold_s: 3"), "11: warning: raise_hold_s is 3 s, but stations tell only every 10 s "
     "what they draw (CP-01): until then base load can hide, and vehicles are raised into room that is not proven"),
    (swap(MAIN, MAIN + "\n  m: {model: m1, host: b, role: pv, circuit: grid, every_s: 8}")
     .replace("strategy: equal", "raise_hold_s: 10, cautious_s: 9"),),
    (swap("strategy: equal", "raise_hold_s: 3").replace("meter: main, ", "").replace(MAIN, "{}"),),
    (swap("every_s: 1", "timeout_s: 11"), "6: error: a timeout of 11 s is longer than a meter may be silent, 10 s"),
]  # fmt: skip

SWITCHED = "phases: L1 L2 L3, phase_switching: true"

STATIONS = [
    (swap("phases: L1 L2 L3", SWITCHED),),
    (swap("phases: L1 L2 L3", "phases: L1 L2 L3, phase_switching: auto"),),
    (swap("phases: L1 L2 L3", SWITCHED.replace("true", "yes")),
     "8: error: phase_switching: 'yes' does not say whether phases are switched"),
    (swap("phases: L1 L2 L3", "phases: L2, phase_switching: true"),
     "8: error: CP-01/1 is wired to L2: there are no three phases to switch between"),
    (swap(OUTLET, "{max_kw: 22, dc_efficiency: 0.94, " + SWITCHED + "}"),
     "8: error: CP-01/1 is a DC outlet, which has no phases to switch"),
    (swap("phases: L1 L2 L3", SWITCHED).replace("fallback_a: 6", "fallback_a: 6, model: heidelberg-amperfied"),
     "8: error: CP-01/1 cannot be switched between one and three phases: model 'heidelberg-amperfied' cannot be limited"
     ),
    (swap("phases: L1 L2 L3", SWITCHED).replace("fallback_a: 6", "fallback_a: 6, model: huawei-scharger"),
     "8: error: CP-01/1 cannot be switched between one and three phases: model 'huawei-scharger' takes limits in watt, "
     "all of which would flow on the phase that is left"),
    (swap("phases: L1 L2 L3", SWITCHED).replace("fallback_a: 6", "fallback_a: 6, model: necharge"),
     "8: error: CP-01/1 cannot be switched between one and three phases: model 'necharge' does not pause at 0 A, "
     "through which every switch leads"),
    (swap(CP, "{}"), "7: warning: the site has no stations: nothing can be charged"),
    (swap("CP-01:", "CP/01:"), "8: error: 'CP/01' cannot be the id of a station"),
    (swap("CP-01:", "CP 01:"), "8: error: 'CP 01' cannot be the id of a station"),
    (swap("circuit: row-a, ", "circuit: rowa, "), "8: error: the circuit 'rowa' of station 'CP-01' does not exist"),
    (swap("circuit: row-a, ", ""), "8: error: CP-01/1 hangs on no circuit"),
    (swap("{max_a: 32", "{circuit: rowa, max_a: 32"), "8: error: the circuit 'rowa' of CP-01/1 does not exist"),
    (swap("fallback_a: 6", "fallback_a: 6, model: walbox"),
     "8: error: station 'CP-01' is of the unknown model 'walbox'"),
    (swap("max_a: 32, ", ""), "8: error: max_a of CP-01/1 is missing"),
    (swap("max_a: 32", "max_a: 5"), "8: error: max_a of CP-01/1 is 5 A, below the 6 A with which any vehicle charges"),
    (swap("max_a: 32", "max_a: 32000"), "8: error: 32000 A at CP-01/1 is not plausible"),
    (swap("max_a: 32", "max_kw: 22"), "8: error: max_kw of CP-01/1 needs dc_efficiency"),
    (swap("max_a: 32", "max_a: 32, dc_efficiency: 0.9"), "8: error: dc_efficiency of CP-01/1 needs max_kw"),
    (swap("max_a: 32", "max_a: 32, max_kw: 22, dc_efficiency: 0.9"), "8: error: CP-01/1 states both max_a and max_kw"),
    (swap("max_a: 32", "max_kw: 80000, dc_efficiency: 0.9"), "8: error: 80000 kW at CP-01/1 is not plausible"),
    (swap("max_a: 32", "max_a: 160"), "8: warning: CP-01/1 can draw 160 A, its circuit 'row-a' carries only 125 A"),
    (swap("fallback_a: 6", "fallback_a: 3"),
     "8: error: fallback_a of CP-01/1 is 3 A: no vehicle charges between 0 and 6 A"),
    (swap("fallback_a: 6", "fallback_a: 40"),
     "8: error: fallback_a of CP-01/1 is 40 A, more than the 32 A it can deliver"),
    (swap("fallback_a: 6", "fallback_a: 0, model: garo-entity"),
     "8: warning: falling back to 0 A ends the session at CP-01/1 (model 'garo-entity')",
     "8: warning: raise_hold_s is 10 s, but stations tell only every 35 s what they draw (CP-01): until then base load "
     "can hide, and vehicles are raised into room that is not proven"),
    (swap("rating_a: 125", "rating_a: 125, phases: L1"),
     "8: error: CP-01/1 is wired to L2 and L3, which circuit 'row-a' lacks"),
    (swap("{max_a", "{fallback_a: 5, max_a"),
     "8: error: fallback_a of CP-01/1 is 5 A: no vehicle charges between 0 and 6 A"),
    (swap("ocpp: {host: 127.0.0.1}", ""), "8: warning: no password_file: anybody in that network can pose as CP-01"),
]  # fmt: skip

LIMITS = [
    (swap("{circuit: grid, max_kw", "{max_kw"), "10: error: a limit names neither circuit nor evse"),
    (swap("circuit: grid, max_kw", "circuit: grid, evse: CP-01/1, max_kw"),
     "10: error: a limit names both circuit and evse"),
    (swap("circuit: grid, max_kw", "circuit: gird, max_kw"), "10: error: the circuit 'gird' of a limit does not exist"),
    (swap("circuit: grid, max_kw: 80", "evse: CP-01/2, max_kw: 8"),
     "10: error: the EVSE 'CP-01/2' of a limit does not exist"),
    (swap("max_kw: 80, ", ""), "10: error: a limit states neither max_a nor max_kw"),
    (swap("max_kw: 80,", "max_kw: 80000,"), "10: error: a limit of 80000 kW is not plausible"),
    (swap("max_kw: 80,", "max_kw: 200,"),
     "10: warning: the limit of 200 kW has no effect: it is above the rating of circuit 'grid', 172.5 kW"),
    (swap("max_kw: 80,", "max_a: 260,"),
     "10: warning: the limit of 260 A has no effect: it is above the rating of circuit 'grid', 250 A"),
    (swap("circuit: grid, max_kw: 80", "evse: CP-01/1, max_a: 40"),
     "10: warning: the limit of 40 A has no effect: it is above what CP-01/1 can draw, 32 A"),
    (swap('"17:00"}', '"25:00"}'), "11: error: departure_default '25:00' is not a time of day"),
    (swap("strategy: equal", "idle_a: 3"), "11: error: idle_a is 3 A: no vehicle charges between 0 and 6 A"),
    (swap("strategy: equal", "dead_band_a: -1"), "11: error: dead_band_a must not be negative, got -1"),
]  # fmt: skip


CLASSES = [
    (GOOD + "calendar: {holidays: []}\n", "13: error: holidays is empty"),
    (GOOD + "classes: {0: {guarantee_kwh: 8}}\n",),
    (GOOD + "classes: {buses: {guarantee_kwh: 8}}\n", "13: error: 'buses' is not the number of a class"),
    (GOOD + "classes: {101: {guarantee_kwh: 8}}\n", "13: error: '101' is not the number of a class"),
    (GOOD + 'classes: {0: {by: "05:10"}}\n', "13: error: class 0 says by when, but promises no energy"),
    (GOOD + "classes: {2: {name: buses, guarantee_kwh: 8}}\n",
     "13: warning: no EVSE is of class 2: it holds for vehicles and needs of that class only"),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", [*WHOLE, *CLASSES, *CIRCUITS, *METERS, *STATIONS, *LIMITS], ids=lambda case: case[-1][:60]
)
def test_values_that_do_not_fit_together(tmp_path: Path, case: tuple[str, ...]) -> None:
    text, *expected = case
    assert findings(tmp_path, text) == [line.replace("{folder}", str(tmp_path)) for line in expected]


def test_the_good_site_has_no_finding(tmp_path: Path) -> None:
    assert findings(tmp_path, GOOD) == []


def test_every_problem_is_told_at_once_with_a_remedy(tmp_path: Path) -> None:
    text = replaced(("rating_a: 125", "ratng_a: 125"), ("model: m1", "model: m2"), ("max_kw: 80", "max_kw: 80000"))
    loaded = load(site_folder(tmp_path, text))
    assert [finding.line for finding in loaded.findings] == [4, 6, 10]
    assert all(finding.remedy for finding in loaded.findings)


REMEDIES = [
    (swap("rating_a: 125", "rating_w: 80000"),
     "rating_a is in ampere per phase: 80000 W on three phases at 230 V are 115.9 A per phase"),
    (swap("rating_a: 125", "rating_ma: 125000"), "rating_a is in ampere per phase: write rating_a: 125"),
    (swap("max_a: 32", "max_kw: 22"), "for an AC outlet write max_a: 32; for a DC outlet add dc_efficiency: 0.94"),
    (swap("max_kw: 80,", "max_w: 80000,"), "max_kw is in kilowatt: write max_kw: 80"),
    (swap("every_s: 1", "every_ms: 500"), "every_s is in seconds: write every_s: 0.5"),
    (swap("voltage_v: 230", "voltage_v: 208"), "write the one between phase and neutral: voltage_v: 120"),
    (swap("voltage_v: 230", "voltage_v: 480"), "write the one between phase and neutral: voltage_v: 277"),
    (swap("parent: grid", "parent: gird"), "did you mean 'grid'? known: grid"),
    (swap("strategy: equal", "raise_hold_s: 0.5"), "write raise_hold_s: 10 in policy, or more"),
    (swap("strategy: equal", "raise_hold_s: 3"), "write raise_hold_s: 10 in policy, or more"),
    (swap("every_s: 1", "every_s: 15"), "write raise_hold_s: 15 in policy, or more"),
    (swap("margin_a: 5", "margin_a: 5 A"), "write the number alone: margin_a: 5"),
    (swap("margin_a: 5", "margin_a: 5, unbalance_max_a: 4.6"),
     "it is in ampere: the 4.6 kVA of VDE-AR-N 4100 are 20 A at 230 V"),
    (swap("margin_a: 5", "margin_a: 5, unbalance_max_a: 13").replace(
        OUTLET, "{max_a: 16, phases: L1, fallback_a: 8}, 2: {max_a: 16, phases: L1}"),
     "spread them over the phases, or lower their fallback_a, 0 is allowed (most: CP-01/1 8 A, CP-01/2 6 A)"),
    (swap("rating_a: 125", "rating_a: 125, margin_a: 120"), "lower fallback_a, 0 is allowed (most: CP-01 6 A), or "
     "base_load_max_a if it is too careful"),
    (swap("fallback_a: 6", "model: heidelberg-amperfied").replace("margin_a: 5", "margin_a: 140"),
     "lower fallback_a, 0 is allowed (most: CP-01 32 A, its maximum, because model 'heidelberg-amperfied' cannot be "
     "limited), or base_load_max_a if it is too careful"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "remedy"), REMEDIES)
def test_the_remedy_says_what_to_write(tmp_path: Path, text: str, remedy: str) -> None:
    assert remedy in [finding.remedy for finding in load(site_folder(tmp_path, text)).findings]


def findings(folder: Path, text: str) -> list[str]:
    """Every finding as 'line: severity: message'."""
    path = site_folder(folder, text) / "site.yaml"
    return [str(finding).removeprefix(f"{path}:") for finding in load(path).findings]
