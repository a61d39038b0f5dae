"""The only place of the daemon that reads a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from ems.domain.instant import Instant


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Instant:
        """Read both."""
        return Instant(time.monotonic(), datetime.now(UTC))  # noqa: TID251 - the one place that may
