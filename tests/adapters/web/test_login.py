"""People log in: who gets in, who does not, what a browser may be made to do by others, and what programs may."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterator
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.password.hashing import Cost, Hasher
from ems.adapters.store.recovery import Recovered
from ems.adapters.web.accounts.login import safe_way
from ems.adapters.web.app import WebOptions, create_app
from ems.adapters.web.entrance import COOKIE, csrf_of
from ems.assembly.accounts import SiteAccounts
from ems.assembly.passwords import MOST_WAITING, network_of
from ems.domain.access.account import IDLE, LONGEST, LoginRule, Role
from ems.domain.access.lockout import FIRST_WAIT_S, FREE_PAIR
from ems.domain.access.roll import RoleGiven, TokenRevoked, UserDisabled
from tests.adapters.web.lobby import CHEAP, FAR, HERE, MACHINE, PASSWORD, PEOPLE, Browser, Lobby, Where, shown

FAST = b'{"strategy": "fast"}'


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lobby]:
    """For tests that leave it as it was."""
    with Lobby(tmp_path_factory.mktemp("lobby")) as lobby:
        yield lobby


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with everybody in it."""
    folder = tmp_path_factory.mktemp("prepared")
    with Lobby(folder):
        return folder


@pytest.fixture
def lobby(tmp_path: Path, prepared: Path) -> Iterator[Lobby]:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    with Lobby(tmp_path) as lobby:
        yield lobby


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Lobby]:
    with Lobby(tmp_path, people={}) as lobby:
        yield lobby


def test_without_a_user_the_login_leads_to_the_first_run(empty: Lobby) -> None:
    assert empty.browser().get("/").headers["location"] == "/login?next=/"
    assert empty.browser().get("/login").headers["location"] == "/first-run"
    assert "Nobody can log in yet" in shown(empty.browser().get("/first-run"))


def test_the_code_of_the_log_makes_the_first_administrator_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with Lobby(tmp_path, people={}) as lobby:
        (line,) = [r.getMessage() for r in caplog.records if "accounts.first-run" in r.getMessage()]
        code = line.split()[-1]
        assert "http://127.0.0.1:8080/first-run" in line
        browser = lobby.browser(where=HERE)
        begin = {"code": code.lower(), "name": "anna", "password": PASSWORD, "again": PASSWORD}
        assert browser.submit("/first-run", begin, csrf=None).headers["location"] == "/"
        assert browser.is_in()
        assert lobby.accounts.roll.user("anna").role is Role.ADMIN
        again = lobby.browser(where=HERE).submit("/first-run", {**begin, "name": "eve"}, csrf=None)
        assert again.status_code == 401
        assert set(lobby.accounts.roll.users) == {"anna"}
        lobby.restart()
        assert lobby.code == ""
        assert [entry.split()[-1] for entry in lobby.audits()[-2:]] == ["LoggedIn", "FirstUserAdded"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"code": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA"}, "not the code"),
        ({"code": ""}, "not the code"),
        ({"again": "another horse battery"}, "two passwords are not the same"),
        ({"password": "short", "again": "short"}, "at least 12 characters"),
        ({"name": "<script>alert(1)</script>"}, "a user name is 1 to 40 letters"),
    ],
)
def test_a_first_run_that_does_not_fit_changes_nothing_and_says_why(
    empty: Lobby, changed: dict[str, str], words: str
) -> None:
    begin = {"code": empty.code, "name": "anna", "password": PASSWORD, "again": PASSWORD, **changed}
    answer = empty.browser(where=HERE).submit("/first-run", begin, csrf=None)
    assert (answer.status_code, words in shown(answer).lower()) == (401 if "code" in changed else 422, True)
    assert "<script>alert" not in answer.text
    assert not empty.accounts.roll.users
    assert empty.code


def test_guesses_at_the_code_are_slowed_down(empty: Lobby) -> None:
    begin = {"code": "A" * 25, "name": "anna", "password": PASSWORD, "again": PASSWORD}
    status = [
        empty.browser(where=HERE).submit("/first-run", begin, csrf=None).status_code for _ in range(FREE_PAIR + 1)
    ]
    assert status == [401] * FREE_PAIR + [429]


