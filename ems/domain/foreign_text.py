"""The text of files that other programs wrote."""

from __future__ import annotations

from typing import NamedTuple

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def text_of(raw: bytes) -> str:
    """UTF-8, UTF-16 when it is marked so, else what a Western spreadsheet writes; what is none of it, as U+FFFD."""
    if raw.startswith(UTF_16_MARKS):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


class NoText(NamedTuple):
    """What a file is that is no text, and what to do about it."""

    message: str
    remedy: str


WORKBOOK = NoText(
    "this is the workbook of a spreadsheet, not a CSV file",
    "save its sheet as CSV (File, Save As, of the type CSV), and hand that in",
)
ZIP, OLD_WORKBOOK, PDF = "PK\x03\x04", "ÐÏ\x11à", "%PDF-"
"""How .zip, .xls and .pdf begin, read as text."""
OF_WORKBOOKS = ("[Content_Types].xml", "xl/workbook", "opendocument.spreadsheet")
"""Names in the .zip that spreadsheets write."""
LOOKED_AT = 1000


def no_text(text: str) -> NoText | None:
    """What a file is that was read as `text` and is none; None where it may be text."""
    if text.startswith(OLD_WORKBOOK):
        return WORKBOOK
    if text.startswith(ZIP):
        is_workbook = any(name in text for name in OF_WORKBOOKS)
        return WORKBOOK if is_workbook else NoText("this is an archive of files", "unpack it, and hand in the CSV file")
    if text.startswith(PDF):
        return NoText("this is a PDF, not a CSV file", "have it exported as CSV, and hand that in")
    if "\0" in text[:LOOKED_AT]:
        return NoText("this is no text", "save it as CSV, and hand that in")
    return None
