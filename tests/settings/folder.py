"""A site folder on the disk, as tests need it."""

from __future__ import annotations

from pathlib import Path

GOOD = """\
site: {name: Depot North, timezone: Europe/Berlin, currency: EUR, voltage_v: 230}
circuits:
  grid: {rating_a: 250, meter: main, margin_a: 5, base_load_max_a: 100}
  row-a: {parent: grid, rating_a: 125}
meters:
  main: {model: m1, host: 10.0.0.10, port: 502, unit: 1, every_s: 1, on_loss: fallback}
stations:
  CP-01: {circuit: row-a, fallback_a: 6, evses: {1: {max_a: 32, phases: L1 L2 L3}}}
limits:
  - {circuit: grid, max_kw: 80, when: "Mon-Fri 17:00-20:00"}
policy: {strategy: equal, departure_default: "17:00"}
ocpp: {host: 127.0.0.1}
"""
"""A site without any finding."""


def site_folder(folder: Path, text: str = GOOD, **files: str) -> Path:
    """Write `text` as site.yaml, a meter model `m1`, and `files` by their names (`__` for /, `_yaml` for .yaml)."""
    folder.mkdir(exist_ok=True)
    (folder / "meters").mkdir(exist_ok=True)
    (folder / "meters" / "m1.yaml").write_text("vendor: none\n")
    (folder / "site.yaml").write_text(text, encoding="utf-8")
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
        path.chmod(0o600)
    return folder


def replaced(*changes: tuple[str, str]) -> str:
    """The good site with some of its text replaced; each piece must occur."""
    text = GOOD
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text