def test_who_logs_in_gets_a_cookie_that_scripts_and_other_sites_never_see(shared: Lobby) -> None:
    answer = shared.browser().log_in("otto")
    assert (answer.status_code, answer.headers["location"]) == (303, "/plan")
    login, csrf = answer.headers.get_list("set-cookie")
    assert login.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= {part.strip() for part in login.split(";")}
    assert "SameSite=strict" in csrf
    assert "HttpOnly" not in csrf
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    ("name", "password"),
    [("otto", "wrong horse battery"), ("nobody", PASSWORD), ("", ""), ("otto", ""), ("OTTO'--", PASSWORD),
     ("otto", PASSWORD + " "), ("otto", "x" * 5000), ("otto\x00", PASSWORD), ("\u202eotto", PASSWORD)],
)  # fmt: skip
def test_a_wrong_name_and_a_wrong_password_are_told_apart_by_nobody(shared: Lobby, name: str, password: str) -> None:
    answer = shared.browser(where=Where(f"10.1.1.{len(name + password) % 250}")).log_in(name, password)
    assert answer.status_code == 401
    assert "The name or the password is wrong." in shown(answer)
    assert "set-cookie" not in answer.headers


def test_a_disabled_user_is_told_the_same_and_is_logged_out_everywhere(lobby: Lobby) -> None:
    browser, secret = lobby.browser("otto"), lobby.token("otto", Role.OPERATOR)
    assert browser.is_in()
    lobby.run(lobby.accounts.change(UserDisabled("otto"), "anna"))
    assert not browser.is_in()
    assert lobby.bearer(secret, "GET", "/api/v1/state").status_code == 401
    assert "The name or the password is wrong." in shown(lobby.browser().log_in("otto"))


def test_wrong_guesses_lock_out_for_a_while_with_a_clear_message(lobby: Lobby) -> None:
    """W01."""
    for _ in range(FREE_PAIR):
        assert lobby.browser().log_in("otto", "wrong horse battery").status_code == 401
    locked = lobby.browser().log_in("otto")
    assert (locked.status_code, locked.headers["retry-after"]) == (429, "30")
    assert "Too many wrong guesses: try again in 30 s." in shown(locked)
    assert lobby.browser(where=Where("10.0.0.78")).log_in("otto").status_code == 303, "others are not locked out"
    lobby.later(timedelta(seconds=FIRST_WAIT_S))
    assert lobby.browser().log_in("otto").status_code == 303
    assert "somebody (10.0.0.77) LockedOut" in lobby.audits()


def test_guesses_that_come_all_at_once_are_counted_too(lobby: Lobby) -> None:
    async def guesses() -> list[str]:
        tries = (lobby.accounts.log_in("otto", f"guess number {k}", "10.0.0.5", False) for k in range(MOST_WAITING + 9))
        return [str(one) for one in await asyncio.gather(*tries, return_exceptions=True)]

    said = lobby.run(guesses())
    assert sum("password is wrong" in one for one in said) <= FREE_PAIR + 1
    assert sum("too many people" in one for one in said) == 9


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2::9", "2001:0db8:0001:0002"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_whoever_has_a_network_of_addresses_is_counted_once(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_login_ends_when_it_is_not_used_and_after_a_fortnight_at_the_latest(lobby: Lobby) -> None:
    browser = lobby.browser("otto")
    lobby.later(IDLE - timedelta(minutes=1))
    assert browser.is_in()
    lobby.later(IDLE)
    assert not browser.is_in()
    browser = lobby.browser("otto")
    for _ in range(int(LONGEST / timedelta(hours=8)) - 1):
        lobby.later(timedelta(hours=8))
        assert browser.is_in()
    lobby.later(timedelta(hours=8))
    assert not browser.is_in()


def test_a_login_outlives_a_restart_and_a_logout_does_too(lobby: Lobby) -> None:
    stays, goes = lobby.browser("otto"), lobby.browser("vera")
    assert goes.submit("/logout", {}).headers["location"] == "/login"
    assert goes.cookies == {}
    lobby.run(lobby.store.flush())
    kept = goes.cookies
    lobby.restart()
    assert stays.is_in()
    goes.cookies = kept
    assert not goes.is_in()


def test_the_cookie_of_a_login_that_is_over_opens_nothing(lobby: Lobby) -> None:
    browser = lobby.browser("otto")
    stolen = dict(browser.cookies)
    browser.submit("/logout", {})
    thief = lobby.browser()
    thief.cookies = stolen
    assert thief.get("/").headers["location"] == "/login?next=/"
    assert thief.tell("POST", "/api/v1/strategy", FAST).status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "x" * 4000, "ems\x01", "é", "../../etc/passwd", "' OR 1=1--"])
