"""Classes of service: who goes first, and what everybody of a class is promised."""

from __future__ import annotations

from dataclasses import dataclass

from ems.domain.vehicle import Guarantee

LOWEST, HIGHEST = -100, 100


@dataclass(frozen=True, slots=True)
class ServiceClass:
    """A class of service: of a higher `number` goes first. `name` is what people call it. Each vehicle of it is
    promised its `guarantee`, unless the vehicle has one of its own.
    """

    number: int
    name: str = ""
    guarantee: Guarantee | None = None

    def __post_init__(self) -> None:
        if not LOWEST <= self.number <= HIGHEST:
            raise ValueError(f"the number of a class lies in {LOWEST} … {HIGHEST}, got {self.number}")
        if not self.name.isprintable():
            raise ValueError("the name of a class must be printable")

    @property
    def label(self) -> str:
        """'class 2, buses'."""
        return f"class {self.number}, {self.name}" if self.name else f"class {self.number}"
