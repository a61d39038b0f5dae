"""The installation in plain values."""

from __future__ import annotations

from collections.abc import Iterable

from ems.adapters.web.values import number, plain, time_of
from ems.adapters.web.wizard.shape import (
    AcceptanceRow,
    ConnectionTestRow,
    DifferenceRow,
    DraftRow,
    MeterTestRow,
    ProofRow,
    RecordRow,
)
from ems.domain.remote.commissioning import CommissioningRecord
from ems.domain.remote.proof import Acceptance, Proof
from ems.ports.site import ConnectionTest, DraftView, FileDifference, MeterTest


def draft_row(view: DraftView) -> DraftRow:
    """The draft."""
    return {
        "path": view.path,
        "data": dict(view.data),
        "findings": [
            {
                "line": one.line,
                "severity": one.severity,
                "message": one.message,
                "remedy": one.remedy,
                "section": one.section,
                "entry": one.entry,
                "route": list(one.route),
            }
            for one in view.findings
        ],
        "site": None if view.site is None else dict(view.site),
        "diff": view.diff,
        "differences": difference_rows(view.differences),
        "begun": view.is_begun,
        "overtaken": view.is_overtaken,
        "awaits_restart": view.awaits_restart,
        "can_restart": view.can_restart,
        "observes": view.observes,
        "who": view.who,
    }


def difference_rows(differences: Iterable[FileDifference]) -> list[DifferenceRow]:
    """What is otherwise."""
    return [{"text": plain(one.text), "needs_restart": one.needs_restart} for one in differences]


def test_row(test: MeterTest) -> MeterTestRow:
    """What a meter said."""
    return {
        "seconds": test.seconds,
        "trouble": plain(test.trouble),
        "volts": [number(value) for value in test.volts],
        "amps": [number(value) for value in test.amps],
        "watts": [number(value) for value in test.watts],
        "total_w": number(test.total_w),
        "import_wh": number(test.import_wh),
        "soc_percent": None if test.soc is None else number(100.0 * test.soc),
        "storage_w": number(test.storage_w),
        "hints": list(test.hints),
        "rows": [
            {"name": r.name, "register": r.register, "type": r.type, "raw": r.raw, "value": plain(r.value)}
            for r in test.rows
        ],
    }


def connection_row(test: ConnectionTest) -> ConnectionTestRow:
    """What came of trying something out."""
    return {"seconds": test.seconds, "seen": [plain(text) for text in test.seen], "trouble": plain(test.trouble)}


def proof_row(proof: Proof) -> ProofRow:
    """A test of an outlet."""
    return {
        "station": proof.station,
        "evse": proof.evse,
        "who": plain(proof.who),
        "maker": plain(proof.maker),
        "began": time_of(proof.began),
        "ended": None if proof.ended is None else time_of(proof.ended),
        "verdict": proof.verdict.value,
        "steps": [
            {"name": step.name, "verdict": step.verdict.value, "words": plain(step.words), "seconds": step.seconds}
            for step in proof.steps
        ],
    }


def acceptance_row(run: Acceptance) -> AcceptanceRow:
    """A supervised run."""
    return {
        "who": plain(run.who),
        "began": time_of(run.began),
        "ends": time_of(run.ends),
        "over": run.is_over,
        "watched_s": round(run.watched_s),
        "armed": run.armed,
        "energy_wh": round(run.energy_wh),
        "most_vehicles": run.most_vehicles,
        "revision": run.revision,
        "peaks": [
            {
                "circuit": peak.circuit,
                "most_a": number(peak.most_a),
                "limit_a": round(peak.limit_a, 1),
                "over_s": round(peak.over_s),
            }
            for peak in run.peaks
        ],
        "alarms": [plain(text) for text in run.alarms],
    }


def record_row(record: CommissioningRecord) -> RecordRow:
    """A commissioning record."""
    told = record.told
    return {
        "number": record.number,
        "at": time_of(record.at),
        "who": plain(record.who),
        "site": plain(told.site),
        "revision": told.revision,
        "file_sha256": told.file_sha256,
        "complete": told.is_complete,
        "note": told.note,
        "parts": [
            {"title": part.title, "columns": list(part.columns), "rows": [list(row) for row in part.rows]}
            for part in told.parts
        ],
        "previous": record.previous,
        "sha256": record.digest,
    }
