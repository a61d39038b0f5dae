"""Names in the letters that every system takes."""

from __future__ import annotations

import unicodedata

SPELT = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "œ": "oe", "þ": "th", "ð": "d",
    "đ": "d", "ł": "l", "ı": "i",
})  # fmt: skip
"""Letters that are more than one with an accent, or are spelt otherwise than without it."""


def plain_letters(text: str) -> str:
    """A text in small letters a to z where it has Latin ones; what is none of those stays as it is."""
    spelt = unicodedata.normalize("NFC", text.lower()).translate(SPELT)
    return "".join(c for c in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(c))
