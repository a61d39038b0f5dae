"""A commissioning record on paper, with room to sign it by hand."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from reportlab.platypus import CondPageBreak, Flowable, KeepTogether, Spacer, Table

from ems.adapters.pdf.letters import letters, printable
from ems.adapters.pdf.paper import LINE, WIDTH, Styles, set_on_paper, table_of
from ems.domain.remote.commissioning import PROVES, CommissioningRecord, Part
from ems.statistics.sheet import Column, Sheet

SIGN_ABOVE = 48


def pdf_of(record: CommissioningRecord) -> bytes:
    """The record as an A4 document; the same record gives the same bytes."""
    styles = Styles(letters())
    title = f"{printable(record.told.site)}: commissioning record {record.number}"
    return set_on_paper(title, f"{title}, SHA-256 {record.digest}", _story(record, styles), styles)


def _story(record: CommissioningRecord, styles: Styles) -> Iterator[Flowable]:
    told, zone = record.told, ZoneInfo(record.told.zone)
    yield styles.text(told.site, styles.title)
    yield styles.text(f"Commissioning record {record.number}", styles.heading)
    done = "Everything that must be so was so." if told.is_complete else "Not everything that must be so was so."
    yield styles.text(f"{record.at.astimezone(zone):%Y-%m-%d %H:%M} {told.zone}, by {record.who}. {done}", styles.cell)
    yield styles.text(f"Site file: revision {told.revision}, SHA-256 {told.file_sha256}", styles.cell)
    if told.note:
        yield styles.text(f"Note: {told.note}", styles.cell)
    for part in told.parts:
        yield CondPageBreak(70)
        yield styles.text(part.title, styles.heading)
        yield table_of(_sheet(part), zone, styles) if part.rows else styles.text("none", styles.cell)
    yield KeepTogether(list(_closing(record, styles)))


def _sheet(part: Part) -> Sheet:
    columns = tuple(Column(f"c{k}", title) for k, title in enumerate(part.columns))
    return Sheet(part.title, part.title, "", columns, part.rows)


def _closing(record: CommissioningRecord, styles: Styles) -> Iterator[Flowable]:
    yield styles.text("Signatures", styles.heading)
    lines = [[styles.text(name, styles.note) for name in ("Installer, date", "", "Operator, date")]]
    table = Table(lines, [WIDTH * 0.45, WIDTH * 0.1, WIDTH * 0.45], hAlign="LEFT")
    table.setStyle([("LINEABOVE", (0, 0), (0, 0), 0.5, LINE), ("LINEABOVE", (2, 0), (2, 0), 0.5, LINE)])
    yield Spacer(1, SIGN_ABOVE)
    yield table
    yield styles.text(f"SHA-256 of this record: {record.digest}", styles.note)
    yield styles.text(f"SHA-256 of the one before: {record.previous}", styles.note)
    yield styles.text(PROVES, styles.note)
