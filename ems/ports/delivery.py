"""The interfaces through which reports and notices leave the site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class NotDeliveredError(Exception):
    """Nothing was delivered; the text says why, in words for people. `is_final`: the other side refused, and will not
    take it however often it is sent; otherwise sending it again later may help. `said`: what it answered with besides,
    which is for nobody but those who set the way up.
    """

    def __init__(self, why: str, *, is_final: bool = False, said: str = "") -> None:
        super().__init__(why)
        self.is_final, self.said = is_final, said


class Attachment(NamedTuple):
    """A file, with a plain name and its media type, for example text/csv."""

    name: str
    media_type: str
    content: bytes


class Mail(Protocol):
    """A server that takes mail."""

    async def send(
        self,
        recipients: Sequence[str],
        subject: str,
        text: str,
        attachments: Sequence[Attachment] = (),
        key: str = "",
    ) -> Mapping[str, str]:
        """Hand one mail over to the server. Returns who was refused, and why, when others were not; raises
        NotDeliveredError when nobody gets it.

        `key`: words for this mail, the same when it is sent again, so that mailboxes can tell it is the same one.
        """
        ...


class FileDrop(Protocol):
    """A folder of somebody else's, to put files into."""

    async def put(self, file: Attachment) -> None:
        """Put a file there, whole or not at all, in place of one of that name; raises NotDeliveredError."""
        ...
