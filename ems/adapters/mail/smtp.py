"""One mail to one server."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from enum import StrEnum
from pathlib import Path

import aiosmtplib

from ems.ports.delivery import Attachment, NotDeliveredError

ANSWER_S, WHOLE_S = 20.0, 90.0
"""How long the server may take for one answer, and for a whole mail."""

MOST_SHOWN = 200
MOST_SUBJECT = 150
PERMANENT = range(500, 600)
"""Codes of a server that will refuse the same again (RFC 5321, section 4.2.1)."""


class Security(StrEnum):
    """STARTTLS: the connection is encrypted before anything is said; TLS: from the first byte; NONE: anybody on the way
    can read it.
    """

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A `Mail`. `sender` is an address; without a `user` nobody logs in. `trusted`: a file with the certificate of an
    authority of one's own, in place of those that the system trusts.
    """

    host: str
    port: int
    sender: str
    security: Security = Security.STARTTLS
    user: str | None = None
    password: str | None = None
    trusted: Path | None = None

    async def send(
        self,
        recipients: Sequence[str],
        subject: str,
        text: str,
        attachments: Sequence[Attachment] = (),
        key: str = "",
    ) -> Mapping[str, str]:
        """As the port says."""
        try:
            message = self._written(recipients, subject, text, attachments, key)
            async with asyncio.timeout(WHOLE_S):
                refused = await self._handed_over(message, recipients)
        except aiosmtplib.SMTPRecipientsRefused as all_refused:
            said = "; ".join(f"{one.recipient}: {_said(one.code, one.message)}" for one in all_refused.recipients)
            is_final = all(one.code in PERMANENT for one in all_refused.recipients)
            raise NotDeliveredError(f"{self.host} takes nothing for {said}"[:600], is_final=is_final) from None
        except aiosmtplib.SMTPAuthenticationError as refused_login:
            why = f"{self.host} refuses the login of {self.user!r}: {_said(refused_login.code, refused_login.message)}"
            raise NotDeliveredError(why, is_final=refused_login.code in PERMANENT) from None
        except aiosmtplib.SMTPResponseException as answer:
            why = f"{self.host} refuses the mail: {_said(answer.code, answer.message)}"
            raise NotDeliveredError(why, is_final=answer.code in PERMANENT) from None
        except TimeoutError:
            raise NotDeliveredError(f"{self.host}:{self.port} does not answer in time") from None
        except (aiosmtplib.SMTPException, OSError) as failed:
            raise NotDeliveredError(
                f"{self.host}:{self.port}: {_on_one_line(str(failed).strip(' :'), MOST_SHOWN)}"
            ) from None
        except ValueError as wrong:
            raise NotDeliveredError(f"this is no mail: {_on_one_line(str(wrong), MOST_SHOWN)}", is_final=True) from None
        return {name: _said(answer.code, answer.message) for name, answer in refused.items()}

    async def _handed_over(
        self, message: EmailMessage, recipients: Sequence[str]
    ) -> Mapping[str, aiosmtplib.SMTPResponse]:
        context = None if self.security is Security.NONE else await asyncio.to_thread(_trusting, self.trusted)
        refused, _ = await aiosmtplib.send(
            message,
            sender=self.sender,
            recipients=list(recipients),
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            timeout=ANSWER_S,
            use_tls=self.security is Security.TLS,
            start_tls=self.security is Security.STARTTLS,
            tls_context=context,
        )
        return refused

    def _written(
        self, recipients: Sequence[str], subject: str, text: str, attachments: Sequence[Attachment], key: str
    ) -> EmailMessage:
        """The mail as it goes out. Raises ValueError where an address is none."""
        if not recipients:
            raise ValueError("nobody is to get it")
        message = EmailMessage(policy=SMTP)
        message["From"] = _address(self.sender)
        message["To"] = [_address(one) for one in recipients]
        message["Subject"] = _on_one_line(subject, MOST_SUBJECT)
        message["Date"] = formatdate(localtime=False)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence notice is to answer it
        if key:
            domain = self.sender.rpartition("@")[2]
            message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"
        message.set_content(text)
        for file in attachments:
            main, _, kind = file.media_type.partition(";")[0].partition("/")
            message.add_attachment(file.content, maintype=main, subtype=kind or "octet-stream", filename=file.name)
        return message


def _address(text: str) -> Address:
    """Raises ValueError."""
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, MessageError):  # the last two for what its parser does not expect
        raise ValueError(f"{text[:60]!r} is no address") from None


def _trusting(trusted: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=trusted)


def _said(code: int, text: str) -> str:
    return f"{code} {_on_one_line(text, MOST_SHOWN)}"


def _on_one_line(text: str, most: int) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:most]
