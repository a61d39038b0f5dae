"""The figures as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.figure import Figure, Measured, Rule

HEAD = ("figure", "median [min .. max]", "baseline in this run", "required", "reached", "")


def as_table(figures: Sequence[Figure]) -> str:
    """One line per figure, its notes indented below."""
    rows = [HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(HEAD))]
    lines = [_line(HEAD, widths), _line(tuple("-" * width for width in widths), widths)]
    for figure, row in zip(figures, rows[1:], strict=True):
        lines.append(_line(row, widths))
        lines += [f"    {note}" for note in figure.notes]
    return "\n".join(lines)


def as_markdown(figures: Sequence[Figure]) -> str:
    """The same as a table of the README, without notes: what it is compared with stands beside what is required."""
    rows = [("figure", "median", "required", "reached"), *(_short_row(figure) for figure in figures)]
    cells = [" | ".join(cell.replace("|", "/") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in (cells[0], "--- | --- | --- | ---", *cells[1:]))


def _short_row(figure: Figure) -> tuple[str, ...]:
    what, _, _, required, reached, verdict = _row(figure)
    other = figure.baseline
    beside = "" if other is None else f"; {other.what}: {_number(other.measured.median)} {figure.unit}"
    sign = required.replace("<=", "≤").replace(">=", "≥")
    shown = f"{_number(figure.measured.median)} {figure.unit}"
    return what, shown, f"{sign}{beside}", reached if verdict == "OK" else f"{reached}, {verdict.lower()}"


def _row(figure: Figure) -> tuple[str, ...]:
    baseline, times = figure.baseline, figure.times
    compared = "" if baseline is None else f"{_spread(baseline.measured, figure.unit)}  {baseline.what}"
    if figure.rule in (Rule.AT_MOST, Rule.AT_LEAST):
        sign = "<=" if figure.rule is Rule.AT_MOST else ">="
        share = 1.0 / figure.margin if figure.rule is Rule.AT_MOST else figure.margin
        required = f"{sign} {_number(figure.required)} {figure.unit}"
        reached = f"{100 * share:.0f} % of limit"
    else:
        required, reached = f">= {figure.required:g} x baseline", f"{times or 0.0:.2f} x baseline"
    return (
        figure.what,
        _spread(figure.measured, figure.unit),
        compared,
        required,
        reached,
        "OK" if figure.is_met else "MISSED",
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _spread(measured: Measured, unit: str) -> str:
    if len(measured.samples) == 1:
        return f"{_number(measured.median)} {unit}"
    return f"{_number(measured.median)} {unit} [{_number(measured.least)} .. {_number(measured.most)}]"


def _number(value: float) -> str:
    """Three digits that matter."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
