"""The page of the system: is every part well, is the clock right, is there room, is there a backup."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import Request, Response

from ems.adapters.web.needs import needs
from ems.adapters.web.route import Router
from ems.adapters.web.sheet import Sheet, role_of
from ems.adapters.web.system.api import part_row, system_api
from ems.adapters.web.texts import Calendar, duration
from ems.adapters.web.values import plain, time_of, uncut
from ems.domain.access.account import Role
from ems.domain.system_status import BackupFile, ClockStatus, Condition, DiskStatus, PartStatus, StationAnswer
from ems.ports.system import SystemDesk

MOST_LINES = 60
LITTLE_SHARE, LITTLE_BYTES = 0.1, 2 << 30
WRONG_S = 1.0
SLOW_ANSWER_S = 5.0
"""A limit that takes so long to arrive is felt: other vehicles wait for its proof."""


def system_ways(sheet: Sheet, desk: SystemDesk) -> tuple[Router, Router]:
    """Everything about the system: the interface and the page."""
    router = Router(include_in_schema=False, dependencies=[needs(Role.VIEWER)])

    @router.get("/system")
    @router.head("/system")
    async def system(request: Request) -> Response:
        role, calendar = role_of(request), sheet.calendar()
        disk = await desk.disk()
        return await sheet.page(
            request,
            "system.html",
            parts=[_part(one, calendar) for one in await desk.parts()],
            answers=[_answer(one) for one in desk.answers()],
            versions=[(name, plain(value)) for name, value in desk.versions],
            clock=_clock(await desk.clock()),
            disk=None if disk is None else _disk(disk),
            commands={word: uncut(desk.command(word)) for word in ("backup", "restore")},
            tight=disk is not None and disk.free < min(LITTLE_SHARE * disk.total, LITTLE_BYTES),
            backups=[_backup(one, calendar) for one in await desk.backups()] if role >= Role.ADMIN else [],
            log=[
                {"at": calendar.date(time_of(one.at)), "level": one.level, "text": plain(one.text)}
                for one in desk.log()[:MOST_LINES]
            ]
            if role >= Role.INSTALLER
            else [],
        )

    return system_api(desk), router


def _part(one: PartStatus, calendar: Calendar) -> dict[str, Any]:
    row = part_row(one)
    pace = ""
    if one.latency_s is not None:
        pace = f"answers in {1000 * one.latency_s:.0f} ms"
    elif one.age_s is not None:
        pace = f"{duration(max(0.0, one.age_s))} ago"
    icons = {Condition.GOOD: "check", Condition.WAITS: "hourglass", Condition.BAD: "warning"}
    at = row["last_error_at"]
    return {**row, "icon": icons[one.condition], "pace": pace, "error_at": "" if at is None else calendar.date(at)}


def _answer(one: StationAnswer) -> dict[str, str]:
    return {
        "station": plain(one.station),
        "action": one.action,
        "took": f"{1000 * one.took_s:.0f} ms",
        "ago": duration(max(0.0, one.age_s)),
        "tone": "wait" if one.took_s > SLOW_ANSWER_S else "good",
    }


def _clock(status: ClockStatus) -> dict[str, str]:
    if status.is_kept is None:
        return {"tone": "wait", "words": "nobody can say whether it is kept by a time server"}
    if not status.is_kept:
        return {"tone": "bad", "words": "it is kept by no time server: set one up, for example with systemd-timesyncd"}
    error = status.error_s or 0.0
    tone = "wait" if error > WRONG_S else "good"
    return {"tone": tone, "words": f"it is kept by a time server, and at most {1000 * error:.0f} ms wrong"}


def _disk(disk: DiskStatus) -> list[tuple[str, str]]:
    free = f"{_bytes(disk.free)} of {_bytes(disk.total)}"
    ours = (
        ("database", disk.database),
        ("journal", disk.journal),
        ("uploads", disk.uploads),
        ("backups", disk.backups),
    )
    return [("free", free), *((name, _bytes(size)) for name, size in ours)]


def _bytes(size: int) -> str:
    value, units = float(size), iter(_units())
    unit = next(units)
    while value >= 1024 and unit != "TiB":
        value, unit = value / 1024, next(units)
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def _units() -> Iterator[str]:
    yield from ("B", "KiB", "MiB", "GiB", "TiB")


def _backup(one: BackupFile, calendar: Calendar) -> dict[str, Any]:
    made = calendar.date(time_of(one.made))
    return {"name": one.name, "made": made, "size": _bytes(one.size), "with_secrets": one.with_secrets}
