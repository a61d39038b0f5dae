"""Outlets that a station has and the site does not know."""

from __future__ import annotations

from dataclasses import dataclass

MOST_NUMBER = 99
"""A station that names a higher one says nothing that could be an outlet."""


@dataclass(frozen=True, slots=True)
class OutletSeen:
    """A station spoke of an outlet that the site does not describe; `may_charge`: it is neither out of service nor at
    fault, so that whoever plugs in there draws what nobody limits.
    """

    station: str
    number: int
    may_charge: bool
