"""As much of PromQL as it takes to see which metrics and labels an expression names, and whether it is well formed."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*")
    | (?P<duration>\[\s*(?:\$__\w+|\d+[smhdw])\s*\])
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<name>[a-zA-Z_:][\w:]*)
    | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){},])
    )""",
    re.VERBOSE,
)
FUNCTIONS = frozenset(
    {"abs", "absent_over_time", "avg", "count", "label_values", "max", "min", "rate", "sum", "vector"}
)
GROUPING = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
OPERATORS = frozenset({"and", "or", "unless", "bool"})


class Named(NamedTuple):
    """A metric with the labels that its matcher names."""

    metric: str
    labels: frozenset[str]


def tokens(expression: str) -> list[tuple[str, str]]:
    """Kind and text of each token. Raises ValueError where there is none."""
    found, at = [], 0
    expression = expression.strip()
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None or match.lastgroup is None:
            raise ValueError(f"no PromQL at {expression[at : at + 20]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def named(expression: str) -> tuple[list[Named], set[str]]:
    """The metrics that an expression names, and the labels that it groups by. Raises ValueError."""
    metrics: list[Named] = []
    groups: set[str] = set()
    parts = tokens(expression)
    depth: list[str] = []
    k = 0
    while k < len(parts):
        kind, word = parts[k]
        if word in {"(", "{"}:
            depth.append(word)
        elif word in {")", "}"} and (not depth or depth.pop() + word not in {"()", "{}"}):
            raise ValueError(f"{word} closes nothing in {expression!r}")
        if kind == "name" and word in GROUPING:
            k = _until(parts, k, ")")
            groups |= {text for kind_, text in parts[:k] if kind_ == "name"} & set(_inside(parts, k))
        elif kind == "name" and word not in FUNCTIONS | OPERATORS:
            labels: frozenset[str] = frozenset()
            if k + 1 < len(parts) and parts[k + 1][1] == "{":
                k = _until(parts, k, "}")
                labels = frozenset(_inside(parts, k))
            metrics.append(Named(word, labels))
        k += 1
    if depth:
        raise ValueError(f"{depth[-1]} is never closed in {expression!r}")
    return metrics, groups


def _until(parts: list[tuple[str, str]], k: int, closing: str) -> int:
    while k < len(parts) and parts[k][1] != closing:
        k += 1
    if k == len(parts):
        raise ValueError(f"{closing} is missing")
    return k


def _inside(parts: list[tuple[str, str]], end: int) -> list[str]:
    """Names in the bracket that ends there."""
    opening = {")": "(", "}": "{"}[parts[end][1]]
    begin = max(k for k in range(end) if parts[k][1] == opening)
    return [word for kind, word in parts[begin:end] if kind == "name"]
