"""Pull-out lists of depots: which vehicle leaves when with how much."""

from __future__ import annotations

from ems.adapters.lists.pull_out.reading import read_list

__all__ = ["read_list"]
