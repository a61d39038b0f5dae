"""The secret by which commands on this machine show the daemon that they may read its state folder.

It lies in that folder, readable for the daemon's user alone, and outlives restarts.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from ems.settings.atomic import replace_file

FILE = "machine-token"
_FORM = re.compile(r"machine_[A-Za-z0-9_-]{43}")


def known_token(state_dir: Path) -> str:
    """The secret; empty when there is none that this user may read."""
    try:
        text = (state_dir / FILE).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
    return text if _FORM.fullmatch(text) else ""


def machine_token(state_dir: Path) -> str:
    """The secret, made when there is none yet. Raises OSError when it cannot be kept."""
    known = known_token(state_dir)
    if known:
        (state_dir / FILE).chmod(0o600)
        return known
    made = f"machine_{secrets.token_urlsafe(32)}"
    replace_file(state_dir / FILE, made.encode() + b"\n")
    return made
