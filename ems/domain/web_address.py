"""What of a web address everybody may read."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"(?P<scheme>[^:/?#]+)://(?P<place>[^/?#]*)(?P<more>.*)", re.DOTALL)


def server_of(url: str) -> str:
    """Scheme, host and port of a web address. The path of a webhook is often all that opens it, so of path and query it
    is only said that there is something; of a user nothing. Raises ValueError for what is no address.
    """
    known = _ADDRESS.fullmatch(url)
    if known is None:
        raise ValueError("this is no web address: write for example https://back.example.com/ems")
    where = f"{known['scheme']}://{known['place'].rpartition('@')[2]}"
    return where if known["more"] in {"", "/"} else f"{where}/…"
