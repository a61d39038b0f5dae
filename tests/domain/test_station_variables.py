"""A configuration beside its template: what differs, and what would be written."""

from __future__ import annotations

import pytest

from ems.domain.remote.outcome import Variable
from ems.domain.remote.variables import Fit, compared, merged, to_write

VALUES = [
    ("true", "True", Fit.SAME),
    ("TRUE", "false", Fit.DIFFERENT),
    ("30", "30.0", Fit.SAME),
    ("030", "30", Fit.SAME),
    ("30", "31", Fit.DIFFERENT),
    ("Current.Import, SoC", "SoC,Current.Import", Fit.SAME),
    ("Current.Import", "SoC,Current.Import", Fit.DIFFERENT),
    (" word ", "WORD", Fit.SAME),
    ("", "x", Fit.DIFFERENT),
    (None, "x", Fit.DIFFERENT),
    ("1e5", "100000", Fit.DIFFERENT),
    ("..", "..", Fit.SAME),
]


@pytest.mark.parametrize(("value", "wanted", "fit"), VALUES)
def test_values_are_compared_by_what_they_mean(value: str | None, wanted: str, fit: Fit) -> None:
    (row,) = compared([Variable("Key", value)], {"KEY": wanted})
    assert (row.fit, row.name) == (fit, "Key")


def test_what_differs_comes_first_and_only_what_can_be_written_is() -> None:
    known = [
        Variable("Free", "1"),
        Variable("Same", "1"),
        Variable("Locked", "1", read_only=True),
        Variable("Other", "1"),
        Variable("LockedSame", "2", read_only=True),
    ]
    template = {"same": "1", "Locked": "2", "other": "2", "Missing": "3", "LockedSame": "2"}
    rows = compared(known, template)
    assert [(row.name, row.fit) for row in rows] == [
        ("Other", Fit.DIFFERENT),
        ("Locked", Fit.LOCKED),
        ("Missing", Fit.MISSING),
        ("LockedSame", Fit.SAME),
        ("Same", Fit.SAME),
        ("Free", Fit.FREE),
    ]
    assert to_write(rows) == (("Other", "2"), ("Missing", "3"))


def test_of_several_templates_the_last_wins_whatever_the_case_of_its_names() -> None:
    assert merged({"A": "1", "B": "1"}, {"b": "2"}, {"C": "3"}) == {"A": "1", "b": "2", "C": "3"}
