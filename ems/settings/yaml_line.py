"""Plain data as it is written into a YAML text: mappings in braces, lists in brackets, and text in quotes where it
could be misread.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

WIDTH = 4096
_PLAIN = re.compile(r"[A-Za-z_/][\w ./%+-]*(?<! )|\d+(\.\d+){2,}")


def written(value: Any) -> Any:
    """A value as it is put into the data of a text: a mapping in braces and a list in brackets, on one line; text that
    is no plain word in quotes.
    """
    if isinstance(value, Mapping):
        inner = CommentedMap({written(key): written(one) for key, one in value.items()})
        inner.fa.set_flow_style()
        return inner
    if isinstance(value, list | tuple):
        items = CommentedSeq([written(one) for one in value])
        items.fa.set_flow_style()
        return items
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return DoubleQuotedScalarString(value)
    return value


def line_of(name: Any, value: Any) -> str:
    """A key with its value, as one line."""
    yaml, out = YAML(typ="rt", pure=True), io.StringIO()
    yaml.width = WIDTH
    yaml.dump(CommentedMap({written(name): written(value)}), out)
    return out.getvalue().rstrip()
