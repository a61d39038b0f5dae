"""What the site promises to whom, and its public holidays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

from ems.domain.recurrence import NO_HOLIDAYS, Holidays
from ems.domain.service_class import HIGHEST, LOWEST, ServiceClass
from ems.domain.vehicle import Guarantee
from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.service_schema import ClassSection
from ems.settings.tariff_schema import Holiday


def holidays_of(draft: Draft) -> Holidays:
    """The public holidays of a site."""
    section = draft.shape.calendar
    if section is None:
        return NO_HOLIDAYS
    return as_holidays(section.holidays)


def as_holidays(written: tuple[Holiday, ...]) -> Holidays:
    """Days as they were written, those of one year and those of every year."""
    dates = frozenset(day for day in written if isinstance(day, date))
    return Holidays(dates, frozenset(day for day in written if not isinstance(day, date)))


def classes_of(draft: Draft) -> tuple[ServiceClass, ...]:
    """Every class whose number is one, the highest first."""
    return tuple(
        ServiceClass(number, section.name or "", _guarantee(section))
        for number, section in sorted(_numbered(draft.shape.classes), reverse=True, key=lambda one: one[0])
    )


def _numbered(sections: Mapping[str, ClassSection]) -> Iterator[tuple[int, ClassSection]]:
    for key, section in sections.items():
        if (number := _number(key)) is not None:
            yield number, section


def _number(key: str) -> int | None:
    if re.fullmatch(r"0|-?[1-9]\d{0,2}", str(key)) and LOWEST <= int(key) <= HIGHEST:
        return int(key)
    return None


def _guarantee(section: ClassSection) -> Guarantee | None:
    promise = Guarantee(1000.0 * section.guarantee_kwh, section.by, section.minimum_always)
    return None if promise == Guarantee(by=section.by) else promise


def classes(draft: Draft) -> Iterator[Finding]:
    """A class is known by its number, promises something where it says until when, and somebody can be in it."""
    in_use = {evse.priority for evse in draft.evses}
    for key, section in draft.shape.classes.items():
        place, number = ("classes", key), _number(key)
        if number is None:
            remedy = (
                f"write the number that stations name as their priority, {LOWEST} … {HIGHEST}, and the word as name"
            )
            yield draft.document.error(place, f"'{str(key)[:40]}' is not the number of a class", remedy)
        elif section.by is not None and not section.guarantee_kwh:
            message = f"class {number} says by when, but promises no energy"
            yield draft.document.error((*place, "by"), message, "write guarantee_kwh: 20, or remove the time")
        elif in_use and number not in in_use:
            message = f"no EVSE is of class {number}: it holds for vehicles and needs of that class only"
            yield draft.document.warning(
                place, message, f"write priority: {number} at stations or EVSEs, if those are meant"
            )


def calendar(draft: Draft) -> Iterator[Finding]:
    """A calendar that names no holidays is hardly meant."""
    section = draft.shape.calendar
    if section is not None and not section.holidays:
        remedy = "write holidays: [2026-04-03, 12-25], or remove the section"
        yield draft.document.error(("calendar", "holidays"), "holidays is empty", remedy)
