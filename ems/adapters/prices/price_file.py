"""From the text of a table to a series of prices, with every row accounted for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ems.adapters.prices.finding import PriceFinding, refused, shown
from ems.adapters.prices.moment import Stamp, is_month_first, moments_of, wall_or_instant
from ems.adapters.prices.quantity import PRICE, Quantity
from ems.adapters.prices.table import Row, Table, table_of
from ems.adapters.prices.unit import Unit, has_decimal_comma, number_in, unit_of
from ems.domain.energy.price_push import MOST_PER_KWH, STRONG
from ems.domain.energy.price_series import PricePoint, PriceSeries
from ems.domain.energy.price_table import PriceFile
from ems.domain.foreign_text import text_of
from ems.domain.local_clock import local

MAX_BYTES = 20_000_000
HOUR_S = 3600
LONGEST_STEP_S = 6 * HOUR_S
SURELY_PER_KWH, SURELY_PER_MWH = 2.0, 20.0
"""When no unit is stated: what the middle price is at most and at least to tell it. Between them it may be cents."""

BLANK = frozenset({"", "-", "nan", "n/a", "na", "null", "none", "n/e", "k.a.", "."})
TIME_EXAMPLE = "write it as 2026-03-29T14:00+02:00 or 2026-03-29 14:00"


class _Quote(NamedTuple):
    """A price as a row gives it."""

    begin_s: int
    row: int
    per_kwh: float
    end_s: int | None


def read_prices(path: Path, zone: ZoneInfo, of: Quantity = PRICE) -> PriceFile:
    """Read a file `of` such values; `zone` is that of times without an offset. Never raises: a file that cannot be read
    has none.

    A script that puts files into a folder should write to another name and rename, so that none is read half written.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        return _nothing(path.name, refused(1, f"cannot be read: {reason}", "check the path and its permissions"))
    if len(raw) > MAX_BYTES:
        return _nothing(path.name, refused(1, f"is larger than {MAX_BYTES // 1_000_000} MB", "is this the right file?"))
    return parse_prices(text_of(raw), zone, path.name, of)


def parse_prices(text: str, zone: ZoneInfo, name: str = "prices", of: Quantity = PRICE) -> PriceFile:
    """Read the text of a table likewise; `name` is what findings and people call it."""
    table, in_form = table_of(text.removeprefix("\ufeff"), of)
    if table is None:
        return PriceFile(name, PriceSeries(), None, 0, in_form)
    priced, in_prices = _prices(table, of)
    unit, in_unit = _unit(table, [price for _, price in priced], of)
    if unit is None:
        return PriceFile(name, PriceSeries(), None, len(table.rows), tuple(sorted((*in_form, *in_unit, *in_prices))))
    timed, in_times = _times(table, _clock_of(table, zone), {row.line for row, _ in priced})
    ends = _ends(table, _clock_of(table, zone))
    quotes = [
        _Quote(begin_s, row.line, price * _factor(table, row, unit), ends.get(row.line) if len(begins) == 1 else None)
        for row, price in priced
        for begins in (timed.get(row.line, ()),)
        for begin_s in begins
    ]
    unique, in_repeats = _unrepeated(quotes, zone, of)
    points, in_gaps = _points(unique, zone, of)
    findings = (*in_form, *in_unit, *in_prices, *in_times, *in_repeats, *in_gaps, *_implausible(unique, unit))
    return PriceFile(name, PriceSeries(points), unit.currency, len(table.rows), tuple(sorted(findings)))


def _prices(table: Table, of: Quantity) -> tuple[list[tuple[Row, float]], list[PriceFinding]]:
    """The price of every row as written, in the unit of the table."""
    decimal_comma = has_decimal_comma(row.cell(table.price) for row in table.rows)
    found: list[tuple[Row, float]] = []
    findings: list[PriceFinding] = []
    for row in table.rows:
        text = row.cell(table.price)
        price = number_in(text, decimal_comma)
        if table.is_too_long(row):
            message = f"it has {len(row.cells)} cells, more than there are columns"
            findings.append(refused(row.line, message, "put numbers with a decimal comma into quotes"))
        elif price is not None:
            found.append((row, price))
        elif text.casefold() in BLANK:
            message = f"it has no {of.noun} for {shown(table.begin_text(row)) or 'no time'}"
            findings.append(refused(row.line, message, f"write it, or leave the hour to {of.otherwise}"))
        else:
            message = f"the {of.noun} '{shown(text)}' is not a number"
            findings.append(refused(row.line, message, f"write for example {of.example}"))
    return found, findings


def _times(
    table: Table, zone: ZoneInfo, priced: Collection[int]
) -> tuple[dict[int, tuple[int, ...]], list[PriceFinding]]:
    """When the price of each row begins, by its line. What the clock does is judged by rows with a price only."""
    texts = {row.line: table.begin_text(row) for row in table.rows}
    month_first = is_month_first(list(texts.values()), zone)
    stamps: list[Stamp] = []
    findings: list[PriceFinding] = []
    for line, text in texts.items():
        at = wall_or_instant(text, month_first)
        if at is None:
            message = f"'{shown(text)}' is not a time" if text else "it has no time"
            findings.append(refused(line, message, TIME_EXAMPLE))
        elif line in priced:
            stamps.append(Stamp(line, at))
    moments = moments_of(stamps, zone)
    return moments.by_row, [*findings, *moments.findings]


