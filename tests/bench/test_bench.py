"""The bench still runs. What it measures is not judged here: a test run is no place for a stop-watch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest

from tests.bench.__main__ import FIGURES, main
from tests.bench.figure import Baseline, Figure, Measured, Rule
from tests.bench.table import as_markdown, as_table


@pytest.mark.parametrize("name", ["tick", "charging-profiles"])
def test_a_quick_round_measures_something(name: str) -> None:
    """Inside are the proofs: plain Python allocates the same currents, and stations hold what they were told."""
    for figure in FIGURES[name](True):
        assert all(math.isfinite(value) and value > 0 for value in figure.measured.samples)
        assert figure.times is not None


TOOK = Measured.of([2.0, 1.0, 9.0])


@pytest.mark.parametrize(
    ("rule", "required", "baseline", "met", "said"),
    [
        (Rule.AT_MOST, 2.0, None, True, "100 % of limit"),
        (Rule.AT_MOST, 1.9, None, False, "105 % of limit"),
        (Rule.AT_LEAST, 2.0, None, True, "100 % of limit"),
        (Rule.AT_LEAST, 2.1, None, False, "95 % of limit"),
        (Rule.TIMES_LESS, 4.0, 8.0, True, "4.00 x baseline"),
        (Rule.TIMES_LESS, 4.0, 7.9, False, "3.95 x baseline"),
        (Rule.TIMES_MORE, 10.0, 0.2, True, "10.00 x baseline"),
        (Rule.TIMES_MORE, 10.0, 0.21, False, "9.52 x baseline"),
        (Rule.TIMES_MORE, 10.0, None, False, "0.00 x baseline"),
    ],
)
def test_a_figure_is_met_when_its_median_is(
    rule: Rule, required: float, baseline: float | None, met: bool, said: str
) -> None:
    """The median counts, not the worst; a comparison without a baseline is missed."""
    other = None if baseline is None else Baseline("another way", Measured.of([baseline]))
    figure = Figure("something", "ms", TOOK, rule, required, other)
    assert figure.is_met is met
    table = as_table([figure])
    assert said in table
    assert ("OK" in table) is met
    assert ("MISSED" in table) is not met


def test_the_same_figures_make_a_table_of_the_readme() -> None:
    other = Baseline("another | way", Measured.of([7.0]))
    figures = [
        Figure("a plan", "ms", TOOK, Rule.AT_MOST, 4.0),
        Figure("energy", "%", TOOK, Rule.AT_LEAST, 4.0),
        Figure("a tick", "ms", TOOK, Rule.TIMES_LESS, 3.0, other),
    ]
    assert as_markdown(figures).splitlines() == [
        "| figure | median | required | reached |",
        "| --- | --- | --- | --- |",
        "| a plan | 2.00 ms | ≤ 4.00 ms | 50 % of limit |",
        "| energy | 2.00 % | ≥ 4.00 % | 50 % of limit, missed |",
        "| a tick | 2.00 ms | ≥ 3 x baseline; another / way: 7.00 ms | 3.50 x baseline |",
    ]


def test_the_exit_status_tells_what_was_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One missed figure is enough."""
    good = Figure("good", "ms", TOOK, Rule.AT_MOST, 3.0)
    bad = Figure("bad", "ms", TOOK, Rule.AT_MOST, 1.0)
    for figures, status in (((good,), 0), ((good, bad), 1)):

        def measured(_quick: bool, found: tuple[Figure, ...] = figures) -> Iterator[Figure]:
            return iter(found)

        monkeypatch.setitem(FIGURES, "tick", measured)
        assert main(["--only", "tick", "--json"]) == status
        printed = json.loads(capsys.readouterr().out)
        assert [figure["what"] for figure in printed["figures"]] == [figure.what for figure in figures]