def test_a_made_up_cookie_is_nobody(shared: Lobby, cookie: str) -> None:
    browser = shared.browser()
    answer = browser.send("GET", "/api/v1/state", None, {"cookie": f"{COOKIE}={cookie}".encode().decode("latin-1")})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("vera", "strategy", 403),
        ("otto", "strategy", 200),
        ("ina", "strategy", 200),
        ("anna", "strategy", 200),
        (None, "strategy", 401),
        ("vera", "users", 403),
        ("otto", "users", 403),
        ("ina", "users", 403),
        ("anna", "users", 200),
        (None, "users", 303),
    ],
)
def test_each_role_may_what_it_may(shared: Lobby, role: str | None, path: str, status: int) -> None:
    """W03."""
    browser = shared.browser(role)
    answer = browser.get("/users") if path == "users" else browser.tell("POST", "/api/v1/strategy", FAST)
    assert answer.status_code == status
    if status == 403:
        assert "needs the role" in answer.text


def test_a_role_that_was_taken_away_counts_at_once(lobby: Lobby) -> None:
    browser = lobby.browser("otto")
    assert browser.tell("POST", "/api/v1/strategy", FAST).status_code == 200
    lobby.run(lobby.accounts.change(RoleGiven("otto", Role.VIEWER), "anna"))
    assert browser.tell("POST", "/api/v1/strategy", b'{"strategy": null}').status_code == 403


def test_the_audit_names_who_was_logged_in_whatever_a_header_says(lobby: Lobby) -> None:
    lobby.browser("otto").tell("POST", "/api/v1/strategy", FAST, **{"x-operator": "anna"})
    assert lobby.audits()[0] == "otto (10.0.0.77) StrategyChosen"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-csrf-token": "-"}, 403),
        ({"x-csrf-token": "wrong"}, 403),
        ({"x-csrf-token": csrf_of("another login")}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://depot.example.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"host": "evil.example", "origin": "http://evil.example"}, 400),
        ({"origin": "-", "sec-fetch-site": "-"}, 200),
    ],
)
def test_a_page_of_another_site_cannot_change_a_thing_by_a_login(
    shared: Lobby, headers: dict[str, str], status: int
) -> None:
    """W02: each defence is tried alone, with the cookie, as if the browser had sent it."""
    browser = shared.browser("otto")
    assert browser.tell("POST", "/api/v1/strategy", FAST, **headers).status_code == status


@pytest.mark.parametrize(
    ("path", "csrf", "headers", "status"),
    [
        ("/account/logins/end", None, {}, 403),
        ("/account/logins/end", "wrong", {}, 403),
        ("/account/logins/end", "own", {"origin": "http://evil.example"}, 403),
        ("/account/logins/end", "own", {"content-type": "application/json"}, 415),
        ("/account/logins/end", "own", {}, 303),
        ("/login", None, {"origin": "http://evil.example"}, 403),
        ("/login", None, {"sec-fetch-site": "cross-site"}, 403),
        ("/first-run", None, {"origin": "http://evil.example"}, 403),
        ("/logout", None, {}, 403),
    ],
)
def test_a_form_of_another_site_does_nothing(
    shared: Lobby, path: str, csrf: str | None, headers: dict[str, str], status: int
) -> None:
    browser = shared.browser("otto")
    fields = {"name": "otto", "password": PASSWORD}
    assert browser.submit(path, fields, csrf=csrf, **headers).status_code == status


def test_a_login_form_without_a_word_of_its_page_is_refused(shared: Lobby) -> None:
    """A browser names the page that a form is from; who does not is no browser, and uses a token."""
    browser = shared.browser()
    answer = browser.send(
        "POST", "/login", b"name=otto&password=x", {"content-type": "application/x-www-form-urlencoded"}
    )
    assert (answer.status_code, answer.json()["reason"]) == (403, "foreign-origin")


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"name=a&name=b", 400), (b"&".join(b"f%d=1" % k for k in range(200)), 400), (b"name=%ff%fe", 400), (b"=", 401),
     (b"name", 400), (b"\xff\xfe", 400), (b"name=" + b"x" * 30_000, 413)],
)  # fmt: skip
def test_a_form_that_no_browser_sends_is_refused(shared: Lobby, body: bytes, status: int) -> None:
    """W06, W10."""
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    assert shared.browser(where=Where("10.1.2.3")).send("POST", "/login", body, headers).status_code == status


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/plan?x=1", "/plan?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nset-cookie: x", "/"),
        ("/\t/evil.example", "/"),
        ("", "/"),
        ("/" + "x" * 600, "/"),
    ],
)
def test_after_a_login_it_goes_on_here_and_nowhere_else(path: str, back: str) -> None:
    assert safe_way(path) == back


