"""Who may charge where, as the site file says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from ems.domain.access.book import AccessMode, Doors
from ems.settings.draft import Draft
from ems.settings.finding import Finding


def doors_of(draft: Draft) -> Doors:
    """Every EVSE with who may charge there: as it says itself, else as its station or the site does."""
    told = draft.shape.access
    modes = {f"{station}/{number}": evse.access or section.access for station, section, number, evse in draft.outlets()}
    site = draft.shape.site
    return Doors(
        mode=told.mode,
        modes={evse: mode for evse, mode in modes.items() if mode is not None and mode is not told.mode},
        free_tag=told.free_tag or "",
        local_lists=told.local_lists,
        claim=timedelta(minutes=told.claim_min),
        zone=ZoneInfo("UTC" if site is None else site.timezone),
        currency="EUR" if site is None else site.currency,
    )


def free_tag(draft: Draft) -> Iterator[Finding]:
    """A tag for free EVSEs where there are none."""
    doors = doors_of(draft)
    evses = [f"{station}/{number}" for station, _, number, _ in draft.outlets()]
    if doors.free_tag and evses and all(doors.mode_of(evse) is AccessMode.TAGS for evse in evses):
        message = "no EVSE is free for everybody, so the free_tag starts nothing"
        remedy = "remove free_tag, or write access: free at the stations that need no card"
        yield draft.document.warning(("access", "free_tag"), message, remedy)


def in_words(doors: Doors, evses: Iterable[str]) -> dict[str, object]:
    """What it says, by the keys of the file, and who may charge at each EVSE."""
    return {
        "mode": doors.mode.value,
        "free_tag": doors.free_tag,
        "local_lists": doors.local_lists,
        "claim_min": doors.claim.total_seconds() / 60,
        **{evse: doors.mode_of(evse).value for evse in evses},
    }
