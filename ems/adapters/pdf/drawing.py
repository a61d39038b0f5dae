"""Charts as vectors: bars beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from reportlab.graphics.shapes import Drawing, Line, Rect, String
from reportlab.lib.colors import HexColor

from ems.adapters.pdf.letters import Letters

COLOURS = ("#0b63a8", "#b4470f", "#454f8f")
LINE, MUTED = "#d9e0e8", "#4f5d6b"
HEIGHT, LEFT, BELOW, ABOVE = 110.0, 40.0, 24.0, 8.0
MOST_BARS = 62
LABEL_W = 46.0
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def bars(
    labels: Sequence[str],
    columns: Sequence[Sequence[float | None]],
    names: Sequence[str],
    width: float,
    set_in: Letters,
) -> Drawing:
    """Columns of numbers over labels; what is unknown has no bar. Only the first `MOST_BARS` labels are drawn."""
    labels, columns = labels[:MOST_BARS], [column[:MOST_BARS] for column in columns]
    drawing = Drawing(width, HEIGHT)
    known = [value for column in columns for value in column if value is not None]
    step = _step(max(known, default=0.0))
    top = step * max(1, -(-max(known, default=0.0) // step))
    high, wide = HEIGHT - BELOW - ABOVE, width - LEFT
    mark = 0.0
    while mark <= top + step / 2:
        y = BELOW + high * mark / top
        drawing.add(Line(LEFT, y, width, y, strokeColor=HexColor(LINE), strokeWidth=0.4))
        drawing.add(_words(f"{mark:g}", LEFT - 4, y - 2, set_in, "end"))
        mark += step
    place = wide / max(1, len(labels))
    each = min(22.0, 0.8 * place / max(1, len(columns)))
    every = max(1, round(LABEL_W / place + 0.49))
    for i, label in enumerate(labels):
        middle = LEFT + place * (i + 0.5)
        if i % every == 0:
            drawing.add(_words(label, middle, BELOW - 10, set_in, "middle"))
        for k, column in enumerate(columns):
            value = column[i]
            if value is not None and value > 0.0:
                x = middle + each * (k - len(columns) / 2)
                drawing.add(_filled(x, BELOW, each * 0.92, high * value / top, k))
    x = LEFT
    for k, name in enumerate(names):
        drawing.add(_filled(x, 2, 6, 6, k))
        drawing.add(_words(name, x + 9, 2, set_in, "start"))
        x += 24 + 3.6 * len(name)
    return drawing


def _filled(x: float, y: float, width: float, height: float, colour: int) -> Rect:
    box = Rect(x, y, width, height)
    box.fillColor, box.strokeColor = HexColor(COLOURS[colour]), None
    return box


def _words(text: str, x: float, y: float, set_in: Letters, anchor: Literal["start", "middle", "end"]) -> String:
    return String(x, y, text, fontName=set_in.plain, fontSize=6, fillColor=HexColor(MUTED), textAnchor=anchor)


def _step(most: float) -> float:
    """A round distance of marks, so that there are up to five."""
    if most <= 0.0:
        return 1.0
    power = 1.0
    while power * 10.0 <= most / 4.0:
        power *= 10.0
    while power > most / 4.0:
        power /= 10.0
    return next((power * step for step in STEPS if power * step >= most / 4.0), power * 10.0)