@pytest.mark.parametrize(
    ("rule", "people", "look", "change"),
    [
        (LoginRule.TO_CHANGE, False, 200, 200),
        (LoginRule.TO_CHANGE, True, 200, 401),
        (LoginRule.LOOPBACK_FREE, True, 200, 200),
        (LoginRule.REQUIRED, False, 401, 401),
        (LoginRule.REQUIRED, True, 401, 401),
    ],
)
def test_what_somebody_at_the_machine_may_without_a_login(
    tmp_path: Path, rule: LoginRule, people: bool, look: int, change: int
) -> None:
    options = WebOptions(host="0.0.0.0", login=rule, names=("depot.example",))
    with Lobby(tmp_path, options, PEOPLE if people else {}) as lobby:
        here, far = lobby.browser(where=HERE), lobby.browser()
        assert here.get("/api/v1/state").status_code == look
        assert here.tell("POST", "/api/v1/strategy", FAST).status_code == change
        assert far.get("/api/v1/state").status_code == 401
        assert far.tell("POST", "/api/v1/strategy", FAST).status_code == 401
        assert here.get("/users").status_code == 303, "who may do what is never open"


@pytest.mark.parametrize(
    "where",
    [Where(HERE.address, FAR.host), Where(FAR.address, HERE.host), Where("::ffff:10.0.0.77", HERE.host)],
)
def test_a_name_alone_or_an_address_alone_is_not_the_machine(shared: Lobby, where: Where) -> None:
    assert shared.browser(where=where).get("/api/v1/state").status_code == 401


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-host"])
def test_who_comes_through_a_proxy_is_not_at_the_machine(shared: Lobby, header: str) -> None:
    """H28."""
    assert shared.browser(where=HERE).get("/api/v1/state", **{header: "127.0.0.1"}).status_code == 401


def test_what_the_controller_itself_asks_for_a_partner_is_not_somebody_at_the_machine(tmp_path: Path) -> None:
    """A roaming partner may have named an address of this very machine, where results of commands are told."""
    with Lobby(tmp_path, WebOptions(login=LoginRule.LOOPBACK_FREE), {}) as lobby:
        here = lobby.browser(where=HERE)
        assert here.tell("POST", "/api/v1/strategy", FAST).status_code == 200
        assert here.tell("POST", "/api/v1/strategy", FAST, authorization="Token c2VjcmV0").status_code == 401
        assert here.get("/api/v1/state", authorization="Token c2VjcmV0").status_code == 401
        assert here.get("/healthz", authorization="Token c2VjcmV0").status_code == 200


def test_health_is_open_to_everybody_and_metrics_to_those_who_may_look(shared: Lobby) -> None:
    assert shared.browser().get("/healthz").status_code == 200
    assert shared.browser().get("/metrics", accept="*/*").status_code == 401
    assert shared.browser(where=HERE).get("/metrics").status_code == 200
    assert shared.browser("vera").get("/metrics").status_code == 200


def test_the_secret_of_the_machine_makes_an_installer_of_commands_there(shared: Lobby) -> None:
    assert shared.bearer(MACHINE, "POST", "/api/v1/strategy", FAST).status_code == 200
    assert shared.bearer(MACHINE, "GET", "/users").status_code == 401
    assert shared.bearer(MACHINE[:-1] + "y", "GET", "/api/v1/state").status_code == 401


