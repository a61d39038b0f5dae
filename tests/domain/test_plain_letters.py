"""Names keep what they say where only plain letters may stand."""

from __future__ import annotations

import pytest

from ems.domain.plain_letters import plain_letters


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Depot Süd", "depot sued"),
        ("Depot Su\u0308d", "depot sued"),
        ("GROẞE STRASSE", "grosse strasse"),
        ("Malmö Ångström", "malmoe aangstroem"),
        ("Orléans, Besançon", "orleans, besancon"),
        ("Łódź", "lodz"),
        ("København", "koebenhavn"),
        ("Yard 7", "yard 7"),
        ("депо", "депо"),
        ("", ""),
    ],
)
def test_accents_are_left_out_and_letters_that_are_spelt_otherwise_are_spelt(name: str, plain: str) -> None:
    assert plain_letters(name) == plain
