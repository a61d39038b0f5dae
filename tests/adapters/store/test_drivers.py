"""Stickers and reports of drivers survive whatever the controller does not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ems.adapters.store.store import Store
from ems.domain.driver.sticker import Report, Sticker, Trouble
from tests.adapters.store.clocks import BEGIN, HandClock

ONE = Sticker("23456789ab", "CP-01/1", "s" * 43, BEGIN.utc)
OTHER = Sticker("zyxwvutsrq", "CP-02/1", "t" * 43, BEGIN.utc + timedelta(seconds=1))


def test_a_sticker_is_the_same_after_a_restart_and_may_move(nothing: str | Path, clock: HandClock) -> None:
    store = Store(nothing, clock)
    store.open()
    asyncio.run(store.drivers.keep([ONE, OTHER]))
    asyncio.run(store.drivers.keep([replace(ONE, evse="NEW-01/1")]))
    store.close()
    store = Store(nothing, clock)
    store.open()
    assert asyncio.run(store.drivers.stickers()) == [replace(ONE, evse="NEW-01/1"), OTHER]
    store.close()


def test_reports_that_are_open_come_first(nothing: str | Path, clock: HandClock) -> None:
    store = Store(nothing, clock)
    store.open()
    told = [Report(n, BEGIN.utc, "CP-01/1", Trouble.CABLE, f"<b>{n}</b>\0") for n in (1, 2, 3)]
    for one in told:
        asyncio.run(store.drivers.report(replace(one, text=one.text.replace("\0", ""))))
    asyncio.run(store.drivers.report(replace(told[2], text="", closed=BEGIN.utc, closed_by="ada")))
    found = asyncio.run(store.drivers.reports(10))
    assert [(one.number, one.closed_by) for one in found] == [(2, ""), (1, ""), (3, "ada")]
    assert asyncio.run(store.drivers.reports(1))[0].text == "<b>2</b>"
    store.close()


@pytest.mark.parametrize("slug", ["", "short", "23456789aB", "23456789a/", "../../etc/", "23456789ab2"])
def test_what_is_no_word_of_a_sticker_is_none(slug: str) -> None:
    with pytest.raises(ValueError, match="not the word"):
        Sticker(slug, "CP-01/1", "s", BEGIN.utc)
