"""Files of other programs: read as the text that they are, and named where they are none."""

from __future__ import annotations

import io
import zipfile

import pytest

from ems.domain.foreign_text import no_text, text_of


def zipped(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    "raw",
    ["time;price\n".encode(code) for code in ("utf-8", "utf-8-sig", "utf-16")]
    + ["Abfahrt;Fahrzeug für\n".encode("cp1252"), b"", b"PK;number\n", b"price %PDF-\n"],
)
def test_text_is_text_in_whatever_encoding(raw: bytes) -> None:
    assert no_text(text_of(raw)) is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "workbook of a spreadsheet"),
        (zipped("docProps/app.xml", "xl/workbook.xml"), "workbook of a spreadsheet"),
        (zipped("mimetype") + b"application/vnd.oasis.opendocument.spreadsheet", "workbook of a spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "workbook of a spreadsheet"),
        (zipped("prices.csv"), "archive"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text"),
    ],
)
def test_what_is_no_text_is_named_with_what_to_do(raw: bytes, words: str) -> None:
    """Also as a browser reads it, which knows every byte as a letter."""
    for text in (text_of(raw), raw.decode("latin-1")):
        found = no_text(text)
        assert found is not None
        assert words in found.message
        assert "CSV" in found.remedy
