"""Customers of roaming partners are admitted as their partner says of them, beside our own tags."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ems.domain.access.admission import Asked, AuthStatus, Guest, Usage, authorise
from ems.domain.access.book import AccessBook, AccessMode, Doors
from ems.domain.access.tag import Tag

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TAGS = Doors(AccessMode.TAGS)
BOOK = AccessBook(tags={"ours": Tag("OURS", is_blocked=True)})


@pytest.mark.parametrize(
    ("tag", "guest", "mode", "status", "reason"),
    [
        ("G1", Guest("a customer of ACME"), AccessMode.TAGS, AuthStatus.ACCEPTED, "it is a customer of ACME"),
        ("G1", Guest("a customer of ACME", "ACME says no"), AccessMode.TAGS, AuthStatus.BLOCKED, "ACME says no"),
        ("G1", Guest("a customer of ACME", "ACME says no"), AccessMode.FREE, AuthStatus.ACCEPTED, ""),
        ("G1", None, AccessMode.TAGS, AuthStatus.INVALID, "nobody knows this tag"),
        ("OURS", Guest("a customer of ACME"), AccessMode.TAGS, AuthStatus.BLOCKED, "the tag OURS is blocked"),
    ],
)
def test_a_guest_is_admitted_as_its_partner_says(
    tag: str, guest: Guest | None, mode: AccessMode, status: AuthStatus, reason: str
) -> None:
    answer = authorise(Asked(tag, "A/1", NOON), BOOK, Doors(mode), Usage(guest=guest))
    assert answer.status is status
    assert answer.reason.startswith(reason)
    assert answer.is_known == (guest is not None or tag == "OURS")


def test_a_guest_may_end_what_it_began() -> None:
    asked = Asked("G1", "A/1", NOON, starts=False)
    assert authorise(asked, BOOK, TAGS, Usage(guest=Guest("a customer of ACME"))).is_accepted
