"""What `ems check` prints."""

from __future__ import annotations

import json
from pathlib import Path

from ems.settings.report import check, render_json, render_text
from ems.settings.revision import load_or_last_good
from tests.settings.folder import GOOD, replaced, site_folder

TREE = """\
Depot North: 2 circuits, 1 EVSE, revision REVISION
listens for stations at 127.0.0.1, port 9000: ws://<this machine>:9000/<station id>
shows its page at http://127.0.0.1:8080

ampere per phase (L1/L2/L3)    rating  margin  base load  fallback → in all  all at most  meter
grid                           250     5       100        6 → 111            137          main
└─ row-a                       125     0       0          6 → 6              32           -
       CP-01/1  L1 L2 L3  auto  32                         6

limits
  limit Mon-Fri 17:00-20:00: 80 kW on grid

0 errors, 0 warnings
"""


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_good_site_shows_its_tree(tmp_path: Path) -> None:
    result = check(site_folder(tmp_path))
    assert result.is_fine
    assert result.settings is not None
    assert squeezed(render_text(result)) == squeezed(TREE.replace("REVISION", result.settings.revision))


def test_promises_and_holidays_are_shown(tmp_path: Path) -> None:
    written = 'classes: {0: {name: buses, guarantee_kwh: 20, by: "05:10"}}\ncalendar: {holidays: [2026-04-03, 12-25]}\n'
    result = check(site_folder(tmp_path, GOOD + written))
    assert "class 0, buses: at least 20 kWh by 05:10" in squeezed(render_text(result))
    assert "public holidays: 12-25, 2026-04-03" in squeezed(render_text(result))
    told = json.loads(render_json(result))["site"]
    assert (told["classes"], told["holidays"]) == (
        ["class 0, buses: at least 20 kWh by 05:10"],
        ["12-25", "2026-04-03"],
    )


def test_the_rule_against_unbalance_stands_beside_its_circuit(tmp_path: Path) -> None:
    result = check(site_folder(tmp_path, replaced(("margin_a: 5", "margin_a: 5, unbalance_max_a: 20"))))
    assert "grid phases within 20 A 250 5 100 6 → 111 137 main" in squeezed(render_text(result))
    assert [c["unbalance_max_a"] for c in json.loads(render_json(result))["site"]["circuits"]] == [20.0, None]


def test_an_outlet_that_switches_phases_says_so(tmp_path: Path) -> None:
    text = replaced(("phases: L1 L2 L3", "phases: L1 L2 L3, phase_switching: true"))
    assert "CP-01/1 L1 L2 L3 auto 1 or 3 phases 32 6" in squeezed(render_text(check(site_folder(tmp_path, text))))


def test_a_bad_site_shows_path_line_and_remedy(tmp_path: Path) -> None:
    result = check(site_folder(tmp_path, replaced(("parent: grid", "parent: gird"))))
    assert not result.is_fine
    assert render_text(result) == (
        f"{tmp_path}/site.yaml:4: error: the parent 'gird' of circuit 'row-a' does not exist\n"
        "    did you mean 'grid'? known: grid\n"
        "\n"
        "1 error, 0 warnings\n"
    )


def test_a_site_that_does_not_exist(tmp_path: Path) -> None:
    text = render_text(check(tmp_path / "nowhere"))
    assert f"{tmp_path}/nowhere/site.yaml:1: error: cannot be read: No such file or directory" in text
    assert "give a folder that holds site.yaml, or the name of a shipped site: " in text


def test_phases_that_a_circuit_lacks_are_dashes(tmp_path: Path) -> None:
    text = replaced(("rating_a: 125", "rating_a: 125, phases: L2"), ("phases: L1 L2 L3", "phases: L2"))
    assert "└─ row-a 125 0 0 6 → 6 32 -" not in squeezed(render_text(check(site_folder(tmp_path, text))))
    assert "└─ row-a -/125/- 0 -/0/- -/6/- → -/6/- -/32/- -" in squeezed(
        render_text(check(site_folder(tmp_path, text)))
    )


def test_a_station_that_cannot_fall_back_says_so(tmp_path: Path) -> None:
    text = replaced(("fallback_a: 6", "fallback_a: 6, model: wallbox"))
    lines = squeezed(render_text(check(site_folder(tmp_path, text))))
    assert "CP-01/1 L1 L2 L3 wallbox 32 32 (keeps its last limit for ever)" in lines


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    text = GOOD + '"\\e[31mred\\nline": 1\n'
    out = render_text(check(site_folder(tmp_path, text)))
    assert "\x1b" not in out
    assert "unknown key '�[31mred�line'" in out


def test_the_json_form_says_the_same(tmp_path: Path) -> None:
    data = json.loads(render_json(check(site_folder(tmp_path, GOOD + "web: {host: 10.0.0.1}\n"))))
    assert data["fine"] is True
    (finding,) = data["findings"]
    assert (finding["line"], finding["severity"]) == (13, "warning")
    grid, row = data["site"]["circuits"]
    assert (grid["id"], grid["fallback_case_a"], grid["worst_case_a"]) == ("grid", [111.0] * 3, [137.0] * 3)
    assert row["evses"][0] == {
        "id": "CP-01/1", "wiring": "L1 L2 L3", "max_a": 32.0, "fallback_a": 6.0, "meter": None, "model": "generic",
        "recognised_at_boot": True, "switches_phases": False,
    }  # fmt: skip


def test_with_its_state_it_tells_what_a_restart_would_change(tmp_path: Path) -> None:
    folder = site_folder(tmp_path / "site")
    load_or_last_good(folder, tmp_path / "state")
    assert check(folder, tmp_path / "state").differences == ()
    site_folder(folder, replaced(("rating_a: 125", "rating_a: 100")))
    text = render_text(check(folder, tmp_path / "state"))
    assert "  circuit row-a: rating_a 125 → 100 (needs a restart)\n" in text


def test_a_deep_tree_is_shown(tmp_path: Path) -> None:
    circuits = "\n".join(f"  c{i}: {{parent: c{i - 1}, rating_a: 9}}" for i in range(1, 400))
    text = f"site: {{name: x, timezone: UTC}}\ncircuits:\n  c0: {{rating_a: 9}}\n{circuits}\n"
    result = check(site_folder(tmp_path, text))
    assert result.is_fine
    assert "c399" in render_text(result)
