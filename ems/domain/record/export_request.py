"""What somebody wants to have as a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ems.domain.energy.step import Step
from ems.domain.record.session_entry import SessionFilter


class Exported(StrEnum):
    """What there is."""

    SESSIONS = "sessions"
    ENERGY = "energy"
    TRANSACTIONS = "transactions"
    ALARMS = "alarms"


class Form(StrEnum):
    """What kind of file."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


MEDIA = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.JSON: "application/json",
    Form.PARQUET: "application/vnd.apache.parquet",
}

SPREADSHEETS = ("en", "de", "fr", "nl", "it", "es", "pl", "da", "sv", "nb", "fi", "cs")
"""Languages whose spreadsheets are known."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """`wanted` says which sessions; of anything else its span alone counts. Energy is of the subject `kind` and `name`,
    empty: of all, in steps. `language`: a CSV for a spreadsheet in that language, with times of `zone`; empty: one for
    programs. `columns`: these alone, if any is named.
    """

    what: Exported
    form: Form
    wanted: SessionFilter
    zone: str
    kind: str = ""
    name: str = ""
    step: Step = Step.QUARTER
    language: str = ""
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.language and self.language not in SPREADSHEETS:
            raise ValueError(f"no spreadsheet is known in {self.language!r:.20}: choose from {', '.join(SPREADSHEETS)}")
        if self.wanted.since >= self.wanted.until:
            raise ValueError("the span ends before it begins")
