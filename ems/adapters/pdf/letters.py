"""The letters of the documents."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

CARRIED = ("matplotlib", "matplotlib/mpl-data/fonts/ttf/{name}.ttf")
"""The package that carries DejaVu; it is not imported, which would take long."""


class Letters(NamedTuple):
    """The names of a font, plain and bold."""

    plain: str
    bold: str


@cache
def letters() -> Letters:
    """DejaVu Sans, or Helvetica where it is not to be had: that knows the letters of Western Europe only."""
    package, path = CARRIED
    try:
        for name in ("DejaVuSans", "DejaVuSans-Bold"):
            found = Path(str(metadata.distribution(package).locate_file(path.format(name=name))))
            pdfmetrics.registerFont(TTFont(name, str(found)))
    except (metadata.PackageNotFoundError, OSError, TTFError):
        return Letters("Helvetica", "Helvetica-Bold")
    return Letters("DejaVuSans", "DejaVuSans-Bold")


def printable(text: str) -> str:
    """A text that anybody may have written, without what would break a line or turn its direction."""
    return "".join(c if c.isprintable() or c == "\u202f" else "\ufffd" for c in text)
