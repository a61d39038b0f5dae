"""The house stands as it is drawn: who may import whom, one home for each package, files to be read at one sitting."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ems.adapters.web.assets import CARRIED

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

MOST_LINES = 320
TOP_LEVEL = {"pyproject.toml", "README.md", "ems", "sites", "tests", "config"}

SEVERAL_HOMES = {
    "numpy": {"control", "planning", "runtime", "sim", "adapters/store"},  # arithmetic of the core, and its memory
    "websockets": {"adapters/ocpp", "sim"},  # both ends of one wire
    "pydantic": {"settings", "adapters/web", "adapters/ocpi"},  # what others write: site file, interface, partners
    "msgspec": {"adapters/ocpp", "adapters/store"},  # a codec at each of the two places that write much
    "httpx2": {"adapters/ocpi", "adapters/webhook"},  # two protocols that are spoken over HTTP
}
"""Packages with more than one home, and why; every other has exactly one."""

PART_OF = {"starlette": "fastapi", "pydantic-core": "pydantic", "click": "import-linter", "requests": "schemathesis"}
"""Imported under their own name, but chosen and bound to a version by another."""

NOT_IMPORTED = {
    "tzdata": "zoneinfo reads it",
    "psycopg": "sqlalchemy loads it for a PostgreSQL URL",
    "authlib": "of the extra ems[oidc], which the tests try too",
    "requests": "authlib asks the identity provider with it",
    "localstripe": "a process that the tests of payments start",
    "pytest-timeout": "a plugin",
    "pytest-randomly": "a plugin",
    "pytest-xdist": "a plugin",
    "import-linter": "a tool",
    "mypy": "a tool",
    "types-reportlab": "mypy reads it",
    "ruff": "a tool",
}


class Import(NamedTuple):
    """What is imported, a module or something in it, and by whom."""

    name: str
    by: str
    at: str
    typing_only: bool


def sources(folder: str) -> list[Path]:
    """Every Python file of a folder of the checkout."""
    return sorted((ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The room that a module of `ems` belongs to; each adapter folder is one of its own."""
    _, *rest = module.split(".")
    return "/".join(rest[:2]) if rest[:1] == ["adapters"] else "".join(rest[:1])


@cache
def imports(folder: str) -> tuple[Import, ...]:
    """Every import of a folder, also those inside functions."""
    return tuple(found for path in sources(folder) for found in _imports_of(path))


