"""Single values as JSON and people can take them: foreign text inert, numbers finite and short, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from ems.adapters.web.shape import Phases
from ems.domain.instant import Instant
from ems.domain.phases import PhaseAmps
from ems.domain.state import NEVER

MAX_TEXT = 200
_HUGE = 1e15


def plain(text: str) -> str:
    """Foreign text made inert: no control, direction or invisible characters, and no more than a line of it."""
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT - 1] + "…"
    return uncut(text)


def uncut(text: str) -> str:
    """The same at its whole length: for what people take over as it stands, as a command or an address."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def number(value: float | None) -> float | None:
    """Two digits behind the point; None for what is unknown, endless or not a number."""
    if value is None or not -_HUGE < value < _HUGE:
        return None
    return round(value, 2) + 0.0


def phases(values: PhaseAmps, there: PhaseAmps = (1.0, 1.0, 1.0)) -> Phases:
    """One value per phase; null for a phase that is not `there`."""
    one, two, three = there
    return {
        "L1": number(values[0]) if one else None,
        "L2": number(values[1]) if two else None,
        "L3": number(values[2]) if three else None,
    }


def age(now: Instant, at: float) -> float | None:
    """Seconds since a monotonic time, never negative; None for never."""
    return None if at <= NEVER else round(max(0.0, now.monotonic_s - at), 1)


def moment(now: Instant, monotonic_s: float) -> str | None:
    """A monotonic time in words; None for never."""
    return None if monotonic_s <= NEVER else time_of(now.utc_at(monotonic_s))


@lru_cache(maxsize=8192)
def time_of(at: datetime) -> str:
    """A time in words, ISO 8601 in UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds")
