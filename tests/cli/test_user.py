"""`ems user`: on the state folder, without a daemon."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from tests.assembly.installation import Installation
from tests.cli.typed import Ended, ems

PASSWORD = "correct horse battery"


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch, site: Installation) -> None:
    monkeypatch.setenv("EMS_SITE", str(site.folder))


def add(monkeypatch: pytest.MonkeyPatch, *words: str, password: str = PASSWORD) -> Ended:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\nmore\n"))
    return ems("user", *words)


@pytest.mark.usefixtures("typing")
def test_users_and_tokens_from_the_first_to_the_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "nobody can log in yet" in ems("user", "list").out
    assert add(monkeypatch, "add", "anna").out == "anna may log in as admin\n"
    assert add(monkeypatch, "add", "otto", "--role", "operator").status == 0
    token = ems("user", "token", "otto", "--label", "scraper", "--area", "health", "--days", "30")
    secret, number = (line.split()[-1] for line in token.out.splitlines())
    assert secret.startswith(f"ems_{number}_")
    assert ems("user", "role", "otto", "installer").status == 0
    assert ems("user", "disable", "otto").status == 0
    told = ems("user", "list", "--json").data
    assert [(user["name"], user["role"], user["enabled"]) for user in told["users"]] == [
        ("anna", "admin", True),
        ("otto", "installer", False),
    ]
    assert [(one["id"], one["role"], one["areas"]) for one in told["tokens"]] == [(number, "viewer", ["health"])]
    assert ems("user", "enable", "otto").status == 0
    assert "logged out everywhere" in add(monkeypatch, "passwd", "otto").out
    assert ems("user", "revoke", number).status == 0
    assert ems("user", "list", "--json").data["tokens"] == []
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert secret.encode() not in kept
    assert PASSWORD.encode() not in kept


@pytest.mark.usefixtures("typing")
@pytest.mark.parametrize(
    ("words", "password", "said"),
    [
        (("add", "<script>"), PASSWORD, "a user name is 1 to 40 letters"),
        (("add", "otto"), "short", "at least 12 characters"),
        (("add", "otto", "--role", "viewer"), PASSWORD, "the first user must be an administrator"),
        (("passwd", "eve"), PASSWORD, "there is no user 'eve'"),
        (("disable", "eve"), PASSWORD, "there is no user 'eve'"),
        (("revoke", "x"), PASSWORD, "there is no token 'x'"),
        (("token", "eve", "--label", "x"), PASSWORD, "there is no user 'eve'"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], password: str, said: str
) -> None:
    ended = add(monkeypatch, *words, password=password)
    assert (ended.status, said in ended.err, ended.out) == (2, True, "")


@pytest.mark.usefixtures("typing")
def test_the_second_user_needs_a_role_and_the_last_administrator_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, "add", "anna")
    assert "say what the user may do" in add(monkeypatch, "add", "otto").err
    assert "there is a user anna already" in add(monkeypatch, "add", "ANNA").err.replace("ANNA", "anna")
    assert "the only administrator" in ems("user", "disable", "anna").err
    assert "must end, within 366 days" in ems("user", "token", "anna", "--label", "x", "--days", "400").err


@pytest.mark.usefixtures("typing")
@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_to_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o500)
    assert str(tmp_path / "state") in add(monkeypatch, "add", "anna").err
