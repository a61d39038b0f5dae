"""What people tell reports."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from ems.adapters.web.body import Body, Moment
from ems.domain.site import Site
from ems.domain.unknown import UnknownError
from ems.statistics.record import Excluded, Exclusion

LONGEST = timedelta(days=366)


class ExcludedBody(Body):
    """A time that does not count against the uptime of an EVSE, a station or, without a scope, of all."""

    scope: str = Field("", max_length=100, description="An EVSE, a station, or nothing for all", examples=["CP-01"])
    begins: Moment = Field(description="From when, with the offset of its time zone")
    ends: Moment = Field(description="Until when")
    cause: Exclusion = Field(description="Why it is beyond the operator's control, as the rule names it")
    note: str = Field("", max_length=300, description="For those who read it later")

    def excluded(self, site: Site, now: datetime, who: str) -> Excluded:
        """As it is kept. Raises UnknownError or ValueError."""
        if self.scope and site.evse_index(self.scope) is None and site.station_index(self.scope) is None:
            raise UnknownError(f"the site has no EVSE or station {self.scope[:64]!r}")
        if self.ends <= self.begins:
            raise ValueError("it ends before it begins")
        if self.ends - self.begins > LONGEST:
            raise ValueError("that is longer than a year; say it by years")
        if self.begins > now + LONGEST:
            raise ValueError("that begins more than a year ahead: check the year")
        note = " ".join(self.note.split())
        if not note.isprintable():
            raise ValueError("a note has only characters that can be printed")
        begin_s, end_s = int(self.begins.timestamp()), int(self.ends.timestamp())
        return Excluded(0, self.scope, begin_s, end_s, self.cause, note, who)
