"""Every sentence that the pages of drivers can say, as those who translate find them."""

from __future__ import annotations

from pathlib import Path

from babel.messages.extract import extract_from_dir, extract_from_file

WEB = Path(__file__).resolve().parents[3] / "ems/adapters/web"
KEYWORDS: dict[str, None] = {"say": None, "sentence": None}


def sentences() -> dict[str, str]:
    """Each with the place where it is said first."""
    found: dict[str, str] = {}
    code = extract_from_dir(WEB / "driver", [("**.py", "python")], keywords=KEYWORDS)
    for name, line, text, _, _ in code:
        found.setdefault(str(text), f"{name}:{line}")
    for path in sorted((WEB / "templates").glob("driver*.html")):
        for line, text, _, _ in extract_from_file("jinja2.ext.babel_extract", path, keywords=KEYWORDS):
            found.setdefault(str(text), f"{path.name}:{line}")
    return found
