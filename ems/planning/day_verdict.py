"""What is said of a finished day, kept as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class DayRegret:
    """A local day. Money with what is missing counted: `cost` of it, what it `could` have cost, and the parts of the
    difference; `limits` is what the limits of circuits cost beyond that. `missing_kwh` and `could_miss_kwh`: what
    vehicles that left on that day did not get.
    """

    day: date
    cost: float
    could: float
    carried_out: float
    wishes: float
    late_knowledge: float
    limits: float
    missing_kwh: float
    could_miss_kwh: float

    @property
    def regret(self) -> float:
        """What was paid, or missed, for nothing."""
        return self.cost - self.could

    @property
    def why(self) -> str:
        """The largest part in words."""
        parts = {
            "how it was carried out": self.carried_out,
            "what drivers said": self.wishes,
            "who came was not known before": self.late_knowledge,
        }
        name, most = max(parts.items(), key=lambda item: item[1])
        return name if self.regret > 0.0 and most > 0.0 else "nothing could have been better"

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        numbers = (
            "cost",
            "could",
            "carried_out",
            "wishes",
            "late_knowledge",
            "limits",
            "missing_kwh",
            "could_miss_kwh",
        )
        rounded = {name: round(float(getattr(self, name)), 4) for name in numbers}
        return {"day": self.day.isoformat(), **rounded, "regret": round(self.regret, 4), "why": self.why}


@dataclass(frozen=True, slots=True)
class DayVerdict:
    """Of a local day: its regret, or in words why there is none; and what was assumed."""

    day: date
    regret: DayRegret | None = None
    trouble: str = ""
    assumed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        regret = None if self.regret is None else self.regret.as_json()
        return {
            "day": self.day.isoformat(),
            "regret": regret,
            "trouble": self.trouble,
            "assumed": list(self.assumed),
        }

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> DayVerdict:
        """The verdict again. Raises ValueError, TypeError or KeyError for what is none."""
        day, known = date.fromisoformat(told["day"]), told["regret"]
        names = [field.name for field in fields(DayRegret) if field.name != "day"]
        regret = None if known is None else DayRegret(day, **{name: float(known[name]) for name in names})
        return cls(day, regret, str(told["trouble"]), tuple(map(str, told["assumed"])))
