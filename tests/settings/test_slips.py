"""One slip of whoever writes the file is one message, which says what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.settings.load import load
from tests.settings.folder import GOOD, replaced, site_folder

ROW = "row-a: {parent: grid, rating_a: 125}"
OUTLET = "{max_a: 32, phases: L1 L2 L3}"
CUT = "{key} ends at the comma: inside of braces it begins the next entry"

SLIPS = [
    (replaced(("L1 L2 L3", "L1,L2,L3")), 8, CUT.format(key="phases"), "write phases: L1 L2 L3"),
    (replaced(("L1 L2 L3", "L1, L2")), 8, CUT.format(key="phases"), "write phases: L1 L2"),
    (replaced(("rating_a: 125", "rating_a: 62,5")), 4, CUT.format(key="rating_a"), "write rating_a: 62.5"),
    (replaced(("L1 L2 L3", "[L1, L2, L3]")), 8, "phases: a list is not a wiring",
     "write it without brackets and commas: L1 L2 L3"),
    (replaced(("circuits:", "Circuits:")), 2, "unknown key 'Circuits': did you mean 'circuits'?",
     "write 'circuits', or remove the line"),
    (replaced(("stations:", "ladestationen:")), 7, "unknown key 'ladestationen': did you mean 'stations'?",
     "write 'stations', or remove the line"),
    (replaced(("EUR", "eur")), 1, "currency: 'eur' is not a currency", "write currency: EUR"),
    (replaced(("EUR", "€")), 1, "currency: '€' is not a currency", "write currency: EUR"),
    (replaced((f"{{1: {OUTLET}}}", f"[{OUTLET}]")), 8, "evses must be entries with values, not a list",
     "evses: its outlets: {1: {max_a: 32, phases: L1 L2 L3}}"),
    (replaced((f"evses: {{1: {OUTLET}}}", OUTLET[1:-1])), 8, "max_a belongs to an outlet, not to the station",
     "write it there: evses: {1: {max_a: 32, phases: L1 L2 L3}}"),
    (replaced((f"{{1: {OUTLET}}}", "{}")), 8, "evses is empty",
     "evses: its outlets: {1: {max_a: 32, phases: L1 L2 L3}}"),
    (replaced(("margin_a: 5", "margn_a: 5")), 3, "unknown key 'margn_a': did you mean 'margin_a'?",
     "write 'margin_a', or remove the line"),
    (replaced(("meter: main", "meter: mian")), 3, "the meter 'mian' does not exist",
     "did you mean 'main'? known: main"),
    (replaced(("rating_a: 250", "parent: utility, rating_a: 250")), 3,
     "the parent 'utility' of circuit 'grid' does not exist",
     "write one of: row-a; the grid connection alone has no parent"),
    (replaced(("circuit: grid, max_kw: 80", "evse: CP-01, max_a: 8")), 10,
     "the EVSE 'CP-01' of a limit does not exist", "did you mean 'CP-01/1'?"),
    (replaced(("rating_a: 125", "rating_a: 1e9")), 4, "a rating of 1000000000 A is not plausible",
     "rating_a is in ampere per phase, not in watt or milliampere"),
    (replaced((ROW, ROW + "\n  row-b:\n    parent: grid\n    rating_a: 9\n    row-c: {parent: grid, rating_a: 9}")), 8,
     "unknown key 'row-c'",
     "known here: parent, rating_a, phases, margin_a, meter, base_load_max_a, generation_max_a, unbalance_max_a, or is "
     "it indented too far?"),
    ("", 1, "the file is empty", "begin with a copy of the demo's: every key is explained there"),
    ("# later\n", 1, "the file is empty", "begin with a copy of the demo's: every key is explained there"),
    (GOOD[: GOOD.index('"Mon-Fri')] + '"Mon-Fri 17:00\n', 11,
     "not valid YAML: found unexpected end of stream (while scanning a quoted scalar from line 10 on)",
     "check the indentation, the colon with a blank after it, quotes and brackets of this line and the one before"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message", "remedy"), SLIPS, ids=[slip[2][:50] for slip in SLIPS])
def test_a_slip_is_told_once_and_with_what_was_meant(
    tmp_path: Path, text: str, line: int, message: str, remedy: str
) -> None:
    found = load(site_folder(tmp_path, text)).findings
    assert [(finding.line, finding.message, finding.remedy) for finding in found] == [(line, message, remedy)]


def test_a_password_that_is_missing_can_be_made_with_what_is_told(tmp_path: Path) -> None:
    folder = site_folder(
        tmp_path / "a depot", replaced(("fallback_a: 6", "fallback_a: 6, password_file: secrets/cp-01"))
    )
    (finding,) = load(folder).findings
    assert finding.message.endswith("of station 'CP-01' cannot be used: No such file or directory")
    assert finding.remedy == f"`ems password '{folder}/secrets/cp-01'` makes one"


@pytest.mark.parametrize(
    ("old", "new"), [("site:", "\ufeffsite:"), ("\n", "\r\n"), ("L1 L2 L3", "'L1,L2,L3'"), ('17:00"}', '17:00"} # ä')]
)
def test_what_editors_and_people_do_without_harm_is_taken(tmp_path: Path, old: str, new: str) -> None:
    folder = site_folder(tmp_path)
    (folder / "site.yaml").write_bytes(GOOD.replace(old, new).encode())
    assert load(folder).findings == ()
