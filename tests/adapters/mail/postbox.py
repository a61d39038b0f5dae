"""A real mail server on loopback that keeps what it gets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "site", "a long secret"


@dataclass
class Postbox:
    """What was received. `refuses`: recipients that it does not know; `answer`: what it says to a mail."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    answer: str = "250 kept"
    logins: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - the server library asks for this name and form
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Somebody is to get a mail."""
        if address in self.refuses:
            return "550 no such\tmailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """A mail comes."""
        if self.answer.startswith("2"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients.append(list(envelope.rcpt_tos))
        return self.answer

    def check(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, said: object) -> AuthResult:
        """Somebody logs in."""
        good = isinstance(said, LoginPassword) and (said.login, said.password) == (USER.encode(), PASSWORD.encode())
        self.logins.append(good)
        return AuthResult(success=good, handled=False)


@asynccontextmanager
async def postbox(
    authority: trustme.CA | None = None, *, tls: bool = False, needs_login: bool = False
) -> AsyncIterator[Postbox]:
    """A server; with an `authority` it offers STARTTLS, or speaks TLS from the first byte."""
    box = Postbox()
    context: ssl.SSLContext | None = None
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(
            box,
            loop=loop,
            hostname="mail.test",
            tls_context=None if tls else context,
            auth_required=needs_login and not tls,  # the library knows of no TLS from the first byte, and warns
            auth_require_tls=not tls,
            authenticator=box.check,
        )

    async with serving(connection, context if tls else None) as port:
        box.port = port
        yield box


@asynccontextmanager
async def serving(
    connection: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve on a free port of loopback."""
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
