"""The tree of fuses and breakers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ems.domain.phases import NO_AMPS, PhaseAmps
from ems.domain.units import not_negative


@dataclass(frozen=True, slots=True)
class Circuit:
    """A node of the tree: what its fuse or breaker carries, and what flows there that is not ours.

    `rating_a` per phase; 0 means the circuit does not have that phase. `margin_a` is kept free for what the
    measurement cannot know. `base_load_max_a` is the most that anything but our EVSEs may draw: it stands in for a
    missing or silent meter and in the fallback check; `storage_max_a`, what batteries behind it may draw besides, does
    as well. `generation_max_a` is the most that flows back from plant behind the circuit; without it a base load below
    zero is a measuring error.

    `unbalance_max_a`: by how much our EVSEs may load one phase more than another, None where nobody asks. VDE-AR-N 4100
    (section 5.5) lets charging equipment on one or two phases make up 4.6 kVA per phase conductor at the grid
    connection, 20 A at 230 V; what is connected to all three phases may draw more, as long as it draws it evenly.
    """

    id: str
    parent: str | None
    rating_a: PhaseAmps
    margin_a: float = 0.0
    meter: str | None = None
    base_load_max_a: PhaseAmps = NO_AMPS
    generation_max_a: float = 0.0
    storage_max_a: PhaseAmps = NO_AMPS
    unbalance_max_a: float | None = None

    def __post_init__(self) -> None:
        for value in self.rating_a:
            not_negative(f"rating_a of circuit {self.id}", value)
        if not any(self.rating_a):
            raise ValueError(f"circuit {self.id} has no rated phase")
        not_negative(f"margin_a of circuit {self.id}", self.margin_a)
        not_negative(f"generation_max_a of circuit {self.id}", self.generation_max_a)
        for value in self.base_load_max_a:
            not_negative(f"base_load_max_a of circuit {self.id}", value)
        for value in self.storage_max_a:
            not_negative(f"storage_max_a of circuit {self.id}", value)
        if self.unbalance_max_a is not None:
            not_negative(f"unbalance_max_a of circuit {self.id}", self.unbalance_max_a)
            if not all(self.rating_a):
                raise ValueError(f"unbalance_max_a of circuit {self.id} compares phases that it does not have")

    @property
    def worst_load_a(self) -> PhaseAmps:
        """The most that anything but our EVSEs may draw, batteries included."""
        total = [a + b for a, b in zip(self.base_load_max_a, self.storage_max_a, strict=True)]
        return (total[0], total[1], total[2])


@dataclass(frozen=True, slots=True)
class CircuitTree:
    """Circuits in an order in which every parent stands before its children; one root, the grid connection.

    `parents`: position of each circuit's parent, -1 for the root.

    Raises ValueError when ids repeat, a parent is missing, a circle closes or there is not exactly one root.
    """

    circuits: tuple[Circuit, ...]
    parents: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _index: dict[str, int] = field(init=False, repr=False, compare=False)
    _paths: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ordered = _parents_first(self.circuits)
        index = {circuit.id: i for i, circuit in enumerate(ordered)}
        paths: list[tuple[int, ...]] = []
        for i, circuit in enumerate(ordered):
            above = () if circuit.parent is None else paths[index[circuit.parent]]
            paths.append((i, *above))
        object.__setattr__(self, "circuits", ordered)
        object.__setattr__(self, "parents", tuple(path[1] if len(path) > 1 else -1 for path in paths))
        object.__setattr__(self, "_index", index)
        object.__setattr__(self, "_paths", tuple(paths))

    def __iter__(self) -> Iterator[Circuit]:
        return iter(self.circuits)

    def __len__(self) -> int:
        return len(self.circuits)

    def __contains__(self, circuit_id: object) -> bool:
        return circuit_id in self._index

    def __getitem__(self, circuit_id: str) -> Circuit:
        return self.circuits[self._index[circuit_id]]

    @property
    def limits_unbalance(self) -> bool:
        """Whether any circuit has a rule against unbalance."""
        return any(circuit.unbalance_max_a is not None for circuit in self.circuits)

    @property
    def root(self) -> Circuit:
        """The grid connection."""
        return self.circuits[0]

    def index(self, circuit_id: str) -> int:
        """Position of a circuit in `circuits`; KeyError when there is none."""
        return self._index[circuit_id]

    def path(self, circuit_id: str) -> tuple[int, ...]:
        """Positions from the circuit itself up to the root."""
        return self._paths[self._index[circuit_id]]

    def path_of(self, index: int) -> tuple[int, ...]:
        """The same for a circuit given by its position."""
        return self._paths[index]

    def children(self, circuit_id: str) -> tuple[Circuit, ...]:
        """The circuits directly below."""
        return tuple(circuit for circuit in self.circuits if circuit.parent == circuit_id)

    def subtree(self, circuit_id: str) -> frozenset[str]:
        """The circuit and everything below it."""
        top = self._index[circuit_id]
        return frozenset(c.id for c, path in zip(self.circuits, self._paths, strict=True) if top in path)


def _parents_first(circuits: Iterable[Circuit]) -> tuple[Circuit, ...]:
    pending = {circuit.id: circuit for circuit in circuits}
    if len(pending) != len(tuple(circuits)):
        raise ValueError("circuit ids repeat")
    roots = [circuit for circuit in pending.values() if circuit.parent is None]
    if len(roots) != 1:
        raise ValueError(f"one circuit must have no parent (the grid connection), found {len(roots)}")
    for circuit in pending.values():
        if circuit.parent is not None and circuit.parent not in pending:
            raise ValueError(f"circuit {circuit.id} names an unknown parent {circuit.parent}")
    ordered: dict[str, Circuit] = {}
    while pending:
        ready = [c for c in pending.values() if c.parent is None or c.parent in ordered]
        if not ready:
            raise ValueError(f"circuits form a circle: {', '.join(sorted(pending))}")
        for circuit in ready:
            ordered[circuit.id] = pending.pop(circuit.id)
    return tuple(ordered.values())
