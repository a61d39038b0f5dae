"""The dashboard and the alert rules name only metrics and labels that the controller has, in expressions that hold."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from ems.adapters.web.metrics import exposition
from ems.adapters.web.view import View
from tests.adapters.web.scene import busy
from tests.config.promql import named

CONFIG = Path(__file__).resolve().parents[2] / "config"
DASHBOARD = json.loads((CONFIG / "grafana" / "ems.json").read_text())
RULES: list[dict[str, Any]] = [
    rule
    for group in YAML(typ="safe").load((CONFIG / "prometheus" / "ems.rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
SCRAPED = {"job", "instance"}
"""Labels that Prometheus adds itself."""


@cache
def metrics() -> dict[str, set[str]]:
    """Every metric that a busy site has, with its labels."""
    scene = busy()
    scene.silent.add("roof")
    scene.tick(12)
    view = View(scene.state, scene.decision, scene.instant, software="1.2.3")
    text = asyncio.run(exposition(view, 1)).decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']} {target['refId']}", target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["definition"].rpartition(",")[0].replace("label_values(", "")
    for rule in RULES:
        yield f"rule {rule['alert']}", rule["expr"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_an_expression_names_exists(where: str, expression: str) -> None:
    found, groups = named(expression)
    assert found, where
    for metric, labels in found:
        assert metric in metrics(), where
        assert labels <= metrics()[metric] | SCRAPED, where
    known = set().union(*(metrics()[metric] for metric, _ in found)) | SCRAPED
    assert groups <= known, where


@pytest.mark.parametrize(
    "bad", ["sum(ems_level", "ems_level)", "ems_level > §", 'ems_mode{mode="x"', "sum by (x ems_level"]
)
def test_an_expression_that_does_not_hold_is_seen(bad: str) -> None:
    with pytest.raises(ValueError, match=r"closed|closes|missing|PromQL"):
        named(bad)


def test_legends_and_texts_name_labels_that_are_there() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            labels = set().union(*(metrics()[one.metric] for one in named(target["expr"])[0]))
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels, panel["title"]
    for rule in RULES:
        labels = set().union(*(metrics()[one.metric] for one in named(rule["expr"])[0])) | SCRAPED
        texts = " ".join(rule["annotations"].values())
        assert set(re.findall(r"\$labels\.(\w+)", texts)) <= labels, rule["alert"]


def test_rules_are_whole() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[sm]", rule["for"])
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"].endswith(".")


def test_panels_do_not_overlap_and_have_names_of_their_own() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & mine, panel["title"]
        cells |= mine
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
