"""Letter I of the hostile inputs: what stations, meters and strangers say is shown, and does nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ems.domain.decision import Alarm, Binding, Level, Reason
from ems.domain.events import MeterFailed, StationBooted, StatusChanged
from ems.domain.record.history import Knock
from ems.domain.station import EvseStatus
from tests.adapters.web.scene import Scene, busy
from tests.adapters.web.visit import ask

HOSTILE = {
    "I01 sql": "'; DROP TABLE stations; --",
    "I02 script": "<script>window.pwned=1</script>",
    "I02 attribute": "\"><img src=x onerror='window.pwned=1'>",
    "I02 svg": "<svg/onload=window.pwned=1>",
    "I02 closing": "</script></template></li></table></body>",
    "I03 formula": "=cmd|'/c calc'!A1",
    "I04 log line": "fine\nstation.connected id='forged'",
    "I05 terminal": "\x1b[31mred\x1b]0;title\x07\x9b2J",
    "I06 format": "%s%n{0.__class__.__mro__}",
    "I07 template": "{{7*7}}{% include 'docs.html' %}${7*7}#{7*7}",
    "I08 path": "../../../etc/passwd",
    "I09 json": '{"level":"normal"},"mode":"normal',
    "I10 direction": "\u202etxt.exe\u2066\u200b\u200d",
    "I10 emoji": "🔌⚡️👩‍🔧",
    "F12 surrogate": "\ud800 and \x00",
    "long": "A" * 10_000,
    "metrics": 'x"} 1\nems_level 6\nems_evse{a="',
}


def slandered(text: str) -> Scene:
    """A site where everything that can come from outside says `text`."""
    scene = busy(4)
    scene.tell(
        StationBooted("CP-01", scene.instant, text, text, text),
        StatusChanged("CP-02/1", scene.instant, EvseStatus.FAULTED, text),
        MeterFailed("main", scene.instant.monotonic_s, text),
    )
    scene.refused = [Knock(text, text, text, 1, scene.instant.utc)]
    scene.tick()
    assert scene.decision is not None
    alarm = Alarm(text, Level.HOLD, text, text, text, scene.instant.utc)
    first, *others = scene.decision.setpoints
    blamed = first._replace(reason=Reason(Binding.STATION, text))
    views = tuple(view._replace(limit_source=text) for view in scene.decision.circuits)
    scene.decision = replace(
        scene.decision,
        alarms=(alarm, *scene.decision.alarms),
        level=Level.HOLD,
        setpoints=(blamed, *others),
        circuits=views,
    )
    return scene


class Structure(HTMLParser):
    """The elements and attributes of a page, without its texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag, tuple(name for name, _ in attrs)] += 1

    def handle_data(self, data: str) -> None:
        self.text += data


def structure(text: str) -> Structure:
    parsed = Structure()
    parsed.feed(text)
    return parsed


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_page_shows_it_as_text(text: str) -> None:
    """The page has the same elements and attributes whatever anybody says."""
    answer = ask(slandered(text), "/")
    page, blameless = structure(answer.text), structure(ask(slandered("harmless"), "/").text)
    assert page.found == blameless.found
    assert not any(c in answer.text for c in "\x1b\x9b\x00\u202e\u200b\ud800")
    if text.isprintable() and len(text) <= 200:
        assert text in page.text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_interface_says_it_in_printable_ascii(text: str) -> None:
    """`curl` in a terminal shows escapes instead of obeying them, and nothing is added to the picture."""
    answer = ask(slandered(text), "/api/v1/state")
    assert answer.content.isascii()
    assert answer.text.isprintable()
    seen: Any = answer.json()
    assert seen["mode"] == "hold"
    said = [seen["stations"][0]["vendor"], seen["evses"][1]["error"], seen["knocks"][0]["station"], seen["cause"]]
    assert all(len(value) <= 200 for value in said)
    if text.isprintable() and len(text) <= 200:
        assert said == [text] * 4


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_metrics_stay_metrics(text: str) -> None:
    answer = ask(slandered(text), "/metrics")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert [sample.value for sample in families["ems_level"].samples] == [1.0]
    assert "\x1b" not in answer.text
    assert len(answer.content) < 100_000
