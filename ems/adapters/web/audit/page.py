"""The trail of what people did: only ever added to, searched by words and days, and handed out as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse

from ems.adapters.web.needs import needs
from ems.adapters.web.problem import problem
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import Sheet
from ems.adapters.web.values import plain
from ems.domain.access.account import Role
from ems.domain.record.history import Audit
from ems.ports.controller import NotStoredError
from ems.ports.past import Past

SHOWN = 100
PIECE, MOST_ROWS = 500, 200_000
MOST_DETAIL = 4000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a spreadsheet would carry out, or take for the sign that it must not."""

BOM = "\ufeff"


class Asked(NamedTuple):
    """What is looked for."""

    words: str
    since: datetime | None
    until: datetime | None


Words = Annotated[str, Query(max_length=200)]
Day = Annotated[str, Query(max_length=10, pattern=r"^(\d{4}-\d\d-\d\d)?$")]
Before = Annotated[int | None, Query(ge=0, lt=2**63)]


def audit_pages(sheet: Sheet, past: Past) -> Router:
    """The page and its table."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.OPERATOR)])

    def asked(words: str, since: str, until: str) -> Asked:
        """Days are those of the site, both included. Raises ValueError."""
        zone = sheet.live.state.site.zone

        def midnight(day: str, days: int) -> datetime | None:
            if not day:
                return None
            begun = datetime.combine(date.fromisoformat(day) + timedelta(days), time(), zone)
            return begun.astimezone(UTC)

        return Asked(words, midnight(since, 0), midnight(until, 1))

    @router.get("/audit")
    @router.head("/audit")
    async def audit(
        request: Request, words: Words = "", since: Day = "", until: Day = "", before: Before = None
    ) -> Response:
        try:
            found = await past.audits(before, SHOWN + 1, *asked(words, since, until))
        except (ValueError, OverflowError):
            return problem(422, "write a day of the calendar as 2026-03-29", "bad-day")
        except NotStoredError as wrong:
            return problem(503, str(wrong), "not-readable")
        filters = {name: value for name, value in (("words", words), ("since", since), ("until", until)) if value}
        more = found[SHOWN - 1].id if len(found) > SHOWN else None
        return await sheet.page(
            request,
            "audit.html",
            rows=[_row(one, sheet) for one in found[:SHOWN]],
            words=words,
            since=since,
            until=until,
            older="" if more is None else urlencode({**filters, "before": more}),
            newest=before is None,
            table=urlencode(filters),
        )

    @router.get("/audit.csv")
    async def table(words: Words = "", since: Day = "", until: Day = "") -> Response:
        try:
            wanted = asked(words, since, until)
            first = await past.audits(None, PIECE, *wanted)
        except (ValueError, OverflowError):
            return problem(422, "write a day of the calendar as 2026-03-29", "bad-day")
        except NotStoredError as wrong:
            return problem(503, str(wrong), "not-readable")
        name = f"audit-{sheet.clock.now().utc:%Y%m%d-%H%M%S}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return StreamingResponse(_table(sheet, past, wanted, first), 200, headers, "text/csv; charset=utf-8")

    return router


async def _table(sheet: Sheet, past: Past, wanted: Asked, first: Sequence[Audit]) -> AsyncIterator[bytes]:
    """The newest first, piece by piece; a database that cannot be read any more ends it with a line that says so."""
    zone, piece, told = sheet.live.state.site.zone, first, 0
    yield (BOM + _lines([("time", "who", "what", "detail")])).encode()
    while piece and told < MOST_ROWS:
        told += len(piece)
        rows = [
            (one.at.astimezone(zone).isoformat(sep=" ", timespec="seconds"), one.who, one.what, one.detail)
            for one in piece
        ]
        yield _lines(rows).encode("utf-8", "replace")
        if len(piece) < PIECE:
            return
        try:
            piece = await past.audits(piece[-1].id, PIECE, *wanted)
        except NotStoredError as wrong:
            yield _lines([("", "", "incomplete", str(wrong))]).encode()
            return


def _lines(rows: Sequence[tuple[str, ...]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([_inert(cell) for cell in row] for row in rows)
    return text.getvalue()


def _inert(cell: str) -> str:
    shown = cell.replace("\0", "\ufffd")
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def _row(one: Audit, sheet: Sheet) -> dict[str, Any]:
    local = one.at.astimezone(sheet.live.state.site.zone)
    try:
        detail = json.loads(one.detail)
        told = json.dumps(detail, indent=1, ensure_ascii=False)
    except ValueError:
        detail, told = one.detail, one.detail
    shown = "\n".join(plain(line) for line in told[:MOST_DETAIL].splitlines())
    return {
        "at": f"{local:%a %d %b %Y %H:%M:%S}",
        "who": plain(one.who),
        "what": plain(_spaced(one.what)),
        "about": plain(_about(detail)),
        "detail": shown + ("\n…" if len(told) > MOST_DETAIL else ""),
    }


def _rows(detail: dict[str, Any]) -> list[str]:
    """The rows that were changed, each by its table and what names it."""
    told = detail.get("after") or detail.get("before")
    rows = told if isinstance(told, list) else []
    names = (
        (
            row.get("table", ""),
            [row[key] for key in ("id", "vehicle", "number", "scope", "value", "at") if key in row][:2],
        )
        for row in rows
        if isinstance(row, dict)
    )
    return [" ".join(map(str, (table, *name))).replace("_", " ") for table, name in names]


def _spaced(name: str) -> str:
    """`LimitReceived` as people write it."""
    return "".join(f" {letter.lower()}" if k and letter.isupper() else letter for k, letter in enumerate(name))


def _about(detail: Any) -> str:
    """What it was about, in a few words."""
    if not isinstance(detail, dict):
        return str(detail)
    parts = list(_rows(detail))
    for key, value in detail.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            parts.append(f"{key} {value}")
        elif isinstance(value, dict) and key in {"request", "outcome", "after"}:
            inner = [f"{name} {one}" for name, one in value.items() if isinstance(one, str | int | float) and one != ""]
            parts += inner[:4]
        elif isinstance(value, dict):
            parts.append(key)
    return ", ".join(dict.fromkeys(parts[:6]))
