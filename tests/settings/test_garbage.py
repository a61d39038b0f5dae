"""Whatever stands in the file: findings, never an exception; and what has no error can be built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ems.settings.document import read_data
from ems.settings.finding import has_errors
from ems.settings.load import load
from ems.settings.report import check, render_json, render_text
from tests.settings.folder import site_folder

WORDS = st.sampled_from(
    ["grid", "row-a", "main", "CP-01", "CP-01/1", "L1 L2 L3", "L2", "L1-L2", "m1", "auto", "wallbox", "go-e", "pv",
     "evse", "tcp", "rtu", "17:00", "Mon-Fri 17:00-20:00", "127.0.0.1", "Europe/Berlin", "", "x", "32 A", "../a"]
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-5, 5), st.sampled_from([6, 16, 32, 80000, 1e9, 0.23, float("nan"), float("inf"), 10**30])
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=5))
KEYS = st.one_of(
    st.sampled_from(["parent", "rating_a", "phases", "margin_a", "meter", "base_load_max_a", "model", "host", "device",
                     "role", "circuit", "fallback_a", "evses", "max_a", "max_kw", "dc_efficiency", "password_file", "1",
                     "2", "L1", "when", "evse", "file", "strategy", "lease_s", "enabled", "every_s", "grid", "main"]),
    st.text(max_size=5),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


def routes(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in `data`."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(route for key, value in inner for route in routes(value, (*at, key)))]


def changed(data: Any, route: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not route:
        return change(data)
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[route[0]] = changed(copy[route[0]], route[1:], change)
    return copy


@st.composite
def nearly_good(draw: st.DrawFn, good: dict[str, Any]) -> Any:
    """The good site with a few values replaced or added anywhere."""
    site: Any = good
    for _ in range(draw(st.integers(1, 4))):
        value, key, adds = draw(VALUES), draw(KEYS), draw(st.booleans())

        def change(old: Any, value: Any = value, key: str = key, adds: bool = adds) -> Any:
            return {**old, key: value} if adds and isinstance(old, dict) else value

        site = changed(site, draw(st.sampled_from(routes(site))), change)
    return site


@given(data=st.data())
def test_a_nearly_good_site_never_raises(tmp_path_factory: Any, data: st.DataObject) -> None:
    folder: Path = tmp_path_factory.getbasetemp() / "nearly"
    good = read_data(site_folder(folder) / "site.yaml")[0]
    assert good is not None
    site = data.draw(nearly_good(good))
    (folder / "site.yaml").write_text(json.dumps(site), encoding="utf-8")  # JSON is YAML, except that NaN is a word
    loaded = load(folder)
    assert (loaded.settings is None) == has_errors(loaded.findings)
    assert not any(finding.remedy == "correct the part of the file that this names" for finding in loaded.findings), (
        site
    )
    result = check(folder)
    assert render_text(result).endswith("\n")
    assert json.loads(render_json(result))["fine"] == result.is_fine


@given(st.binary(max_size=200))
def test_any_bytes_give_findings_or_a_site(tmp_path_factory: Any, raw: bytes) -> None:
    folder: Path = tmp_path_factory.getbasetemp() / "bytes"
    site_folder(folder)
    (folder / "site.yaml").write_bytes(raw)
    loaded = load(folder)
    assert loaded.settings is None
    assert has_errors(loaded.findings)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_any_model_and_password_files_give_findings_or_a_site(
    tmp_path_factory: Any, model: bytes, secret: bytes
) -> None:
    folder: Path = tmp_path_factory.getbasetemp() / "models"
    site_folder(folder, stations__own_yaml="", secrets__a="")
    text = (folder / "site.yaml").read_text().replace("fallback_a: 6", "fallback_a: 6, password_file: secrets/a")
    (folder / "site.yaml").write_text(text)
    (folder / "stations" / "own.yaml").write_bytes(model)
    (folder / "secrets" / "a").write_bytes(secret)
    loaded = load(folder)
    assert (loaded.settings is None) == has_errors(loaded.findings)
