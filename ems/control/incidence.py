"""Which EVSE loads which link by how much: a sparse matrix with few rows that matter at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Incidence:
    """Entries (link, evse, coefficient): one ampere at `evse` loads `link` by `coefficient`.

    Links and EVSEs are positions; an EVSE meets a link in one entry at most.
    """

    link: Ints
    evse: Ints
    coefficient: Floats
    links: int
    evses: int

    def load(self, amps: Floats) -> Floats:
        """Load of every link when each EVSE draws `amps`."""
        return summed(self.link, self.coefficient * amps[self.evse], self.links)

    def total(self, entries: Bools, amps: Floats) -> Floats:
        """Load of every link by some entries, each with a current of its own."""
        return summed(self.link[entries], self.coefficient[entries] * amps, self.links)

    def only(self, evses: Bools) -> Incidence:
        """The entries of some EVSEs."""
        return self._at(evses[self.evse].nonzero()[0])

    def on(self, links: Bools) -> Incidence:
        """The entries of some links."""
        return self._at(links[self.link].nonzero()[0])

    def _at(self, entries: Ints) -> Incidence:
        return Incidence(self.link[entries], self.evse[entries], self.coefficient[entries], self.links, self.evses)


def summed(link: Ints, values: Floats, links: int) -> Floats:
    """The values of each link added up."""
    return np.asarray(np.bincount(link, weights=values, minlength=links), dtype=np.float64)
