"""Who may do what: roles, and the visitor that somebody is after a login."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What somebody may do; each may also do what those before it may.

    VIEWER looks. OPERATOR does the day's work: plans, limits that tighten, starting and stopping, vehicles, prices.
    INSTALLER changes the installation and what stations are told in their own terms: configuration, firmware, raw
    profiles. ADMIN says who else may do what.
    """

    VIEWER = 1
    OPERATOR = 2
    INSTALLER = 3
    ADMIN = 4

    @property
    def word(self) -> str:
        """As people and files write it."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Role:
        """The role that people call so. Raises ValueError."""
        for role in cls:
            if role.word == word:
                return role
        raise ValueError(f"there is no role {word!r:.40}: write {', '.join(role.word for role in cls)}")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever asks. `role` None: nobody knows who it is, and only what is open to everybody is open. `name` as the
    audit shows it. `in_person`: logged in with a password in a browser, not a program with a token. `areas`: the only
    parts of the interface that a token opens; empty for all.
    """

    name: str = ""
    role: Role | None = None
    in_person: bool = False
    areas: frozenset[str] = frozenset()
