"""The languages of drivers: English as the code says it, and one file for each other.

A catalogue is a `.po` file named after its language, as translators know them. It is read as it is: a
fresh checkout, an installed wheel and a file that somebody puts beside `site.yaml` (folder `languages`) all work
without anything being built. What a catalogue does not say is said in English.
"""

from __future__ import annotations

import asyncio
import gettext
import io
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_time, get_day_names
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_decimal, get_currency_symbol, parse_pattern

from ems.domain.billing.money import decimals

log = logging.getLogger(__name__)

ENGLISH, WRITTEN_AS = "en", "en_GB"
"""English of no country in particular, whose days come before months and have 24 hours."""

MAX_CATALOGUE = 1_000_000
MAX_ACCEPTED = 20
KWH = Decimal(1000)


class Language:
    """Says things as people of one language say them. `code` is that of HTML, as de or pt-BR."""

    def __init__(self, locale: Locale, known: gettext.NullTranslations, code: str = "") -> None:
        self.locale, self._known = locale, known
        self.code = code or str(locale).replace("_", "-")
        known_as = locale.language_name if code else locale.display_name
        self.name = (known_as or self.code).capitalize()
        self.direction = locale.text_direction
        self._warm_up()

    def _warm_up(self) -> None:
        """Read what its locale needs now, from disk: later nobody may wait for that."""
        self.days()
        self.money(Decimal(1), "EUR")
        self.moment(datetime.fromtimestamp(0, UTC), ZoneInfo("UTC"))

    def say(self, text: str, **values: object) -> str:
        """A sentence of the code in this language, with its gaps filled."""
        said = self._known.gettext(text)
        try:
            return said % values if values else said
        except (KeyError, ValueError, TypeError):
            # A catalogue of somebody else may get a gap wrong; the sentence still has to be said.
            return text % values

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount, with all the digits that it has, and at least those of its currency."""
        written = self.locale.currency_formats["standard"].pattern
        if get_currency_symbol(currency, self.locale)[-1:].isalpha():
            # CHF 0.45 and not CHF0.45, as the locale data of Unicode have it (currency spacing).
            written = written.replace("¤#", "¤\u00a0#")
        pattern = parse_pattern(written)
        places = max(decimals(currency), -int(amount.normalize().as_tuple().exponent))
        pattern.frac_prec = (places, places)
        return str(pattern.apply(amount, self.locale, currency=currency, currency_digits=False))

    def number(self, value: float | Decimal, places: int = 1) -> str:
        """A number with so many places."""
        return str(format_decimal(value, format=f"#,##0.{'0' * places}" if places else "#,##0", locale=self.locale))

    def kwh(self, watt_hours: float, places: int = 1) -> str:
        """An energy."""
        return f"{self.number(Decimal(round(watt_hours)) / KWH, places)}\u00a0kWh"

    def kw(self, watts: float) -> str:
        """A power."""
        return f"{self.number(watts / 1000)}\u00a0kW"

    def lasting(self, seconds: int) -> str:
        """A time in whole minutes."""
        hours, minutes = divmod(max(0, seconds) // 60, 60)
        if not hours:
            return self.say("%(minutes)s min", minutes=minutes)
        return self.say("%(hours)s h %(minutes)s min", hours=hours, minutes=minutes)

    def percent(self, value: Decimal) -> str:
        """A share, with the digits that it has."""
        return f"{format_decimal(value, locale=self.locale)}\u00a0%"

    def clock(self, at: datetime, zone: ZoneInfo, today: datetime) -> str:
        """A time of day, with the weekday unless it is today."""
        local = at.astimezone(zone)
        time = str(format_time(local, "short", locale=self.locale))
        if local.date() == today.astimezone(zone).date():
            return time
        return f"{self.days()[local.weekday()]} {time}"

    def moment(self, at: datetime, zone: ZoneInfo) -> str:
        """A day with its time, and which of both it is where clocks are set back."""
        local = at.astimezone(zone)
        told = format_datetime(local, "medium", locale=self.locale)
        return f"{told} {format_datetime(local, 'z', locale=self.locale)}"

    def days(self) -> Mapping[int, str]:
        """The weekdays in short, 0 is Monday."""
        return dict(get_day_names("abbreviated", locale=self.locale))


class Languages:
    """All that there are. They are read when the first driver comes: what calendars and currencies of a language need
    is megabytes, and many sites have no drivers with phones.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._folders = tuple(folders)

    async def ready(self) -> None:
        """Return when they have been read, which takes too long for the loop."""
        if "_found" not in self.__dict__:
            await asyncio.to_thread(lambda: self._found)

    @cached_property
    def _found(self) -> Mapping[str, Language]:
        found = {ENGLISH: Language(Locale.parse(WRITTEN_AS), gettext.NullTranslations(), ENGLISH)}
        shipped = resources.files("ems.adapters.web.driver").joinpath("languages")
        for source in (*_catalogues(shipped), *(one for folder in self._folders for one in _own(folder))):
            language = _read(source)
            if language is not None:
                found[language.code.lower()] = language
        return found

    @property
    def shown(self) -> tuple[Language, ...]:
        """In the order in which they are offered."""
        return tuple(self._found.values())

    def of(self, code: str) -> Language | None:
        """The language of a code; None where there is none."""
        return self._found.get(code.lower().replace("_", "-")[:20])

    def chosen(self, wanted: str, accepted: str) -> Language:
        """The one that somebody chose, else the one that their browser would like best (RFC 9110, section 12.5.4)."""
        chosen = self.of(wanted) if wanted else None
        if chosen is not None:
            return chosen
        for code in _in_order(accepted):
            for part in (code, code.partition("-")[0]):
                found = self.of(part)
                if found is not None:
                    return found
        return self._found[ENGLISH]


def _in_order(accepted: str) -> list[str]:
    found = []
    for position, part in enumerate(accepted[:500].split(",")[:MAX_ACCEPTED]):
        code, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        if 0.0 < weight <= 1.0:
            found.append((-weight, position, code.strip()))
    return [code for _, _, code in sorted(found)]


def _catalogues(folder: Traversable) -> Iterator[Traversable]:
    yield from sorted((one for one in folder.iterdir() if one.name.endswith(".po")), key=lambda one: one.name)


def _own(folder: Path) -> Iterator[Traversable]:
    if folder.is_dir():
        yield from _catalogues(folder)


def _read(source: Traversable) -> Language | None:
    """A catalogue as it is used; one that cannot be is named in the log and left out."""
    try:
        locale = Locale.parse(source.name.removesuffix(".po"), sep="-" if "-" in source.name else "_")
        content = source.read_bytes()[:MAX_CATALOGUE]
        catalogue = read_po(io.BytesIO(content), locale=locale, abort_invalid=True)
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        return Language(locale, gettext.GNUTranslations(compiled))
    except (OSError, ValueError, UnknownLocaleError, PoFileError) as wrong:
        log.warning("languages.left-out file=%s: %s", source, wrong)
        return None
