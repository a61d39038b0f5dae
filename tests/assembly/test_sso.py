"""People log in by an identity provider: a real one in the test, and a whole daemon; once in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

pytest.importorskip("authlib", reason="the extra ems[oidc] is not installed")

from tests.adapters.web.test_browser import CHROMIUM, Visit, chromium
from tests.assembly.identity_provider import SECRET, IdentityProvider, serving
from tests.assembly.installation import Installation
from tests.assembly.test_interface import PASSWORD, Interface

__all__ = ["chromium"]
ADA = {"preferred_username": "ada", "groups": ["staff", "ems-ops"]}


class House:
    """A provider and a daemon that trusts it."""

    def __init__(self, folder: Path, provider: IdentityProvider) -> None:
        self.provider = provider
        site = Installation.at(folder)
        secret = site.folder / "oidc-secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        told = f"issuer: '{provider.issuer}', client_id: ems, client_secret_file: oidc-secret, name: Yard account"
        roles = "roles: {ems-admins: admin, ems-ops: operator}"
        site.write(more=f"oidc: {{{told}, {roles}}}\n")
        self.interface = Interface(site)
        self.page = site.page

    def visitor(self) -> requests.Session:
        """A browser without scripts."""
        session = requests.Session()
        session.trust_env = False
        return session

    def comes(self, who: str, session: requests.Session | None = None) -> requests.Response:
        """Somebody logs in there and comes back."""
        one = session or self.visitor()
        there = one.get(f"{self.page}/login/oidc", params={"next": "/plan"}, allow_redirects=False, timeout=10)
        assert there.status_code == 303, there.text
        query = urlsplit(there.headers["location"]).query
        back = one.post(f"{self.provider.issuer}/authorize", data={"query": query, "who": who}, allow_redirects=False,
                        timeout=10)  # fmt: skip
        return one.get(back.headers["location"], timeout=10)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    provider = IdentityProvider()
    with serving(provider):
        house = House(tmp_path_factory.mktemp("house"), provider)
        yield house
        house.interface.close()


@pytest.fixture
def house(opened: House) -> House:
    provider = opened.provider
    provider.people = {"ada": dict(ADA)}
    provider.spoils, provider.other_key, provider.is_down = (lambda _claims: None), False, False
    return opened


def test_who_comes_back_is_logged_in_with_the_role_that_the_provider_says(house: House) -> None:
    session = house.visitor()
    answer = house.comes("ada", session)
    assert 'content="0;url=/plan"' in answer.text
    assert "ems-login" in session.cookies
    account = session.get(f"{house.page}/account", timeout=10)
    assert "ada" in account.text
    assert "operator" in account.text
    house.provider.people["ada"]["groups"] = ["ems-admins", "ems-ops"]
    house.comes("ada", session)
    assert session.get(f"{house.page}/users", timeout=10).status_code == 200, "the role is that of the last login"


def refused(house: House, words: str, who: str = "ada") -> None:
    session = house.visitor()
    answer = house.comes(who, session)
    assert answer.status_code == 401
    assert words in answer.text
    assert "ems-login" not in session.cookies


@pytest.mark.parametrize(
    ("spoils", "words"),
    [
        (lambda claims: claims.update(nonce="another"), "not about this login"),
        (lambda claims: claims.update(aud="another"), "not meant for this controller"),
        (lambda claims: claims.update(iss="https://evil.example"), "not meant for this controller"),
        (lambda claims: claims.update(exp=1000), "too old"),
        (lambda claims: claims.pop("sub"), "not about this login"),
        (lambda claims: claims.pop("preferred_username"), "does not say who you are"),
        (lambda claims: claims.update(groups=["staff"]), "gives you no role here"),
        (lambda claims: claims.update(groups={"a": 1}), "gives you no role here"),
        (lambda claims: claims.update(preferred_username="<script>alert(1)</script>"), "user name is 1 to"),
        (lambda claims: claims.update(preferred_username="root"), "another user root here"),
        (lambda claims: claims.update(sub="somebody else"), "another user ada here"),
    ],
)
def test_an_answer_that_does_not_let_somebody_in_is_said(
    house: House, spoils: Callable[[dict[str, Any]], None], words: str
) -> None:
    house.comes("ada")
    house.provider.spoils = spoils
    refused(house, words)


def test_a_forged_signature_is_not_believed(house: House) -> None:
    house.provider.other_key = True
    refused(house, "its answer is not signed as it says itself (bad_signature)")


def test_whom_the_provider_does_not_know_it_refuses(house: House) -> None:
    refused(house, "nobody knows you", "eve")


def test_a_login_that_was_begun_in_another_browser_is_not_finished_in_this_one(house: House) -> None:
    """Somebody sends a link with a code of their own."""
    attacker = house.visitor()
    there = attacker.get(f"{house.page}/login/oidc", allow_redirects=False, timeout=10)
    asked = {name: values[-1] for name, values in parse_qs(urlsplit(there.headers["location"]).query).items()}
    link, before = house.provider.code(asked, "ada"), house.provider.tokens
    victim = house.visitor().get(link, timeout=10)
    assert victim.status_code == 401
    assert "was not begun in this browser" in victim.text
    assert house.provider.tokens == before
    assert attacker.get(link, timeout=10).status_code == 401, "and then it is over"


def test_while_the_provider_is_down_a_local_administrator_still_logs_in(house: House) -> None:
    house.provider.is_down = True
    session = house.visitor()
    answer = session.get(f"{house.page}/login/oidc", timeout=10)
    assert answer.status_code == 503
    assert "Yard account cannot be reached. Try again, or log in with a user of this controller." in answer.text
    form = {"name": "root", "password": PASSWORD, "next": "/users"}
    headers = {"origin": house.page, "sec-fetch-site": "same-origin"}
    assert session.post(f"{house.page}/login", data=form, headers=headers, timeout=10).status_code == 200
    assert "ems-login" in session.cookies


def test_nobody_logs_in_with_a_password_as_somebody_whom_the_provider_knows(house: House) -> None:
    house.comes("ada")
    headers = {"origin": house.page, "sec-fetch-site": "same-origin"}
    for password in ("", "oidc:", PASSWORD):
        form = {"name": "ada", "password": password, "next": "/"}
        answer = house.visitor().post(f"{house.page}/login", data=form, headers=headers, timeout=10)
        assert answer.status_code in {401, 429}


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
def test_in_a_browser_the_button_leads_there_and_back(chromium: Any, house: House) -> None:
    visit = Visit(chromium, f"{house.page}/login?next=/account")
    visit.page.click("text=Log in by Yard account")
    visit.page.fill("#who", "ada")
    visit.page.click("button")
    visit.page.wait_for_url("**/account")
    visit.expects(".out b").to_have_text("ada")
    assert visit.complaints == []
    visit.page.close()
