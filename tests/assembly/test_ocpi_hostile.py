"""Whatever a partner sends, it gets the status that the specification says, and the daemon goes on."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.ocpi.provider import Provider, serving, token
from tests.assembly.test_ocpi import WHO, roaming
from tests.assembly.test_partner_page import Behind

LATER = "2030-01-01T00:00:00Z"
CARD = "/tokens/NL/TNM/CARD"
START = {"response_url": "http://127.0.0.1/r", "token": token("A"), "location_id": "YARD", "evse_uid": "CP-01*1"}


class Met(Behind):
    """The daemon, with a provider that is registered."""

    def __init__(self, folder: Any) -> None:
        super().__init__(folder)
        self.provider = Provider()
        self.base = f"{self.site.page}/ocpi/2.2.1"


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Met]:
    there = Met(tmp_path_factory.mktemp("yard"))
    with serving(there.provider):
        token_ = there.wait(lambda daemon: roaming(daemon).invite("tnm", WHO))
        assert there.provider.register(f"{there.site.page}/ocpi/versions", token_).code == 1000
        yield there
    there.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/locations", None, 200, 1000),
        ("GET", "/locations/YARD", None, 200, 1000),
        ("GET", "/locations/yard/cp-01*1/1", None, 200, 1000),
        ("GET", "/locations/ELSEWHERE", None, 404, 2003),
        ("GET", "/locations/YARD/NONE", None, 404, 2003),
        ("GET", "/locations/YARD/CP-01*1/2", None, 404, 2003),
        ("GET", "/locations/YARD/CP-01*1/1/more", None, 404, 2000),
        ("GET", "/locations/%2e%2e%2f%2e%2e%2fetc%2fpasswd", None, 404, 2003),
        ("GET", "/locations?limit=-1", None, 200, 2001),
        ("GET", "/sessions?date_from=yesterday", None, 200, 2001),
        ("GET", "/cdrs?offset=99999999999999999999", None, 200, 2001),
        ("GET", "/cdrs?offset=9007199254740992", None, 200, 1000),
        ("GET", "/tariffs?date_to=2020-01-01T00:00:00Z", None, 200, 1000),
        ("POST", "/locations", {}, 405, 2000),
        ("PATCH", "/cdrs", {}, 405, 2000),
        ("DELETE", "/tokens/NL/TNM/CARD", None, 405, 2000),
        ("GET", "/chargingprofiles/1", None, 404, 2000),
        ("GET", "/hubclientinfo", None, 404, 2000),
        ("GET", CARD, None, 404, 2004),
        ("PATCH", CARD, {"valid": False, "last_updated": LATER}, 404, 2004),
        ("PUT", "/tokens/DE/EMS/CARD", token("CARD"), 404, 2001),
        ("PUT", "/tokens/NL/TNM/OTHER", token("CARD"), 200, 2001),
        ("PUT", f"{CARD}?type=APP_USER", token("CARD"), 200, 2001),
        ("PUT", f"{CARD}?type=PASSPORT", token("CARD"), 200, 2001),
        ("PUT", CARD, token("CARD", party_id="XXX"), 200, 2001),
        ("PUT", CARD, {}, 200, 2001),
        ("PUT", CARD, [token("CARD")], 200, 2001),
        ("PUT", CARD, "text", 200, 2001),
        ("PUT", CARD, token("CARD", valid="perhaps"), 200, 2001),
        ("PUT", CARD, token("CARD", issuer="\x1b[2J" * 20), 200, 2001),
        ("PUT", "/tokens/NL/TNM", token("CARD"), 404, 2000),
        ("POST", "/commands/EXPLODE", START, 404, 2001),
        ("POST", "/commands/START_SESSION", {}, 200, 2001),
        ("POST", "/commands/START_SESSION", {**START, "location_id": "ELSEWHERE"}, 200, 2003),
        ("POST", "/commands/START_SESSION", {**START, "evse_uid": "NONE"}, 200, 2003),
        ("POST", "/commands/START_SESSION", {**START, "token": token("A", party_id="XXX")}, 200, 2001),
        ("POST", "/commands/START_SESSION", {**START, "response_url": "http://169.254.169.254/x"}, 200, 2001),
        ("POST", "/commands/START_SESSION", {**START, "response_url": "file:///etc/passwd"}, 200, 2001),
        ("POST", "/commands/START_SESSION", {**START, "response_url": "http://[::1"}, 200, 2001),
        ("PUT", "/sessions/nobody/charging_preferences", {"profile_type": "FAST"}, 404, 2001),
        ("PUT", "/sessions/nobody/charging_preferences", {"profile_type": "HURRY"}, 200, 2001),
        ("POST", "/credentials", {}, 405, 2000),
        ("PUT", "/credentials", {}, 200, 2001),
        ("PUT", "/credentials", {"token": "x", "url": "http://127.0.0.1:1/v", "roles": []}, 200, 2001),
    ],
)
def test_every_request_gets_its_status(met: Met, method: str, path: str, body: Any, status: int, code: int) -> None:
    found = met.provider.ask(method, met.base + path, body)
    assert (found.status, found.code) == (status, code), found.body
    assert found.code == 1000 or found.body["status_message"], "it says why"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"valid": NaN}', 400),
        (b'{"valid": true, "valid": false}', 400),
    ],
    ids=("cut", "no-text", "deep", "nan", "twice"),
)
def test_what_is_no_json_never_reaches_the_layer_of_ocpi(met: Met, raw: bytes, status: int) -> None:
    assert met.provider.ask("PUT", met.base + CARD, raw=raw).status == status


@pytest.mark.parametrize("shown", ["", "x", "Bearer", "é" * 40, "\x00", "A" * 5000])
def test_a_token_that_nobody_knows_opens_nothing(met: Met, shown: str) -> None:
    found = met.provider.ask("GET", f"{met.base}/locations", token=shown)
    assert (found.status, found.code) == (401, 2000)


def test_a_version_that_is_not_spoken_is_3002(met: Met) -> None:
    found = met.provider.ask("GET", f"{met.site.page}/ocpi/2.1.1/locations")
    assert (found.status, found.code) == (404, 3002)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": "2.1.1"}, 3002),
        ({"modules": (("locations", "RECEIVER"),)}, 3003),
        ({"is_down": True}, 3001),
    ],
)
def test_credentials_of_a_partner_that_cannot_be_asked_are_refused_and_change_nothing(
    met: Met, changes: dict[str, Any], code: int
) -> None:
    before = {name: getattr(met.provider, name) for name in changes}
    for name, value in changes.items():
        setattr(met.provider, name, value)
    found = met.provider.ask("PUT", f"{met.base}/credentials", met.provider.credentials())
    for name, value in before.items():
        setattr(met.provider, name, value)
    assert (found.status, found.code) == (200, code), found.body
    assert met.provider.ask("GET", f"{met.base}/locations").code == 1000, "what was agreed holds"


def test_a_partner_cannot_speak_for_us_nor_for_another(met: Met) -> None:
    told = met.provider.credentials()
    told["roles"][0] |= {"party_id": "ems", "country_code": "de"}
    assert met.provider.ask("PUT", f"{met.base}/credentials", told).code == 2001


def test_the_token_to_register_with_opens_nothing_else(met: Met) -> None:
    with pytest.raises(ValueError, match="registered"):
        met.wait(lambda daemon: roaming(daemon).invite("tnm", WHO))
    shown = base64.b64encode(b"never given out").decode()
    assert met.provider.ask("GET", f"{met.site.page}/ocpi/versions", token=shown).status == 401


def test_a_token_comes_and_changes_and_is_shown_as_it_was_told(met: Met) -> None:
    uid = "04:A1 b2/c3"
    place = f"{met.base}/tokens/NL/TNM/04%3AA1%20b2%2Fc3"
    told = token(uid, visual_number="<script>alert(1)</script>")
    assert met.provider.ask("PUT", place, told).status == 201
    assert met.provider.ask("PUT", place, told).status == 200
    assert met.provider.ask("PATCH", place, {"valid": False}).code == 2001, "last_updated is missing"
    assert met.provider.ask("PATCH", place, {"valid": False, "last_updated": LATER}).code == 1000
    assert met.provider.ask("GET", place).data == {**told, "valid": False, "last_updated": LATER}