def _ends(table: Table, zone: ZoneInfo) -> dict[int, int]:
    """When the price of a row ends, where a column tells it so that it can only mean one moment."""
    found: dict[int, int] = {}
    month_first = is_month_first([table.begin_text(row) for row in table.rows], zone)
    for row in table.rows:
        at = wall_or_instant(row.cell(table.end), month_first)
        if at is not None and at.tzinfo is not None:
            found[row.line] = int(at.timestamp())
    return found


def _clock_of(table: Table, zone: ZoneInfo) -> ZoneInfo:
    """The zone of times without an offset: UTC when the heading says so."""
    says_utc = re.search(r"(?<![^\W_])(utc|gmt)(?![^\W_])", f"{table.heading(table.begin)} {table.title}".casefold())
    return ZoneInfo("UTC") if says_utc else zone


def _unit(table: Table, prices: Sequence[float], of: Quantity) -> tuple[Unit | None, list[PriceFinding]]:
    """The unit of the price column, by its heading, the title above, or the size of the prices; None if none tells."""
    stated = unit_of(table.heading(table.price)) or unit_of(table.title)
    # What is not stated can be told from the size of prices only; of others whoever asked for them says so.
    if stated is not None or not prices or table.unit is not None or of is not PRICE:
        return stated or Unit(1.0, None), []
    middle = median(abs(price) for price in prices)
    remedy = f"write the unit into the heading: {of.unit}"
    if SURELY_PER_KWH < middle < SURELY_PER_MWH:
        message = f"no unit is stated, and a middle price of {middle:g} may be cents per kWh or currency per MWh"
        return None, [refused(1, message, remedy)]
    unit, words = (Unit(0.001, None), "MWh") if middle >= SURELY_PER_MWH else (Unit(1.0, None), "kWh")
    message = f"no unit is stated: taken as currency per {words}, because the middle price is {middle:g}"
    return unit, [PriceFinding(1, message, remedy)]


def _factor(table: Table, row: Row, unit: Unit) -> float:
    stated = unit_of(row.cell(table.unit)) if table.unit is not None else None
    return unit.factor if stated is None else stated.factor


def _unrepeated(quotes: Iterable[_Quote], zone: ZoneInfo, of: Quantity) -> tuple[list[_Quote], list[PriceFinding]]:
    """The quotes in order of time, of several for one moment the one that stands last."""
    by_begin: dict[int, _Quote] = {}
    findings: list[PriceFinding] = []
    for quote in sorted(quotes, key=lambda quote: quote.row):
        earlier = by_begin.get(quote.begin_s)
        by_begin[quote.begin_s] = quote
        if earlier is not None:
            is_same = earlier.per_kwh == quote.per_kwh
            same = f"the same {of.noun}" if is_same else f"another {of.noun}, the later row counts"
            message = f"it repeats {_shown(quote.begin_s, zone)} of row {earlier.row}: {same}"
            findings.append(PriceFinding(quote.row, message, "keep one row for each time"))
    return [by_begin[begin_s] for begin_s in sorted(by_begin)], findings


def _points(
    quotes: Sequence[_Quote], zone: ZoneInfo, of: Quantity
) -> tuple[tuple[PricePoint, ...], list[PriceFinding]]:
    """A price holds until the end that is stated, else as long as its nearer neighbour is away."""
    begins = [quote.begin_s for quote in quotes]
    steps = [later - begin for begin, later in pairwise(begins)]
    usual = Counter(steps).most_common(1)[0][0] if steps else HOUR_S
    longest = usual if HOUR_S < usual <= LONGEST_STEP_S else HOUR_S
    points: list[PricePoint] = []
    findings: list[PriceFinding] = []
    for i, quote in enumerate(quotes):
        neighbours = [*steps[max(i - 1, 0) : i], *steps[i : i + 1], longest]
        end_s = quote.begin_s + min(neighbours)
        if quote.end_s is not None and 0 < quote.end_s - quote.begin_s <= LONGEST_STEP_S:
            end_s = min(quote.end_s, begins[i + 1]) if i + 1 < len(begins) else quote.end_s
        if points and points[-1].end_s < quote.begin_s:
            message = f"no {of.noun} from {_shown(points[-1].end_s, zone)} to {_shown(quote.begin_s, zone)}"
            findings.append(PriceFinding(quote.row, message, f"add the rows, or leave them to {of.otherwise}"))
        points.append(PricePoint(quote.begin_s, end_s, quote.per_kwh))
    if len(quotes) == 1 and quotes[0].end_s is None:
        findings.append(
            PriceFinding(quotes[0].row, f"a single {of.noun}: taken to hold for an hour", "add when it ends")
        )
    return tuple(points), findings


def _implausible(quotes: Sequence[_Quote], unit: Unit) -> Iterator[PriceFinding]:
    high = [quote for quote in quotes if abs(quote.per_kwh) > MOST_PER_KWH]
    if high and (unit.currency is None or unit.currency in STRONG):
        message = f"{high[0].per_kwh:g} per kWh is hardly meant; {len(high)} rows are above {MOST_PER_KWH:g}"
        yield PriceFinding(high[0].row, message, "check the unit in the heading: per MWh or per kWh, euro or cent")


def _shown(at_s: int, zone: ZoneInfo) -> str:
    return f"{local(at_s, zone):%Y-%m-%d %H:%M}"


def _nothing(name: str, finding: PriceFinding) -> PriceFile:
    return PriceFile(name, PriceSeries(), None, 0, (finding,))
