"""A site, and an environment that says nothing about either."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.assembly.installation import Installation


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of whoever runs the tests counts; the state is kept beside the site."""
    for name in os.environ:
        if name.startswith(("EMS_", "STATE_DIRECTORY", "XDG_STATE_HOME")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EMS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> Installation:
    return Installation.at(tmp_path)
