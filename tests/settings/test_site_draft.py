"""A draft of a site file is kept, resumed, written in one step, and never over what somebody else wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from ems.ports.site import OvertakenError
from ems.settings.blank import init_site
from ems.settings.edit import Edit, EditError
from ems.settings.site_draft import draft_of, is_overtaken, keep_draft, read_site, write_site

RATING = Edit(("circuits", "grid"), {"rating_a": 63})


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return init_site(tmp_path / "site", "Yard", "Europe/Berlin", 16)


def test_a_draft_is_left_and_resumed(site: Path, tmp_path: Path) -> None:
    draft = draft_of(site, tmp_path).changed(RATING, "anna")
    keep_draft(draft, tmp_path)
    assert draft_of(site, tmp_path) == draft
    assert "rating_a: 16" in read_site(site)


def test_it_is_written_with_the_comments_of_the_file(site: Path, tmp_path: Path) -> None:
    before = read_site(site)
    site.chmod(0o640)
    write_site(draft_of(site, tmp_path).changed(RATING, "anna"), site)
    assert read_site(site) == before.replace("rating_a: 16", "rating_a: 63")
    assert site.stat().st_mode & 0o777 == 0o640


def test_a_file_that_was_changed_by_hand_meanwhile_is_not_written_over(site: Path, tmp_path: Path) -> None:
    draft = draft_of(site, tmp_path).changed(RATING, "anna")
    site.write_text(read_site(site).replace("name: Yard", "name: Court"), encoding="utf-8")
    assert is_overtaken(draft, site)
    with pytest.raises(OvertakenError):
        write_site(draft, site)
    again = draft.on(read_site(site))
    write_site(again, site)
    assert "name: Court" in read_site(site)
    assert "rating_a: 63" in read_site(site)


def test_edits_that_do_not_fit_the_changed_file_say_which(site: Path, tmp_path: Path) -> None:
    base = draft_of(site, tmp_path).changed(Edit(("meters", "main"), {"model": "x"}), "anna")
    draft = base.changed(Edit(("meters", "main"), None), "anna")
    with pytest.raises(EditError, match="there is no 'main' to remove"):
        type(draft)(draft.base, draft.text, draft.edits[1:], "anna").on(read_site(site))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"base": 3}', '{"base": "x", "edits": [{}], "who": ""}'])
def test_a_draft_that_cannot_be_read_is_as_good_as_none(site: Path, tmp_path: Path, text: str) -> None:
    keep_draft(draft_of(site, tmp_path).changed(RATING, "anna"), tmp_path)
    (tmp_path / "wizard" / "draft.json").write_text(text, encoding="utf-8")
    assert not draft_of(site, tmp_path).is_begun


def test_an_edit_that_changes_nothing_begins_no_draft(site: Path, tmp_path: Path) -> None:
    draft = draft_of(site, tmp_path).changed(Edit(("circuits", "grid"), {"rating_a": 16}), "anna")
    assert not draft.is_begun
    keep_draft(draft, tmp_path)
    assert not (tmp_path / "wizard" / "draft.json").exists()


def test_two_drafts_have_two_words(site: Path, tmp_path: Path) -> None:
    draft = draft_of(site, tmp_path)
    assert draft.changed(RATING, "anna").etag != draft.etag
