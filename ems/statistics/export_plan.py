"""Exports that are due by the calendar of the site: what goes out, to whom, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ems.domain.web_address import server_of
from ems.statistics.period import Every, Period


class Content(StrEnum):
    """What goes out: the report as PDF, the sessions that began, or the energy by quarter hours, both as CSV."""

    REPORT = "report"
    SESSIONS = "sessions"
    ENERGY = "energy"


@dataclass(frozen=True, slots=True)
class ToMail:
    """As an attachment to these people."""

    recipients: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.recipients)


@dataclass(frozen=True, slots=True)
class ToSftp:
    """Into a folder of a server, whose key is known. Either a password or a key of ours, each in a file."""

    host: str
    user: str
    host_key: str
    port: int = 22
    folder: str = "."
    password_file: str | None = None
    key_file: str | None = None

    def __str__(self) -> str:
        return f"sftp://{self.user}@{self.host}:{self.port}/{self.folder}"


@dataclass(frozen=True, slots=True)
class ToWebhook:
    """Posted to an address, signed with the secret in a file."""

    url: str
    secret_file: str | None = None

    def __str__(self) -> str:
        return server_of(self.url)


Target = ToMail | ToSftp | ToWebhook


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """`content` of the last whole day, week or month, at the local time `at` of the day `day` (0: Monday … of weeks, 1
    … 28 of months).
    """

    name: str
    content: Content
    every: Every
    target: Target
    at: time = time(6)
    day: int | None = None

    def due(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, Period]:
        """When it was due last at `now` (UTC), and the period that it covers. A time that the clock shows twice counts
        once, the first time; one that it skips counts as much later as the clock was set.
        """
        today = now.astimezone(zone).date()
        current = Period.around(today, self.every, zone)
        at = self._at(current, zone)
        if at > now:
            current = current.before(self.every)
            at = self._at(current, zone)
        return at, current.before(self.every)

    def next_due(self, now: datetime, zone: ZoneInfo) -> datetime:
        """When it is due next after `now`, UTC."""
        current = Period.around(now.astimezone(zone).date(), self.every, zone)
        at = self._at(current, zone)
        if at > now:
            return at
        return self._at(Period.around(current.last + timedelta(days=1), self.every, zone), zone)

    def _at(self, current: Period, zone: ZoneInfo) -> datetime:
        return datetime.combine(self._day(current), self.at, zone).astimezone(UTC)

    def _day(self, current: Period) -> date:
        if self.every is Every.WEEK:
            return current.first + timedelta(days=self.day or 0)
        if self.every is Every.MONTH:
            return current.first + timedelta(days=(self.day or 1) - 1)
        return current.first
