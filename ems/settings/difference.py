"""What differs between two revisions of a site, in words, and what of it needs a restart."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ems.domain.access.account import Role
from ems.domain.limit import LimitWindow
from ems.domain.phases import Phase, PhaseAmps
from ems.domain.recurrence import Holidays
from ems.domain.service_class import ServiceClass
from ems.domain.station import Evse
from ems.settings.build import SiteSettings
from ems.settings.doors import in_words


class Difference(NamedTuple):
    """One line for people. What `needs_restart` does not take effect on reload: installation facts never change while
    currents flow that were decided with the old ones.
    """

    text: str
    needs_restart: bool

    def __str__(self) -> str:
        return f"{self.text} ({'needs a restart' if self.needs_restart else 'takes effect at once'})"


def difference(old: SiteSettings, new: SiteSettings) -> tuple[Difference, ...]:
    """Every difference that means something, installation first. Comments and order mean nothing."""
    return (
        *_changed("site", _site_facts(old), _site_facts(new)),
        *_entries("circuit", {c.id: c for c in old.site.circuits}, {c.id: c for c in new.site.circuits}),
        *_entries("meter", _meters(old), _meters(new)),
        *_entries("battery", {b.id: b for b in old.site.batteries}, {b.id: b for b in new.site.batteries}),
        *_entries("station", _stations(old), _stations(new)),
        *_entries("EVSE", {e.id: e for e in old.site.evses}, {e.id: e for e in new.site.evses}),
        *_changed("ocpp", dataclasses.asdict(old.ocpp), dataclasses.asdict(new.ocpp)),
        *_changed("uploads", dataclasses.asdict(old.uploads), dataclasses.asdict(new.uploads)),
        *_changed("web", dataclasses.asdict(old.web), dataclasses.asdict(new.web)),
        *_changed("payment", dataclasses.asdict(old.payment), dataclasses.asdict(new.payment)),
        *_one("oidc", old.oidc, new.oidc, needs_restart=True),
        *_ocpi(old, new),
        *_one("mail", old.mail, new.mail),
        *_changed("reports", _reports(old), _reports(new), needs_restart=False),
        *_entries("export", _exports(old), _exports(new), needs_restart=False),
        *_changed("drivers", dataclasses.asdict(old.drivers), dataclasses.asdict(new.drivers), needs_restart=False),
        *_entries("webhook", _webhooks(old), _webhooks(new), needs_restart=False),
        *_entries("mqtt broker", _mqtt(old), _mqtt(new), needs_restart=False),
        *_changed("alarms", _fields(old.notices.patience), _fields(new.notices.patience), needs_restart=False),
        *_one("alarms by mail", old.notices.mail, new.notices.mail),
        *_changed("policy", _fields(old.site.policy), _fields(new.site.policy), needs_restart=False),
        *_limits(old.site.limits, new.site.limits),
        *_classes(old, new),
        *_holidays(old, new),
        *_changed("access", _doors(old), _doors(new), needs_restart=False),
        *_passwords(old, new),
        *_tariff(old, new),
    )


def applied(old: SiteSettings, new: SiteSettings) -> SiteSettings:
    """What may run after a reload: the old installation with the new policy, limits, classes, holidays, passwords,
    roaming partners, assumptions and exports of reports, and whoever is told of what.

    The text is the new one. While something waits for the restart, the revision names both files. A limit on something
    that only the new file has waits too.
    """
    waits = any(line.needs_restart for line in difference(old, new))
    known = {*(c.id for c in old.site.circuits), *(evse.id for evse in old.site.evses)}
    limits = tuple(limit for limit in new.site.limits if limit.scope in known)
    return dataclasses.replace(
        old,
        text=new.text,
        revision=f"{old.revision.partition('+')[0]}+{new.revision}" if waits else new.revision,
        site=dataclasses.replace(
            old.site,
            policy=new.site.policy,
            limits=limits,
            classes=new.site.classes,
            holidays=new.site.holidays,
        ),
        access={station: new.access.get(station, password) for station, password in old.access.items()},
        doors=new.doors,
        drivers=new.drivers,
        mail=new.mail,
        notices=new.notices,
        reports=new.reports,
        # Whether there is roaming at all waits: its paths are made at the start.
        ocpi=old.ocpi if old.ocpi is None or new.ocpi is None else new.ocpi,
        tariff=new.tariff,
        tariff_file=new.tariff_file,
    )


def _changed(
    what: str, old: Mapping[str, Any], new: Mapping[str, Any], needs_restart: bool = True
) -> Iterator[Difference]:
    for key in new:
        if old.get(key) != new[key]:
            yield Difference(f"{what}: {key} {_shown(old.get(key))} → {_shown(new[key])}", needs_restart)


def _entries(
    what: str, old: Mapping[str, Any], new: Mapping[str, Any], needs_restart: bool = True
) -> Iterator[Difference]:
    for name in old:
        if name not in new:
            yield Difference(f"{what} {name} is gone", needs_restart)
    for name, record in new.items():
        if name not in old:
            yield Difference(f"{what} {name} is new", needs_restart)
        else:
            yield from _changed(f"{what} {name}", _fields(old[name]), _fields(record), needs_restart)


def _limits(old: tuple[LimitWindow, ...], new: tuple[LimitWindow, ...]) -> Iterator[Difference]:
    for limit in (x for x in old if x not in new):
        yield Difference(f"limit gone: {limit_in_words(limit)}", False)
    for limit in (x for x in new if x not in old):
        yield Difference(f"limit new: {limit_in_words(limit)}", False)


def limit_in_words(limit: LimitWindow) -> str:
    """'contract: 80 kW on grid'."""
    amounts = [
        f"{limit.max_a:g} A" if limit.max_a is not None else "",
        f"{limit.max_w / 1000:g} kW" if limit.max_w is not None else "",
    ]
    return f"{limit.source}: {' and '.join(a for a in amounts if a)} on {limit.scope}"


def _classes(old: SiteSettings, new: SiteSettings) -> Iterator[Difference]:
    for number in sorted({known.number for known in (*old.site.classes, *new.site.classes)}, reverse=True):
        was, now = old.site.service_class(number), new.site.service_class(number)
        if was != now:
            yield Difference(f"{class_in_words(was)} → {class_in_words(now)}", False)


def class_in_words(known: ServiceClass) -> str:
    """'class 2, buses: at least 20 kWh by 05:10'."""
    return f"{known.label}: {'nothing' if known.guarantee is None else known.guarantee.in_words}"


def _holidays(old: SiteSettings, new: SiteSettings) -> Iterator[Difference]:
    names = [days_in_words(settings.site.holidays) for settings in (old, new)]
    for word, days in (("gone", names[0] - names[1]), ("new", names[1] - names[0])):
        if days:
            yield Difference(f"holidays {word}: {', '.join(sorted(days))}", False)


def days_in_words(holidays: Holidays) -> set[str]:
    """'2026-04-03', or '12-25' for every year."""
    return {day.isoformat() for day in holidays.dates} | {f"{month:02}-{day:02}" for month, day in holidays.yearly}


def _ocpi(old: SiteSettings, new: SiteSettings) -> Iterator[Difference]:
    if (old.ocpi is None) != (new.ocpi is None):
        yield Difference("ocpi is new" if old.ocpi is None else "ocpi is gone", True)
    elif old.ocpi is not None and new.ocpi is not None:
        yield from _changed("ocpi", _fields(old.ocpi.operator), _fields(new.ocpi.operator), needs_restart=False)
        known = [{one.id: one for one in told.partners} for told in (old.ocpi, new.ocpi)]
        yield from _entries("partner", known[0], known[1], needs_restart=False)


def _doors(settings: SiteSettings) -> Mapping[str, Any]:
    return in_words(settings.doors, (evse.id for evse in settings.site.evses))


def _passwords(old: SiteSettings, new: SiteSettings) -> Iterator[Difference]:
    for station in old.access:
        if station in new.access and (old.access[station] is None) != (new.access[station] is None):
            now = "needs no password any more" if new.access[station] is None else "needs a password now"
            yield Difference(f"station {station} {now}", False)


def _tariff(old: SiteSettings, new: SiteSettings) -> Iterator[Difference]:
    names = [None if s.tariff is None else s.tariff.name for s in (old, new)]
    if names[0] != names[1]:
        yield Difference(f"tariff: {_shown(names[0])} → {_shown(names[1])}", False)
    elif old.tariff != new.tariff:
        yield Difference(f"tariff: what {_shown(names[1])} says has changed", False)


def _site_facts(settings: SiteSettings) -> dict[str, Any]:
    site = settings.site
    return {"name": site.name, "timezone": site.timezone, "currency": site.currency, "voltage_v": site.voltage_v}


def _meters(settings: SiteSettings) -> dict[str, dict[str, Any]]:
    roles = {meter.id: _fields(meter) for meter in settings.site.meters}
    return {meter.id: {**roles[meter.id], **_fields(meter)} for meter in settings.meters}


def _stations(settings: SiteSettings) -> dict[str, dict[str, Any]]:
    return {s.id: {"model": "auto" if s.id in settings.recognisable else s.model.id} for s in settings.site.stations}


def _reports(settings: SiteSettings) -> dict[str, Any]:
    return {
        name: getattr(settings.reports, name)
        for name in ("co2_g_per_kwh", "co2_series", "co2_pv_g_per_kwh", "names_days")
    }


def _exports(settings: SiteSettings) -> dict[str, Any]:
    return {plan.name: plan for plan in settings.reports.exports}


def _webhooks(settings: SiteSettings) -> dict[str, Any]:
    return {one.name: one for one in settings.notices.webhooks}


def _mqtt(settings: SiteSettings) -> dict[str, Any]:
    return {} if settings.notices.mqtt is None else {settings.notices.mqtt.host: settings.notices.mqtt}


def _one(what: str, old: Any, new: Any, needs_restart: bool = False) -> Iterator[Difference]:
    """Something that is there once or not at all."""
    if (old is None) != (new is None):
        yield Difference(f"{what}: {'new' if old is None else 'gone'}", needs_restart)
    elif old is not None:
        yield from _changed(what, _fields(old), _fields(new), needs_restart)


def _fields(record: Any) -> dict[str, Any]:
    if isinstance(record, dict):
        return record
    hidden = {"id", "station", "number"} if isinstance(record, Evse) else {"id"}
    return {f.name: getattr(record, f.name) for f in dataclasses.fields(record) if f.name not in hidden}


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple) and len(value) == len(Phase) and all(isinstance(v, float) for v in value):
        return amps_in_words(value)
    if isinstance(value, tuple):
        return " ".join(p.name if isinstance(p, Phase) else str(p) for p in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items()) or "none"
    if isinstance(value, Role):
        return value.word
    return f"{value:g}" if isinstance(value, float) else str(value)


def amps_in_words(amps: PhaseAmps) -> str:
    """'63' when all phases are equal, else '63/63/50'."""
    return f"{amps[0]:g}" if len(set(amps)) == 1 else "/".join(f"{a:g}" for a in amps)
