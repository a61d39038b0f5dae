"""Where sites, shipped data and state are."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.settings.places import (
    Catalogue,
    catalogue_files,
    config_folder,
    shipped_sites,
    site_file,
    sites_folder,
    state_dir,
)
from tests.settings.folder import site_folder

CHECKOUT = Path(__file__).resolve().parents[2]


def test_a_site_is_found_by_folder_file_or_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = site_folder(tmp_path / "depot")
    monkeypatch.chdir(tmp_path)
    assert site_file(folder) == folder / "site.yaml"
    assert site_file("depot") == Path("depot/site.yaml")
    assert site_file(folder / "site.yaml") == folder / "site.yaml"
    assert site_file("demo") == CHECKOUT / "sites" / "demo" / "site.yaml"
    assert site_file("dmeo") == Path("dmeo/site.yaml"), "what does not exist is told when it is read"


def test_what_lies_on_the_disk_goes_before_a_shipped_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site_folder(tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    assert site_file("demo") == Path("demo/site.yaml")


def test_a_checkout_uses_its_own_data() -> None:
    assert config_folder() == CHECKOUT / "config"
    assert {"caltech", "demo"} <= set(shipped_sites())


def test_a_wheel_carries_its_data_inside(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "ems"
    assert config_folder(package) == package / "_data" / "config"
    assert sites_folder(package) == package / "_data" / "sites"


def test_the_sites_own_models_go_first(tmp_path: Path) -> None:
    files = catalogue_files(Catalogue.STATIONS, site_folder(tmp_path, stations__keba_yaml="", stations__mine_yaml=""))
    assert files["keba"] == tmp_path / "stations" / "keba.yaml"
    assert files["mine"] == tmp_path / "stations" / "mine.yaml"
    assert files["generic"] == CHECKOUT / "config" / "stations" / "generic.yaml"


STATE = [
    ({"EMS_STATE_DIR": "/a", "STATE_DIRECTORY": "/b"}, "/a"),
    ({"STATE_DIRECTORY": "/var/lib/ems:/var/lib/other"}, "/var/lib/ems"),
    ({"XDG_STATE_HOME": "/c"}, "/c/ems/my-depot"),
    ({"EMS_STATE_DIR": ""}, "/home/x/.local/state/ems/my-depot"),
]


@pytest.mark.parametrize(("environ", "expected"), STATE)
def test_the_state_dir(environ: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/x")
    assert state_dir(tmp_path / "my depot" / "site.yaml", environ) == Path(expected)
