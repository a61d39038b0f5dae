"""The file of faults that `demo` and `simulate` take."""

from __future__ import annotations

from pathlib import Path

from ems.cli.outcome import UsageError
from ems.cli.site import yaml_in
from ems.domain.site import Site
from ems.sim.faults import FaultPlan


def faults_in(path: Path, site: Site) -> FaultPlan:
    """What goes wrong at a site, and when. Raises UsageError."""
    try:
        return FaultPlan.parse(yaml_in(path).get("faults"), site)
    except ValueError as wrong:
        raise UsageError("\n".join(f"{path}: {line}" for line in str(wrong).splitlines())) from None
