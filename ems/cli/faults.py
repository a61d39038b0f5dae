"""The file of faults that `demo` and `simulate` take."""

from __future__ import annotations

from pathlib import Path

from ems.cli.outcome import UsageError
from ems.cli.site import yaml_in
from ems.domain.site import Site
from ems.sim.faults import FaultPlan

EXAMPLE = "faults: [{at_s: 60, kind: meter-silent, target: main}]"


def faults_in(path: Path, site: Site) -> FaultPlan:
    """What goes wrong at a site, and when. Raises UsageError."""
    try:
        content = yaml_in(path, EXAMPLE)
        if "faults" not in content:
            found = f"found {', '.join(map(repr, content))}" if content else "the file is empty"
            raise UsageError(f"{path}: the key 'faults' is needed, {found}; write for example '{EXAMPLE}'")
        return FaultPlan.parse(content["faults"], site)
    except ValueError as wrong:
        raise UsageError("\n".join(f"{path}: {line}" for line in str(wrong).splitlines())) from None
