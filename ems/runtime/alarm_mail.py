"""Alarms by mail: many in one, in words; at night only what is serious."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ems.domain.alarm.delivery import QuietHours
from ems.domain.alarm.notice import Notice, Topic
from ems.ports.delivery import Mail

MOST = 200
"""Alarms in one mail."""

SERIOUS = frozenset({"hold", "fallback", "floor", "zero", "lockout"})
WORDS = {Topic.ALARM_RAISED: "New", Topic.ALARM_CLEARED: "Over", Topic.TEST: "Test"}
STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class AlarmMailer:
    """A `Target`. `gather_s`: how long the first waits for others. `public_url`: where the page is, if people can reach
    it.
    """

    mail: Mail
    to: tuple[str, ...]
    site: Callable[[], str] = field(compare=False)
    zone: Callable[[], ZoneInfo] = field(compare=False)
    gather_s: float = 60.0
    quiet: QuietHours | None = None
    cleared: bool = True
    public_url: str = ""
    name: str = "mail"
    most: int = MOST

    @property
    def address(self) -> str:
        """Whom it reaches."""
        return ", ".join(self.to)

    @property
    def topics(self) -> frozenset[Topic]:
        """Alarms."""
        return frozenset({Topic.ALARM_RAISED, *((Topic.ALARM_CLEARED,) if self.cleared else ())})

    def hold_s(self, waiting: Sequence[Notice], now: datetime) -> float:
        """A test goes at once, what is serious when others had time to join it, the rest not before the quiet hours are
        over.
        """
        if any(one.topic is Topic.TEST for one in waiting):
            return 0.0
        urgent = any(one.topic is Topic.ALARM_RAISED and one.data.get("level") in SERIOUS for one in waiting)
        quiet_s = 0.0 if urgent else self._quiet_s(now)
        return max(quiet_s, self.gather_s - (now - waiting[0].at).total_seconds())

    def _quiet_s(self, now: datetime) -> float:
        """Until the quiet hours are over; looked for in steps, so that a change of the clocks is none of our affair."""
        if self.quiet is None or not self.quiet.holds(now.astimezone(self.zone())):
            return 0.0
        return STEP.total_seconds()

    async def deliver(self, notices: Sequence[Notice], attempt: int) -> str:
        """Write one mail of all."""
        del attempt
        subject, text = written(notices, self.site(), self.zone(), self.public_url)
        refused = await self.mail.send(self.to, subject, text, key=" ".join(one.id for one in notices))
        return "sent" if not refused else f"sent, but not to {', '.join(refused)}"

    async def close(self) -> None:
        """Each mail has a connection of its own."""


def written(notices: Sequence[Notice], site: str, zone: ZoneInfo, public_url: str = "") -> tuple[str, str]:
    """Subject and text of a mail. An alarm that is over before anybody read of it is told in one line."""
    raised = [one for one in notices if one.topic is Topic.ALARM_RAISED]
    over = {one.data.get("alarm") for one in notices if one.topic is Topic.ALARM_CLEARED}
    lasting = [one for one in raised if one.data.get("alarm") not in over]
    if lasting:
        what = lasting[0].data["text"] if len(lasting) == 1 else f"{len(lasting)} alarms"
    elif any(one.topic is Topic.TEST for one in notices):
        what = "a test"
    else:
        what = "over: " + str(notices[0].data.get("text", "")) if len(notices) == 1 else "alarms are over"
    lines = [line for one in notices for line in _lines(one, zone)]
    where = f"{public_url}/alarms" if public_url else ""
    return f"{site}: {what}", "\n".join([*lines, *(("Who has seen it says so at", where) if where else ())]) + "\n"


def _lines(one: Notice, zone: ZoneInfo) -> list[str]:
    local = one.at.astimezone(zone)
    head = f"{WORDS.get(one.topic, one.topic.value)}, {local:%d %b %Y %H:%M}: {one.data.get('text', '')}"
    if one.topic is not Topic.ALARM_RAISED:
        return [head, ""]
    said = [f"  {one.data[name]}" for name in ("hint", "remedy") if one.data.get(name)]
    members = one.data.get("members") or []
    if len(members) > 1:
        said.append(f"  {', '.join(members[:30])}{', …' if len(members) > 30 else ''}")
    return [head, *said, ""]
