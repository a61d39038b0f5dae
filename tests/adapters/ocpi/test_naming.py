"""Names that partners know: fit for them, different for different things, and the same for ever."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ems.adapters.ocpi.naming import evse_id, evse_uid, session_id, station_tag, tariff_id
from ems.domain.access.tag import plain_tag
from ems.domain.roaming import Operator, PartyId

SESSION = "c9df189d-bfb8-5273-a283-10a13b23348a"
PARTY = PartyId("DE", "EMS")
OPERATOR = Operator(PARTY, "Yard", "", "https://a.example", "YARD", "A 1", "B", "1", "DEU", 52.5, 13.4)
STATION = some.text(
    some.characters(codec="ascii", exclude_characters="/\x7f", min_codepoint=33), min_size=1, max_size=60
)


@pytest.mark.parametrize(
    ("evse", "uid", "shown"),
    [
        ("CP-01/1", "CP-01*1", "DE*EMS*ECP*01*1"),
        ("row a.7/12", "E", "DE*EMS*EROW*A*7*12"),
        ("Säule/1", "E", "DE*EMS*ES*ULE*1"),
        (f"{'X' * 40}/1", "E", "DE*EMS*EXXXXXXXXXXXXXXXXXXXXX*"),
    ],
)
def test_an_evse_is_called_so(evse: str, uid: str, shown: str) -> None:
    assert evse_uid(evse).startswith(uid)
    assert evse_id(PARTY, evse).startswith(shown)


@given(STATION, some.integers(1, 99))
def test_names_of_evses_fit_what_the_specification_and_emi3_allow(station: str, number: int) -> None:
    evse = f"{station}/{number}"
    assert re.fullmatch(r"[A-Za-z0-9._~*-]{1,36}", evse_uid(evse))
    assert re.fullmatch(r"DE\*EMS\*E[A-Z0-9*]{1,30}", evse_id(PARTY, evse))
    assert evse_uid(evse) == evse_uid(evse)


@given(some.text(some.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=36))
def test_every_uid_becomes_a_tag_that_a_station_can_be_told(uid: str) -> None:
    tag = station_tag(uid)
    assert plain_tag(tag) == tag
    assert tag == uid or tag.startswith("GUEST-")
    assert station_tag(uid.upper()).casefold() == station_tag(uid.lower()).casefold()


def test_the_id_of_a_session_is_the_same_after_a_restart_and_differs_between_sites() -> None:
    name = "CP-01/1@20260301T100000Z"
    assert session_id(OPERATOR, name) == SESSION
    other = Operator(PARTY, "Yard", "", "https://a.example", "DEPOT", "A 1", "B", "1", "DEU", 52.5, 13.4)
    assert session_id(OPERATOR, name) == session_id(OPERATOR, name) != session_id(other, name)
    assert len(tariff_id("x" * 100)) == 36
    assert tariff_id("public") == "public"
