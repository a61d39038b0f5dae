"""A tariff file: from YAML to a checked `Tariff`, every problem at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ems.domain.energy.demand_charge import DemandCharge
from ems.domain.energy.price import EnergyPrice
from ems.domain.energy.tariff import Tariff, by_name
from ems.domain.recurrence import ALWAYS, NO_HOLIDAYS, Holidays
from ems.settings.document import Document, read
from ems.settings.draft import Draft
from ems.settings.finding import Finding, has_errors, in_order
from ems.settings.hints import unknown_key
from ems.settings.service import as_holidays, holidays_of
from ems.settings.shape import section_of
from ems.settings.tariff_entries import Entries
from ems.settings.tariff_schema import TariffFile

PARTS = ("energy", "feed_in", "demand", "fixed")


def site_tariff(draft: Draft) -> tuple[Tariff | None, tuple[Finding, ...]]:
    """The tariff of a site; None without findings when it names none, or none that is there (`installation.tariff`)."""
    section, site = draft.shape.tariff, draft.shape.site
    if section is None or site is None:
        return None, ()
    if section.file is None:
        return _sound(tariff_of(draft.document.below("tariff"), site.currency, site.timezone, holidays_of(draft)))
    path = draft.folder / section.file
    if PurePosixPath(section.file).name != section.file:
        return None, ()
    if not path.is_file():
        return None, ()
    return tariff_in(path, site.currency, site.timezone, holidays_of(draft))


def tariff_in(
    path: Path, currency: str, timezone: str, holidays: Holidays = NO_HOLIDAYS
) -> tuple[Tariff | None, tuple[Finding, ...]]:
    """Read a tariff file; `currency`, `timezone` and `holidays` are the site's. None when any finding is an error;
    never raises.
    """
    document, syntax = read(path)
    if document is None:
        return None, syntax
    return _sound(tariff_of(document, currency, timezone, holidays), syntax)


def _sound(
    read_: tuple[Tariff | None, tuple[Finding, ...]], before: tuple[Finding, ...] = ()
) -> tuple[Tariff | None, tuple[Finding, ...]]:
    """The tariff only where nothing about it is an error, with all findings in order."""
    tariff, findings = read_
    found = in_order((*before, *findings))
    return (None if has_errors(found) else tariff), found


def tariff_of(
    document: Document, currency: str, timezone: str, holidays: Holidays = NO_HOLIDAYS
) -> tuple[Tariff | None, tuple[Finding, ...]]:
    """The tariff that a file describes, as far as it is sound, and what is wrong with it. Its own holidays count
    besides those of the site, and for its prices alone.
    """
    findings = list(_unknown_keys(document))
    head, problems = section_of(TariffFile, _head(document.data), document, ())
    findings += problems
    entries = Entries(document, currency)
    energy, feed_in = entries.energy("energy"), entries.energy("feed_in")
    demand, fixed = entries.demand(), entries.fixed()
    findings += entries.findings
    if "energy" in document.data and not document.data["energy"]:
        remedy = "write energy: {procurement: {per_kwh: 0.1234}}"
        findings.append(document.error(("energy",), "'energy' is empty", remedy))
    if head is None:
        return None, tuple(findings)
    findings += _slips(head, document, currency)
    tariff = Tariff(
        name=head.name,
        currency=currency,
        timezone=head.timezone or timezone,
        energy=energy,
        feed_in=feed_in,
        demand=demand,
        fixed=fixed,
        vat_pct=head.vat_pct,
        holidays=holidays.also(as_holidays(head.holidays)),
        billing_day=head.billing_day,
    )
    return tariff, tuple(findings)


def in_words(tariff: Tariff) -> str:
    """The tariff on one line: 'Business 2026: energy by procurement (series day-ahead) + grid fee; demand …'."""
    parts = [
        f"energy by {_energy_in_words(tariff.energy)}",
        f"feed-in by {_energy_in_words(tariff.feed_in)}" if tariff.feed_in else "",
        *(_demand_in_words(versions[-1], tariff.currency) for versions in by_name(tariff.demand)),
        f"fixed charges {', '.join(versions[0].name for versions in by_name(tariff.fixed))}" if tariff.fixed else "",
        f"VAT {tariff.vat_pct:g} %" if tariff.vat_pct else "",
    ]
    return f"{tariff.name}: {'; '.join(part for part in parts if part)}"


def _energy_in_words(parts: Iterable[EnergyPrice]) -> str:
    return " + ".join(
        f"{last.name} (series {last.series})" if last.series is not None
        else f"{last.name} ({len(last.prices)} prices by time)" if len(last.prices) > 1
        else f"{last.name} {last.prices[0].per_kwh:g}"
        for last in (versions[-1] for versions in by_name(parts))
    )  # fmt: skip


def _demand_in_words(charge: DemandCharge, currency: str) -> str:
    when = "" if charge.times == ALWAYS else " at its times"
    every = f"{charge.interval_s // 60} min"
    return f"demand {charge.name} {charge.per_kw:g} {currency}/kW and {charge.period}{when} ({every})"


def _head(data: dict[str, Any]) -> dict[str, Any]:
    """What is known at the top; the entries stand for themselves and are read apart."""
    return {
        key: "" if key in PARTS and value is not None else value
        for key, value in data.items()
        if key in TariffFile.model_fields
    }


def _unknown_keys(document: Document) -> Iterator[Finding]:
    known = list(TariffFile.model_fields)
    for key, value in document.data.items():
        if key not in known:
            hint = unknown_key(key, value, known)
            guess = f": did you mean '{hint.key}'?" if hint.key else ""
            yield document.error((key,), f"unknown key '{key[:60]}'{guess}", hint.remedy)


def _slips(head: TariffFile, document: Document, currency: str) -> Iterator[Finding]:
    if head.currency not in {None, currency}:
        message = f"the tariff is in {head.currency}, the site in {currency}"
        yield document.error(("currency",), message, "give both the same currency")
    if 0 < head.vat_pct < 1:
        message = f"vat_pct is in percent, {head.vat_pct:g} % is hardly meant"
        yield document.error(("vat_pct",), message, f"write vat_pct: {head.vat_pct * 100:g}")
