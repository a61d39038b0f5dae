"""`oidc:` says who else says who somebody is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.domain.access.account import Role
from ems.settings.load import load
from tests.settings.test_payment import SITE

GOOD = "oidc: {issuer: 'https://id.example.com/realms/a', client_id: ems, roles: {admins: admin, ops: operator}}\n"


def test_a_section_with_all_that_it_needs(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE + GOOD)
    found = load(tmp_path)
    assert found.settings is not None, found.findings
    assert found.settings.oidc is not None
    assert found.settings.oidc.roles == {"admins": Role.ADMIN, "ops": Role.OPERATOR}
    (tmp_path / "site.yaml").write_text(SITE)
    without = load(tmp_path).settings
    assert without is not None
    assert without.oidc is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("https://id", "http://id"), "is not encrypted"),
        (("https://id", "javascript:id"), "is not a web address"),
        (("admins: admin", "admins: king"), "there is no role 'king'"),
        (("{admins: admin, ops: operator}", "[]"), "write roles: {ems-admins: admin}"),
        (("client_id: ems, ", ""), "client_id"),
        (("client_id: ems", "client_id: ems, client_secret_file: nowhere"), "cannot be read"),
        (("client_id", "clientid"), "did you mean 'client_id'"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    (tmp_path / "site.yaml").write_text(SITE + GOOD.replace(*change))
    words = [f"{finding.message}; {finding.remedy}" for finding in load(tmp_path).findings]
    assert any(said in one for one in words), words
