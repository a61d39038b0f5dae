"""What somebody is about to change in a site file: kept in the state folder, so that it can be left and resumed.

The draft knows the text it began with. Where the file is another one by then, nothing is written over it: the same
edits can be made on the file as it is now.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from ems.ports.site import OvertakenError
from ems.settings.atomic import replace_file
from ems.settings.document import MAX_BYTES
from ems.settings.edit import Edit, edited

FOLDER, FILE = "wizard", "draft.json"


@dataclass(frozen=True, slots=True)
class SiteDraft:
    """`base` is the text of the file that it began with, `text` what it would become; `who` edited last."""

    base: str
    text: str
    edits: tuple[Edit, ...] = ()
    who: str = ""

    @property
    def etag(self) -> str:
        """A word for this draft, which another one does not have."""
        return f'"{digest(self.base)}-{digest(self.text)}"'

    @property
    def is_begun(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.edits)

    def changed(self, edit: Edit, who: str) -> SiteDraft:
        """With one more edit. Raises EditError."""
        text = edited(self.text, (edit,))
        if text == self.text:
            return self
        return replace(self, text=text, edits=(*self.edits, edit), who=who)

    def on(self, base: str) -> SiteDraft:
        """The same edits on another text of the file. Raises EditError, naming the one that does not fit it."""
        return replace(self, base=base, text=edited(base, self.edits))


def digest(text: str) -> str:
    """A short word for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_site(path: Path) -> str:
    """The text of a site file; a byte order mark is not part of it. Raises OSError or ValueError."""
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {MAX_BYTES // 1_000_000} MB")
    return raw.decode("utf-8-sig")


def draft_of(path: Path, state_dir: Path) -> SiteDraft:
    """The draft that was begun, or a new one that changes nothing. One that cannot be read is as good as none. Raises
    OSError or ValueError when the site file cannot be read.
    """
    try:
        told = json.loads((state_dir / FOLDER / FILE).read_text(encoding="utf-8"))
        edits = tuple(Edit.from_data(one) for one in told["edits"])
        begun = SiteDraft(str(told["base"]), str(told["text"]), edits, str(told["who"]))
    except (OSError, ValueError, KeyError, TypeError):
        begun = SiteDraft("", "")
    if begun.is_begun:
        return begun
    text = read_site(path)
    return SiteDraft(text, text)


def is_overtaken(draft: SiteDraft, path: Path) -> bool:
    """Whether the file is another one than the draft began with."""
    try:
        return read_site(path) != draft.base
    except (OSError, ValueError):
        return True


def keep_draft(draft: SiteDraft, state_dir: Path) -> None:
    """Keep a draft; one that changes nothing is forgotten. Raises OSError."""
    folder = state_dir / FOLDER
    if not draft.is_begun:
        (folder / FILE).unlink(missing_ok=True)
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    edits = [edit.as_data() for edit in draft.edits]
    told = {"base": draft.base, "text": draft.text, "edits": edits, "who": draft.who}
    replace_file(folder / FILE, json.dumps(told, indent=1).encode())


def write_site(draft: SiteDraft, path: Path) -> None:
    """Write the site file, in one step. Raises OvertakenError when the file is not the one that the draft began with,
    and OSError when it cannot be written; then it is as it was.
    """
    if is_overtaken(draft, path):
        raise OvertakenError(f"{path.name} has been changed meanwhile: look at it as it is now, then save again")
    real = path.resolve()
    replace_file(real, draft.text.encode(), mode=real.stat().st_mode & 0o777)
