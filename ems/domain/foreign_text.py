"""The text of files that other programs wrote."""

from __future__ import annotations

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def text_of(raw: bytes) -> str:
    """UTF-8, UTF-16 when it is marked so, else what a Western spreadsheet writes; what is none of it, as U+FFFD."""
    if raw.startswith(UTF_16_MARKS):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
