"""Edits of a site file: what is meant changes, everything else stays as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ems.settings.blank import blank_site
from ems.settings.document import Document, parse
from ems.settings.edit import Edit, EditError, diff, edited, place_of
from ems.settings.load import load
from ems.settings.places import site_file
from ems.settings.site_sums import circuit_sums
from ems.settings.yaml_text import comments

DEMO = site_file("demo").read_text(encoding="utf-8")
STATION = {"circuit": "grid", "fallback_a": 6, "evses": {"1": {"max_a": 32, "phases": "L1 L2 L3"}}}


def document(text: str) -> Document:
    found, findings = parse(text.encode(), Path("site.yaml"))
    assert found is not None, findings
    return found


def lines_of(change: str) -> list[str]:
    """The lines that a diff takes away and brings, without its head."""
    return [line for line in change.splitlines()[2:] if line[:1] in {"+", "-"}]


CHANGES = {
    "a rating": (Edit(("circuits", "yard"), {"rating_a": 63}),
        ["-    rating_a: 50                 # cars alone", "+    rating_a: 63                 # cars alone"]),
    "a current per phase": (Edit(("circuits", "yard"), {"rating_a": {"L1": 50, "L2": 50, "L3": 40}}),
        ["-    rating_a: 50                 # cars alone", "+    rating_a: {L1: 50, L2: 50, L3: 40} # cars alone"]),
    "a further circuit": (Edit(("circuits", "garage"), {"parent": "grid", "rating_a": 63}),
        ["+  garage: {parent: grid, rating_a: 63}"]),
    "a further key of an entry": (Edit(("circuits", "yard"), {"margin_a": 2, "rating_a": 63}),
        ["-    rating_a: 50                 # cars alone", "+    rating_a: 63                 # cars alone",
         "+    margin_a: 2"]),
    "a further key of a section": (Edit(("site",), {"name": "Car park demo", "language": "de"}), ["+  language: de"]),
    "a further meter": (Edit(("meters", "0012"), {"model": "abb-b23", "host": "10.0.0.5", "port": None}),
        ['+  "0012": {model: abb-b23, host: 10.0.0.5}']),
    "an outlet": (Edit(("stations", "HALL-1", "evses", "2"), {"max_a": 16}),
        ["-      2: {max_a: 32, phases: L2 L3 L1}", "+      2: {max_a: 16, phases: L2 L3 L1}"]),
    "an outlet by its station": (Edit(("stations", "HALL-1"), {"evses": {"2": {"max_a": 16}}}),
        ["-      2: {max_a: 32, phases: L2 L3 L1}", "+      2: {max_a: 16, phases: L2 L3 L1}"]),
    "a further limit": (Edit(("limits", "+"), {"circuit": "yard", "max_a": 20}),
        ["+  - {circuit: yard, max_a: 20}"]),
    "a key that goes": (Edit(("circuits", "hall"), {"base_load_max_a": None}),
        ["-    base_load_max_a: 4           # light and gates; no meter sees them, so they are always counted"]),
    "a further section": (Edit(("oidc",), {"client_id": "ems"}), ["+oidc:", "+  client_id: ems"]),
    "a list": (Edit(("calendar",), {"holidays": ["12-25", "2026-04-03"]}),
        ["-calendar: {holidays: [12-25, 12-26, 01-01]}", '+calendar: {holidays: ["12-25", "2026-04-03"]}']),
    "a first price of a tariff": (Edit(("tariff", "energy", "supply"), {"per_kwh": 0.28}),
        ["+tariff:", "+  energy:", "+    supply: {per_kwh: 0.28}"]),
    "the same once more": (Edit(("circuits", "hall"), {"rating_a": 63, "parent": "grid"}), []),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_an_edit_changes_its_lines_and_no_others(name: str) -> None:
    edit, wanted = CHANGES[name]
    assert lines_of(diff(DEMO, edited(DEMO, (edit,)))) == wanted


def test_a_station_that_goes_takes_nothing_else_with_it() -> None:
    after = edited(DEMO, (Edit(("stations", "YARD-6"), None),))
    assert not comments(DEMO) - comments(after)
    assert len(document(after).data["stations"]) == len(document(DEMO).data["stations"]) - 1


REFUSED = {
    "nowhere": (Edit((), {"a": 1}), "names a section"),
    "too deep": (Edit(tuple("abcdefg"), {"a": 1}), "names a section"),
    "nothing to remove": (Edit(("stations", "CP-99"), None), "there is no 'CP-99' to remove"),
    "no such item": (Edit(("limits", "7"), {"max_a": 3}), "there is no item '7'"),
    "into a number": (Edit(("circuits", "grid", "rating_a"), None), ""),
    "below a number": (Edit(("circuits", "grid", "rating_a", "L1"), {"a": 1}), "holds no keys"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_an_edit_that_cannot_be_made_says_why(name: str) -> None:
    edit, why = REFUSED[name]
    if not why:
        assert "rating_a: 100" not in edited(DEMO, (edit,))
        return
    with pytest.raises(EditError, match=why):
        edited(DEMO, (edit,))


def test_a_comment_inside_of_braces_is_not_lost_silently() -> None:
    text = "site: {name: A, timezone: UTC}\ncircuits:\n  grid: {rating_a: 16, # the fuse\n    margin_a: 1}\n"
    with pytest.raises(EditError, match="the comment '# the fuse' would be lost"):
        edited(text, (Edit(("circuits", "grid"), {"rating_a": 25}),))


def test_an_empty_site_grows_by_edits_to_one_that_is_sound(tmp_path: Path) -> None:
    begun = blank_site(tmp_path, "Depot: North", "Europe/Berlin", 63)
    edits = (
        Edit(("meters", "main"), {"model": "eastron-sdm630", "host": "10.0.0.10"}),
        Edit(("circuits", "grid"), {"meter": "main", "base_load_max_a": 20}),
        Edit(("stations", "CP-01"), STATION),
        Edit(("limits", "+"), {"circuit": "grid", "max_kw": 20, "when": "Mon-Fri 17:00-20:00"}),
    )
    after = edited(begun, edits)
    assert not comments(begun) - comments(after)
    loaded = load(tmp_path, text=after.encode())
    assert loaded.settings is not None, loaded.findings
    assert [evse.id for evse in loaded.settings.site.evses] == ["CP-01/1"]
    assert loaded.settings.site.policy.observes


NAMES = st.text(alphabet="abcXYZ0123456789 :#-{}[]'\"é&*", min_size=1, max_size=12).filter(lambda t: t.strip() == t)


SMALL = "site: {name: A, timezone: UTC}\nmeters:\n  main: {model: x}\n\n# next\ncircuits: {}\n"


@settings(max_examples=60, deadline=None)
@given(name=NAMES, host=NAMES)
def test_whatever_it_is_called_it_is_read_back_as_it_was_written(name: str, host: str) -> None:
    after = edited(SMALL, (Edit(("meters", name), {"model": host, "unit": 3}),))
    assert document(after).data["meters"][name] == {"model": host, "unit": 3}


@pytest.mark.parametrize(
    ("line", "place"),
    [("  hall:", ("circuits", "hall")), ("  main: {model", ("meters", "main")), ("site:", ("site",))],
)
def test_a_line_belongs_to_an_entry(line: str, place: tuple[str, ...]) -> None:
    number = 1 + next(k for k, one in enumerate(DEMO.splitlines()) if one.startswith(line))
    assert place_of(document(DEMO), number) == place


def test_sums_are_known_while_they_are_what_is_wrong(tmp_path: Path) -> None:
    stations = {f"CP-{k}": STATION for k in range(3)}
    edits = [Edit(("stations", name), station) for name, station in stations.items()]
    text = edited(blank_site(tmp_path, "Yard", "UTC", 16), (*edits, Edit(("circuits", "grid"), {"margin_a": 2})))
    loaded = load(tmp_path, text=text.encode())
    assert loaded.settings is None, "three fallback currents of 6 A do not fit 16 A"
    assert loaded.draft is not None
    (grid,) = circuit_sums(loaded.draft)
    assert (grid.rating_a, grid.fallback_a, grid.most_a) == ((16.0,) * 3, (20.0,) * 3, (98.0,) * 3)
    assert grid.outlets == 3