def _imports_of(path: Path) -> Iterator[Import]:
    module = module_of(path)
    waiting: list[tuple[ast.AST, bool]] = [(ast.parse(path.read_bytes()), False)]
    while waiting:
        node, for_types = waiting.pop()
        at = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, module, at, for_types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{at}: a relative import"
            names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
            yield from (Import(name, module, at, for_types) for name in names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "importorskip":
            yield Import(ast.literal_eval(node.args[0]), module, at, typing_only=False)
        inside = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        waiting += [(inner, for_types or inside) for inner in ast.iter_child_nodes(node)]


def third_party(folder: str) -> dict[str, set[Import]]:
    """Distribution to its imports; what is neither ours nor the standard library's."""
    known = _distributions()
    found: dict[str, set[Import]] = {}
    for one in imports(folder):
        top = one.name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in {"ems", "tests"}:
            found.setdefault(_normal(known.get(top, [top])[0]), set()).add(one)
    return found


@cache
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def declared(*groups: str) -> set[str]:
    """The names of requirements in sections of pyproject.toml."""
    project: Mapping[str, Any] = PYPROJECT["project"]
    extras = [text for extra in project["optional-dependencies"].values() for text in extra]
    lists = {"needed": project["dependencies"], "extra": extras, "dev": PYPROJECT["dependency-groups"]["dev"]}
    return {_normal(re.split(r"[^\w.-]", text, maxsplit=1)[0]) for group in groups for text in lists[group]}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_import_contracts_hold() -> None:
    """In a process of its own: the tool configures logging for its whole process."""
    words = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("room", ["domain", "control"])
def test_the_core_knows_no_world(room: str) -> None:
    """No clock, no disk, no chance, no log, no loop: the same input gives the same decision, on any machine."""
    allowed = {"numpy", "ems", "zoneinfo"}
    pure = {"__future__", "abc", "array", "bisect", "collections", "dataclasses", "datetime", "decimal", "enum"}
    pure |= {"fractions", "functools", "heapq", "itertools", "math", "operator", "re", "statistics", "types", "typing"}
    pure |= {"unicodedata"}
    foreign = [f"{one.at}: {one.name}" for one in imports("ems") if room_of(one.by) == room]
    assert foreign, "the room has moved"
    assert [text for text in foreign if text.split(": ")[1].partition(".")[0] not in allowed | pure] == []


def test_every_third_party_package_has_one_home() -> None:
    homes = {name: {room_of(one.by) for one in found} for name, found in third_party("ems").items()}
    assert {name: rooms for name, rooms in homes.items() if len(rooms) > 1} == SEVERAL_HOMES


def test_every_dependency_is_declared_and_every_declared_one_is_used() -> None:
    used = {PART_OF.get(name, name) for name in third_party("ems")}
    carried = {_normal(distribution) for distribution, _ in CARRIED.values()}
    assert used - declared("needed", "extra") == set(), "imported, but a fresh machine would not have it"
    assert declared("needed", "extra") - used - carried - set(NOT_IMPORTED) == set(), "installed for nothing"


def test_the_same_holds_for_the_tests() -> None:
    used = {PART_OF.get(name, name) for name in third_party("tests")}
    assert used - declared("needed", "extra", "dev") == set()
    assert declared("dev") - used - set(NOT_IMPORTED) == set()


@pytest.mark.parametrize(("part", "whole"), [item for item in PART_OF.items() if item[1] != "import-linter"])
def test_what_is_part_of_another_package_is_required_by_it(part: str, whole: str) -> None:
    requirements = {_normal(re.split(r"[^\w.-]", text, maxsplit=1)[0]) for text in metadata.requires(whole) or []}
    assert part in requirements


def test_no_module_imports_itself_by_a_detour() -> None:
    modules = {module_of(path) for path in sources("ems")}
    leads: dict[str, set[str]] = {module: set() for module in modules}
    for one in imports("ems"):
        if one.name in modules and not one.typing_only:
            leads[one.by].add(one.name)
    while free := {module for module, ahead in leads.items() if not ahead & leads.keys()}:
        leads = {module: ahead for module, ahead in leads.items() if module not in free}
    assert leads == {}, "these lead in circles, or to what does"


def test_every_file_can_be_read_at_one_sitting() -> None:
    lines = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in sources("ems")}
    assert {path for path, count in lines.items() if count > MOST_LINES} == set()


def test_every_module_says_what_it_is() -> None:
    mute = {path for path in sources("ems") if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))}
    assert {str(path.relative_to(ROOT)) for path in mute} == set()


def test_the_charter_of_a_room_is_no_place_for_code() -> None:
    """Beside its docstring an `__init__` may only hand on names from within its room."""
    for path in sources("ems"):
        if path.name != "__init__.py" or path.parent == ROOT / "ems":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            assert isinstance(node, ast.Expr | ast.ImportFrom | ast.Assign), where
            if isinstance(node, ast.Assign):
                assert [ast.unparse(target) for target in node.targets] == ["__all__"], where


def test_every_name_of_a_file_is_a_noun_of_the_field() -> None:
    empty = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "base", "misc", "core"}
    assert [str(path) for path in sources("ems") if path.stem in empty or path.parent.name in empty] == []


def test_the_top_level_holds_what_a_stranger_expects_and_nothing_else() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip(f"not a checkout: {listed.stderr.strip()}")
    entries = {line.partition("/")[0] for line in listed.stdout.splitlines()}
    assert {entry for entry in entries if not entry.startswith(".")} == TOP_LEVEL
    assert {".ci", ".gitignore"} <= entries