@pytest.mark.parametrize(
    ("owner", "role", "areas", "ask", "status"),
    [
        ("otto", Role.OPERATOR, "", "GET /api/v1/state", 200),
        ("otto", Role.OPERATOR, "", "POST /api/v1/strategy", 200),
        ("otto", Role.VIEWER, "", "POST /api/v1/strategy", 403),
        ("otto", Role.OPERATOR, "site", "POST /api/v1/strategy", 403),
        ("otto", Role.OPERATOR, "site operations", "POST /api/v1/strategy", 200),
        ("otto", Role.VIEWER, "health", "GET /metrics", 200),
        ("otto", Role.VIEWER, "health", "GET /api/v1/state", 403),
        ("otto", Role.VIEWER, "health", "GET /", 403),
        ("anna", Role.ADMIN, "", "GET /users", 403),
        ("anna", Role.ADMIN, "", "GET /account", 403),
    ],
)
def test_a_token_opens_what_it_says_and_nothing_that_people_do_in_person(
    shared: Lobby, owner: str, role: Role, areas: str, ask: str, status: int
) -> None:
    method, path = ask.split()
    answer = shared.bearer(shared.token(owner, role, areas), method, path, FAST if method == "POST" else None)
    assert answer.status_code == status


def test_a_token_that_is_expired_revoked_or_unknown_opens_nothing_and_says_so(lobby: Lobby) -> None:
    expired, revoked = lobby.token("otto", Role.VIEWER, days=1), lobby.token("otto", Role.VIEWER)
    assert lobby.bearer(expired, "GET", "/api/v1/state").status_code == 200
    lobby.run(lobby.accounts.change(TokenRevoked(revoked.split("_")[1]), "otto"))
    lobby.later(timedelta(days=1))
    for secret in (expired, revoked, "", "ems_", "ems__", "ems_aaaaaaaa_" + "x" * 43, expired[:-1], "\u00e9"):
        answer = lobby.bearer(secret, "GET", "/api/v1/state")
        assert (answer.status_code, answer.json()["reason"]) == (401, "bad-token")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_needs_no_second_secret_and_a_bad_one_is_not_helped_by_a_cookie(lobby: Lobby) -> None:
    secret, browser = lobby.token("otto", Role.OPERATOR), lobby.browser("otto")
    assert lobby.bearer(secret, "POST", "/api/v1/strategy", FAST).status_code == 200
    assert browser.get("/api/v1/state", authorization="Bearer nonsense").status_code == 401


def test_a_token_can_be_no_more_than_its_owner_ever(lobby: Lobby) -> None:
    secret = lobby.token("otto", Role.OPERATOR)
    lobby.run(lobby.accounts.change(RoleGiven("otto", Role.VIEWER), "anna"))
    assert lobby.bearer(secret, "POST", "/api/v1/strategy", FAST).status_code == 403
    with pytest.raises(ValueError, match="no more than"):
        lobby.token("otto", Role.OPERATOR)


def test_tokens_are_made_listed_and_revoked_on_the_account_page(lobby: Lobby) -> None:
    browser = lobby.browser("otto")
    fields = {"label": "scraper", "role": "viewer", "days": "30", "area-health": "1"}
    page = browser.submit("/account/tokens", fields)
    secret = page.text.partition('id="secret"')[2].partition(">")[2].partition("<")[0]
    assert lobby.bearer(secret, "GET", "/metrics").status_code == 200
    listed = browser.get("/account")
    assert "scraper viewer opens health" in shown(listed)
    assert secret not in listed.text
    (token,) = lobby.accounts.roll.tokens_of("otto")
    assert browser.submit("/account/tokens/revoke", {"id": token.id}).headers["location"] == "/account?done=revoked"
    assert lobby.bearer(secret, "GET", "/metrics").status_code == 401


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"role": "installer"}, "can open no more than a operator may"),
        ({"role": "root"}, "there is no role"),
        ({"days": "0"}, "a token must end"),
        ({"days": "9999"}, "a token must end"),
        ({"days": "-1"}, "in how many days"),
        ({"days": "1e9"}, "in how many days"),
        ({"label": ""}, "the label of a token"),
        ({"label": "x" * 65}, "the label of a token"),
        ({"label": "a\nb"}, "the label of a token"),
    ],
)
def test_a_token_that_must_not_be_is_not_made(shared: Lobby, changed: dict[str, str], words: str) -> None:
    fields, before = {"label": "robot", "role": "viewer", "days": "30", **changed}, shared.accounts.roll
    answer = shared.browser("otto").submit("/account/tokens", fields)
    assert (answer.status_code, words in shown(answer).lower()) == (422, True)
    assert shared.accounts.roll == before


