"""Passwords of stations: made, hashed, compared, and where they may stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ems.settings.load import load
from ems.settings.password import PasswordHash, new_password
from tests.settings.folder import replaced, site_folder

WITH_PASSWORD = replaced(("fallback_a: 6", "fallback_a: 6, password_file: secrets/cp-01"))


def test_a_new_password_is_long_random_and_fits_its_hash() -> None:
    password, line = new_password()
    assert re.fullmatch(r"[A-HJ-NP-Za-km-z2-9]{20}", password)
    assert PasswordHash.parse(line).verify(password)
    assert password not in line
    assert new_password()[0] != password


@pytest.mark.parametrize("wrong", ["", "x", "correct horse battery ", "Correct horse battery"])
def test_only_the_password_itself_is_right(wrong: str) -> None:
    known = PasswordHash.of("correct horse battery", n=2)
    assert known.verify("correct horse battery")
    assert known.verify(b"correct horse battery")
    assert not known.verify(wrong)


def test_equal_passwords_have_different_lines_and_show_nothing() -> None:
    first, second = PasswordHash.of("same", n=2), PasswordHash.of("same", n=2)
    assert first.line != second.line
    assert "same" not in repr(first) + first.line


@pytest.mark.parametrize(
    "line",
    ["scrypt$", "scrypt$3$8$1$AAAA$AAAA", "scrypt$4096$8$1$AAAA$AAAA", "scrypt$1048576$64$9$AAAA$AAAA",
     "scrypt$2$0$1$AAAA$" + "A" * 43 + "=", "scrypt$2$8$1$A$" + "A" * 43 + "="],
)  # fmt: skip
def test_a_damaged_or_greedy_hash_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"hash line|out of range"):
        PasswordHash.parse(line)


def findings(folder: Path) -> list[str]:
    return [str(finding).removeprefix(f"{folder / 'site.yaml'}:") for finding in load(folder).findings]


def test_a_hash_in_a_private_file_is_fine(tmp_path: Path) -> None:
    password, line = new_password()
    folder = site_folder(tmp_path, WITH_PASSWORD)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "cp-01").write_text(line + "\n")
    (folder / "secrets" / "cp-01").chmod(0o640)
    loaded = load(folder)
    assert loaded.findings == ()
    assert loaded.settings is not None
    known = loaded.settings.access["CP-01"]
    assert known is not None
    assert known.verify(password)


UNUSABLE = "8: error: the password file 'secrets/cp-01' of station 'CP-01' cannot be used: "
PLAIN = "8: warning: the password of station 'CP-01' stands in plain text in '{path}'"
FILES = [
    ("secret-secret-secret", 0o600, PLAIN),
    ("short", 0o600, PLAIN + " and has only 5 characters"),
    (new_password()[1], 0o644, "8: warning: everybody on this machine can read '{path}'"),
    ("", 0o600, UNUSABLE + "it must hold one line"),
    ("two\nlines", 0o600, UNUSABLE + "it must hold one line"),
    ("scrypt$1", 0o600, UNUSABLE + "is not a complete hash line"),
    (None, 0, UNUSABLE + "No such file or directory"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "mode", "expected"), FILES, ids=range(len(FILES)))
def test_what_is_wrong_with_a_password_file(tmp_path: Path, content: str | None, mode: int, expected: str) -> None:
    folder = site_folder(tmp_path, WITH_PASSWORD)
    path = folder / "secrets" / "cp-01"
    if content is not None:
        path.parent.mkdir()
        path.write_text(content)
        path.chmod(mode)
    assert findings(folder) == [expected.format(path=path)]


def test_a_plain_password_works(tmp_path: Path) -> None:
    folder = site_folder(tmp_path, WITH_PASSWORD)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "cp-01").write_text("pass word with blanks \r\n")
    loaded = load(folder)
    assert loaded.settings is not None
    known = loaded.settings.access["CP-01"]
    assert known is not None
    assert known.verify("pass word with blanks ")


def test_findings_never_show_a_password(tmp_path: Path) -> None:
    text = replaced(("fallback_a: 6", "fallback_a: 6, password: hunter2hunter2"))
    loaded = load(site_folder(tmp_path, text))
    assert loaded.findings
    assert not any("hunter2" in finding.message + finding.remedy for finding in loaded.findings)
