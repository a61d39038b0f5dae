"""What is to be asked of stations when they return, in a file of the state folder: a restart loses none of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from ems.domain.remote.outcome import Asked, Outcome, Verdict
from ems.domain.remote.request import CancelReservation, SetAvailability, StationRequest, WriteVariables
from ems.runtime.remote import KEPT
from ems.settings.atomic import replace_file

log = logging.getLogger(__name__)

FILE = "kept-requests.json"


def read_kept(folder: Path) -> tuple[Asked, ...]:
    """What an earlier life of ours kept; what cannot be read is left out, and said."""
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as wrong:
        log.warning("remote.kept-unreadable %s: %s", folder / FILE, wrong)
        return ()
    kept = []
    for row in rows if isinstance(rows, list) else ():
        try:
            kept.append(_asked(row))
        except (KeyError, TypeError, ValueError) as wrong:
            log.warning("remote.kept-unreadable %s: %r", folder / FILE, wrong)
    return tuple(kept)


def write_kept(folder: Path, kept: Iterable[Asked]) -> None:
    """Put all of it into the file. Raises OSError."""
    rows = [
        {
            "number": one.number,
            "station": one.station,
            "what": type(one.request).__name__,
            "request": asdict(one.request),
            "who": one.who,
            "at": one.at.isoformat(),
            "warnings": one.warnings,
        }
        for one in kept
    ]
    replace_file(folder / FILE, json.dumps(rows, indent=1).encode())


def _asked(row: dict[str, Any]) -> Asked:
    outcome = Outcome(Verdict.KEPT, KEPT)
    at = datetime.fromisoformat(row["at"])
    request = _request(row["what"], row["request"])
    return Asked(int(row["number"]), str(row["station"]), request, str(row["who"]), at, outcome, tuple(row["warnings"]))


def _request(what: str, told: dict[str, Any]) -> StationRequest:
    match what:
        case "SetAvailability":
            return SetAvailability(told["evse"], bool(told["operative"]), str(told.get("note", "")))
        case "WriteVariables":
            return WriteVariables(tuple((str(name), str(value)) for name, value in told["values"]))
        case "CancelReservation":
            return CancelReservation(int(told["reservation"]))
    raise ValueError(f"{what!r:.40} is not kept")
