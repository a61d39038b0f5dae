"""Reading YAML with places, and writing it back with comments."""

from __future__ import annotations

import math
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ems.settings.document import parse, read, read_data, rewrite
from ems.settings.finding import Severity
from ems.settings.route import Mark

TEXT = """\
# The depot
site: {name: Depot, voltage_v: 230}   # one line

circuits:
  # what the utility gives
  grid:
    rating_a: 250     # fuse
    "margin_a": 5
limits:
  - {circuit: grid, max_kw: 80, when: "Mon-Fri 17:00-20:00"}
# the end
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(TEXT)
    return path


def test_every_key_and_value_knows_its_place(file: Path) -> None:
    document, findings = read(file)
    assert document is not None
    assert findings == ()
    assert document.at("circuits", "grid") == Mark(6, 3)
    assert document.value_at("circuits", "grid") == Mark(7, 5)
    assert document.value_at("circuits", "grid", "margin_a") == Mark(8, 17)
    assert document.at("limits", 0, "max_kw") == Mark(10, 21)
    assert document.at("limits", 0, "max_a") == Mark(10, 5), "a missing key is where the thing around it is"
    assert document.at("nowhere") == Mark(1, 1)


SCALARS = [
    ("17", 17), ("-3", -3), ("0o17", 15), ("0x1F", 31), ("012", 12), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0),
    (".inf", math.inf), ("-.inf", -math.inf), ("~", None), ("", None), ("true", True), ("FALSE", False),
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("17:00", "17:00"), ("1_000", "1_000"), ("2024-01-01", "2024-01-01"),
    ("'17'", "17"), ("!!str 17", "17"), ('"\\u00e4"', "ä"), ("1.2.3", "1.2.3"), ("0b1", "0b1"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "value"), SCALARS)
def test_scalars_follow_yaml_1_2(written: str, value: object) -> None:
    document, findings = parse(f"a: {written}\n".encode(), Path("x"))
    assert document is not None
    assert findings == ()
    assert document.data["a"] == value
    assert type(document.data["a"]) is type(value)


def test_aliases_stand_for_what_they_name() -> None:
    document, _ = parse(b"a: &x {b: 1}\nc: *x\n", Path("x"))
    assert document is not None
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.at("c", "b").line == 2


REFUSED = [
    (b"\xff\xfea: 1", "x:1: error: byte 0xff is not UTF-8"),
    (b"a: 1\nb: \xe9\n", "x:2: error: byte 0xe9 is not UTF-8"),
    (b"a: 1\n" * 300_000, "x:1: error: is larger than 1 MB"),
    (
        b"a: !!python/object:os.system x",
        "x:1: error: the tag tag:yaml.org,2002:python/object:os.syste means nothing here",
    ),
    (b'a: "\\ud800"', "x:1: error: contains a character that is none"),
    (b"a: " + b"9" * 6000, "x:1: error: this number is too long"),
    (b": 1", "x:1: error: a key is empty"),
]


@pytest.mark.parametrize(("raw", "expected"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_taken(raw: bytes, expected: str) -> None:
    assert [str(finding) for finding in parse(raw, Path("x"))[1]] == [expected]


def test_an_exponential_nest_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{i}: &a{i} [{', '.join(['*a' + str(i - 1)] * 9)}]" for i in range(1, 12)]
    document, findings = parse("\n".join(lines).encode(), Path("x"))
    assert document is None
    assert "holds more than 100000 values" in str(findings[0])


def test_all_repeated_keys_are_told_and_the_first_value_holds() -> None:
    document, findings = parse(b"a: 1\nb: 2\na: 3\nb: {c: 1}\n", Path("x"))
    assert document is not None
    assert document.data == {"a": 1, "b": 2}
    assert [f.line for f in findings] == [3, 4]


@pytest.mark.parametrize("name", ["nothing.yaml", "folder", "with\0nul.yaml"])
def test_a_path_that_cannot_be_read_is_a_finding(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    data, (finding,) = read_data(tmp_path / name)
    assert data is None
    assert finding.severity is Severity.ERROR


def test_rewriting_keeps_comments_order_quotes_and_mode(file: Path) -> None:
    file.chmod(0o640)

    def change(data: Any) -> None:
        data["circuits"]["grid"]["rating_a"] = 200
        data["circuits"]["row"] = {"parent": "grid", "rating_a": 63}

    assert rewrite(file, change) == ()
    expected = TEXT.replace("250 ", "200 ").replace("limits:", "  row:\n    parent: grid\n    rating_a: 63\nlimits:")
    assert file.read_text() == expected
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["site.yaml"]


def test_rewriting_without_a_change_leaves_every_byte(file: Path) -> None:
    assert rewrite(file, lambda data: None) == ()
    assert file.read_text() == TEXT


@pytest.mark.parametrize(
    "dashes", ["a:\n- b\n- c\n", "a:\n    x:\n      - b\n", "a:\n    b: 1\n    c:\n        d: 1\n"]
)
def test_the_files_own_indentation_stays(file: Path, dashes: str) -> None:
    file.write_text(dashes)
    assert rewrite(file, lambda data: None) == ()
    assert file.read_text() == dashes


def test_a_comment_that_would_be_lost_stops_the_writing(file: Path) -> None:
    text = "site: {name: x,  # who\n  voltage_v: 230}\n"
    file.write_text(text)

    def change(data: Any) -> None:
        data["site"]["name"] = "y"

    (finding,) = rewrite(file, change)
    assert str(finding) == f"{file}:1: error: the comment '# who' would be lost"
    assert file.read_text() == text
    assert rewrite(file, change, comments_may_go=True) == ()
    assert read_data(file)[0] == {"site": {"name": "y", "voltage_v": 230}}


def test_a_broken_file_is_not_rewritten(file: Path) -> None:
    file.write_text("a: [")
    assert rewrite(file, lambda data: None)[0].line in {1, 2}
    assert file.read_text() == "a: ["


def test_a_failing_change_leaves_the_file(file: Path) -> None:
    def change(data: Any) -> None:
        data["site"]["name"] = "y"
        raise LookupError("no such entry")

    with pytest.raises(LookupError):
        rewrite(file, change)
    assert file.read_text() == TEXT


@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbfa: 1")
@example(b"[" * 100_000)
@example(b"- " * 3_000)
@example(b"{" * 5_000 + b"a")
@example(b"a: &a [*a]")
@example(b"%TAG ! tag:x,2000:\n--- !a\nb: 1")
@example(b"a: >-\n\tb")
@example(b"? ? ? a")
@example(b"a: |0\n b")
def test_no_bytes_make_reading_fail(raw: bytes) -> None:
    document, findings = parse(raw, Path("x"))
    assert document is not None or findings
    assert all(1 <= finding.line <= raw.count(b"\n") + raw.count(b"\r") + raw.count(b"\xc2\x85") + raw.count(b"\xe2\x80") + 1 for finding in findings)  # fmt: skip  # noqa: E501


YAMLISH = st.text(st.sampled_from("ab01:-,.[]{}#&*!|>%@`'\"\\ \n\t?~<=é\u2028\x85"), max_size=80)


@given(YAMLISH)
def test_no_text_that_looks_like_yaml_makes_reading_fail(text: str) -> None:
    document, findings = parse(text.encode(), Path("x"))
    assert document is not None or findings
