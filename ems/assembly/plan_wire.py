"""What goes to the planner's process and what comes back.

Questions are pickled: they go to a child of ours. Answers are not, because what comes from a process that may be
damaged must not run here: they are lines of JSON, the first one says whether there is a plan, the second is the plan
without its charges, each other one is a charge. So no single step of reading one takes long.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from ems.adapters.store.codec import Codec
from ems.assembly.sources import Sources
from ems.domain.energy.price_push import Pushed
from ems.domain.plan import Plan, PlannedCharge
from ems.planning.outlook import Outlook

MOST_LINE = 1 << 19
"""A longer line is none of ours, and reading it would hold the interpreter."""

SURROGATE = b"\\ud"
"""How JSON may write half of a character; we write whole ones as they are."""


class Setup(NamedTuple):
    """What a process is told first: the revision of the site, and what to know of it."""

    revision: str
    sources: Sources


class Question(NamedTuple):
    """Plan for this; `limit_s` is what it may take; `prices` were pushed."""

    number: int
    limit_s: float
    outlook: Outlook
    prices: Pushed


class DayQuestion(NamedTuple):
    """What is to be said of a finished local day; `limit_s` is what that may take."""

    day: date
    limit_s: float
    prices: Pushed


class WireError(ValueError):
    """An answer is not one to the question; the text says why."""


class Answer(NamedTuple):
    """A plan, or in words why there is none, to the question of that number about that revision."""

    revision: str
    number: int
    trouble: str
    plan: Plan | None


class _Head(NamedTuple):
    revision: str
    number: int
    trouble: str


_CODEC = Codec([_Head, Plan, PlannedCharge])


def encoded(answer: Answer) -> bytes:
    """An answer as bytes."""
    lines = [_CODEC.encode(_Head, _Head(answer.revision, answer.number, answer.trouble))]
    if answer.plan is not None:
        bare: list[Any] = _CODEC.encode(Plan, answer.plan)
        charges = bare[_CHARGES]
        bare[_CHARGES] = []
        lines += [bare, *charges]
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode("utf-8", "replace")


def decoded(payload: bytes, revision: str, number: int) -> Answer:
    """The answer to the question of that number, from whatever came. Raises WireError. For a thread: it gives way to
    others after every charge.
    """
    try:
        lines = payload.split(b"\n")
        head: _Head = _CODEC.decode(_Head, _plain(lines[0]))
        if (head.revision, head.number) != (revision, number):
            raise WireError(f"it answers question {head.number} about revision {head.revision[:40]}")  # noqa: TRY301
        if len(lines) == 1:
            return Answer(*head, None)
        bare: Plan = _CODEC.decode(Plan, _plain(lines[1]))
        charges = []
        for line in lines[2:]:
            charges.append(_CODEC.decode(PlannedCharge, _plain(line)))
            time.sleep(0.0)
        return Answer(*head, replace(bare, charges=tuple(charges)))
    except WireError:
        raise
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError) as wrong:
        raise WireError(f"{type(wrong).__name__}: {str(wrong)[:200]}") from None


def _plain(line: bytes) -> Any:
    if len(line) > MOST_LINE:
        raise WireError(f"a line of {len(line)} bytes")
    if SURROGATE in line.lower():
        raise WireError("half a character")
    return json.loads(line.decode("utf-8"))


_CHARGES = tuple(_CODEC.schema["Plan"]).index("charges")