def test_nobody_revokes_the_token_of_somebody_else_except_an_administrator(lobby: Lobby) -> None:
    lobby.token("otto", Role.VIEWER)
    (token,) = lobby.accounts.roll.tokens_of("otto")
    assert lobby.browser("ina").submit("/account/tokens/revoke", {"id": token.id}).status_code == 404
    done = lobby.browser("anna").submit("/users/change", {"do": "revoke", "id": token.id})
    assert done.headers["location"] == "/users?done=revoked"
    assert lobby.accounts.roll.tokens == {}


def test_a_new_password_logs_out_everywhere_else(lobby: Lobby) -> None:
    here, elsewhere = lobby.browser("otto"), lobby.browser("otto")
    new = "another horse battery"
    wrong = here.submit("/account/password", {"old": "wrong horse battery", "password": new, "again": new})
    assert (wrong.status_code, "password is wrong" in shown(wrong)) == (422, True)
    lobby.later(timedelta(seconds=1))
    done = here.submit("/account/password", {"old": PASSWORD, "password": new, "again": new})
    assert done.headers["location"] == "/account?done=password"
    assert here.is_in()
    assert not elsewhere.is_in()
    assert lobby.browser().log_in("otto").status_code == 401
    assert lobby.browser().log_in("otto", new).status_code == 303


def test_an_administrator_adds_changes_and_disables_users(lobby: Lobby) -> None:
    anna = lobby.browser("anna")
    fresh = {"name": "eva", "role": "operator", "password": PASSWORD, "again": PASSWORD}
    assert anna.submit("/users", fresh).headers["location"] == "/users?done=added"
    eva = lobby.browser("eva")
    lobby.later(timedelta(seconds=1))
    for fields in (
        {"do": "role", "name": "eva", "role": "installer"},
        {"do": "password", "name": "eva", "password": "x" + PASSWORD, "again": "x" + PASSWORD},
        {"do": "disable", "name": "eva"},
        {"do": "enable", "name": "eva"},
    ):
        assert anna.submit("/users/change", fields).headers["location"] == "/users?done=changed"
    assert not eva.is_in()
    assert lobby.browser().log_in("eva", "x" + PASSWORD).status_code == 303
    assert "eva installer" in shown(anna.get("/users"))
    told = [entry.split()[-1] for entry in lobby.audits() if entry.startswith("anna (10.0.0.77)")]
    assert told[:5] == ["UserEnabled", "UserDisabled", "PasswordSet", "RoleGiven", "UserAdded"]


def test_who_is_refused_as_another_user_keeps_name_and_role_but_no_password(shared: Lobby) -> None:
    taken = {"name": "vera", "role": "installer", "password": PASSWORD, "again": PASSWORD}
    answer = shared.browser("anna").submit("/users", taken)
    form = answer.text.partition('id="add-title"')[2]
    assert (answer.status_code, 'value="vera"' in form, "<option selected>installer" in form) == (422, True, True)
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"do": "disable", "name": "anna"}, 422, "the only administrator"),
        ({"do": "role", "name": "anna", "role": "viewer"}, 422, "the only administrator"),
        ({"do": "disable", "name": "<img src=x onerror=alert(1)>"}, 404, "there is no user"),
        ({"do": "explode", "name": "otto"}, 422, "nobody knows what to do"),
        ({"do": "password", "name": "otto", "password": "short", "again": "short"}, 422, "at least 12"),
        ({}, 422, "nobody knows what to do"),
    ],
)
def test_what_an_administrator_must_not_do_is_refused_in_words(
    shared: Lobby, fields: dict[str, str], status: int, words: str
) -> None:
    answer = shared.browser("anna").submit("/users/change", fields)
    assert (answer.status_code, words in shown(answer).lower()) == (status, True)
    assert "<img" not in answer.text


@pytest.mark.parametrize(
    "label",
    ["<script>alert(1)</script>", '"><svg onload=alert(1)>', "{{7*7}}", "%s{0.__class__}", "=cmd|'/c calc'!A1",
     "' OR 1=1--", "javascript:alert(1)", "🚗\u0301", "../../etc/passwd"],
)  # fmt: skip
def test_a_hostile_label_is_shown_and_does_nothing(shared: Lobby, label: str) -> None:
    """I01 to I10: what the page shows is the text itself, escaped."""
    shared.run(shared.accounts.make_token("ina", label, Role.VIEWER, frozenset(), 30, "ina"))
    for page in (shared.browser("ina").get("/account"), shared.browser("anna").get("/users")):
        assert escape(label).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page.text
        assert "<script>alert" not in page.text
        assert "<svg onload" not in page.text


