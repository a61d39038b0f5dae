"""What most controllers need seldom or never, brought in only then: each of these takes five to eight megabytes."""

from __future__ import annotations

from collections.abc import Sequence

from ems.domain.record.signed_value import Examined
from ems.domain.remote.commissioning import CommissioningRecord
from ems.statistics.report import Report


def pdf_of(report: Report) -> bytes:
    """A report on paper. Blocks for a second."""
    from ems.adapters.pdf import document  # noqa: PLC0415 - see above

    return document.pdf_of(report)


def record_pdf_of(record: CommissioningRecord) -> bytes:
    """A commissioning record on paper. Blocks."""
    from ems.adapters.pdf import record as paper  # noqa: PLC0415 - see above

    return paper.pdf_of(record)


def examine(value: str, vouched: Sequence[str]) -> Examined:
    """A signed meter value, examined. Never raises."""
    from ems.adapters.ocmf import examination  # noqa: PLC0415 - see above

    return examination.examine(value, vouched)


def plain_key(text: str) -> str:
    """The key of a meter in the form in which it is kept. Raises ValueError."""
    from ems.adapters.ocmf import public_key  # noqa: PLC0415 - see above

    return public_key.plain_key(text)