def test_a_change_that_cannot_be_stored_does_not_happen_and_is_said(lobby: Lobby) -> None:
    anna = lobby.browser("anna")
    lobby.store.close()
    answer = anna.submit("/users/change", {"do": "disable", "name": "otto"})
    assert (answer.status_code, "could not be stored" in shown(answer)) == (503, True)
    assert lobby.accounts.roll.user("otto").enabled


def test_a_hash_that_was_made_cheaper_is_made_anew_at_the_next_login(lobby: Lobby) -> None:
    before, browser = lobby.accounts.roll.user("otto"), lobby.browser("otto")
    lobby.accounts.passwords.hasher = Hasher(Cost(2, 16))
    lobby.browser("otto")
    after = lobby.accounts.roll.user("otto")
    assert before.password != after.password
    assert "t=2" in after.password
    assert browser.is_in(), "nobody is logged out by it"


def test_as_long_as_the_disk_cannot_be_read_nobody_comes_in_and_no_code_is_offered(lobby: Lobby) -> None:
    lobby.accounts = SiteAccounts(Recovered(complete=False), lobby.store, lobby.scene, "", hasher=CHEAP)
    lobby.app = create_app(lobby.scene, lobby.scene, lobby.options, accounts=lobby.accounts)
    refused = lobby.browser().log_in("otto")
    assert (refused.status_code, "cannot be read from the disk yet" in shown(refused)) == (429, True)
    assert (lobby.accounts.anybody, lobby.code) == (True, "")
    assert lobby.browser(where=HERE).tell("POST", "/api/v1/strategy", FAST).status_code != 200
    lobby.run(lobby.accounts.look_again())
    assert lobby.browser().log_in("otto").status_code == 303


def test_what_another_process_changed_is_taken_over(lobby: Lobby) -> None:
    browser = lobby.browser("otto")
    at = lobby.scene.now().utc
    lobby.run(lobby.store.accounts.change(UserDisabled("otto"), at, "ems user"))
    assert browser.is_in()
    lobby.run(lobby.accounts.look_again())
    assert not browser.is_in()


def test_a_database_without_users_takes_none_away(lobby: Lobby) -> None:
    """A lost file is replaced by an empty one: that must not open the door to whoever has the next code."""
    lobby.store.close()
    for path in lobby.folder.glob("ems.db*"):
        path.unlink()
    lobby.store = type(lobby.store)(lobby.folder / "ems.db", lobby.scene)
    lobby.store.open()
    lobby.accounts._store = lobby.store
    lobby.run(lobby.accounts.look_again())
    assert len(lobby.accounts.roll.users) == len(PEOPLE)
    assert lobby.code == ""


def test_the_interface_describes_how_to_show_who_one_is(shared: Lobby) -> None:
    told = shared.browser("vera").get("/openapi.json").json()
    assert set(told["components"]["securitySchemes"]) == {"token", "login"}
    assert told["security"] == [{"token": []}, {"login": []}, {}]


def test_the_stream_of_somebody_who_may_not_look_any_more_ends(lobby: Lobby) -> None:
    browser, pieces = lobby.browser("vera"), []

    async def listen() -> None:
        jar = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        scope = {
            "type": "http", "method": "GET", "path": "/api/v1/events", "query_string": b"", "scheme": "http",
            "client": (FAR.address, 1), "headers": [(b"host", FAR.host.encode()), (b"cookie", jar.encode())],
        }  # fmt: skip
        over = asyncio.Event()

        async def receive() -> dict[str, str]:
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            pieces.append(message)
            if len(pieces) == 3:
                await lobby.accounts.change(UserDisabled("vera"), "anna")
                lobby.scene.tick()
            if message["type"] == "http.response.body" and not message["more_body"]:
                over.set()

        async with asyncio.timeout(10):
            await lobby.app(scope, receive, send)

    lobby.run(listen())
    assert pieces[0]["status"] == 200
    assert b"data:" in pieces[2]["body"]
    assert pieces[3] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert len(pieces) == 4


def test_the_browser_of_a_page_is_sent_to_the_login_and_a_program_is_told(shared: Lobby) -> None:
    browser: Browser = shared.browser()
    assert browser.get("/plan?x=1").headers["location"] == "/login?next=/plan%3Fx%3D1"
    told = browser.get("/api/v1/state", accept="application/json")
    assert (told.status_code, told.json()["reason"]) == (401, "login")
