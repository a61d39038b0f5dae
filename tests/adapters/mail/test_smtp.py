"""A mail is handed over to a real server, encrypted, once; or it is said why not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from ems.adapters.mail.smtp import Security, SmtpServer
from ems.ports.delivery import Attachment, NotDeliveredError
from tests.adapters.mail.postbox import PASSWORD, USER, postbox
from tests.ports import free_ports

SENDER = "ems@depot.example"
PLAIN = SmtpServer("127.0.0.1", 0, SENDER, Security.NONE)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_mail_arrives_encrypted_with_its_attachments(
    security: Security, authority: trustme.CA, trusted: Path
) -> None:
    async def work() -> None:
        async with postbox(authority, tls=security is Security.TLS, needs_login=True) as box:
            server = SmtpServer("127.0.0.1", box.port, SENDER, security, USER, PASSWORD, trusted)
            files = (
                Attachment("Bericht März.pdf", "application/pdf", b"%PDF-1.7 \x00\xff"),
                Attachment("sessions.csv", "text/csv; charset=utf-8", "Zürich;1,5\r\n".encode()),
            )
            refused = await server.send(("a@x.example", "b@x.example"), "Bericht März", "Grüße\n", files, "2026-10")
            assert refused == {}
        (mail,) = box.mails
        assert mail["Subject"] == "Bericht März"
        assert mail["From"] == SENDER
        assert box.recipients == [["a@x.example", "b@x.example"]]
        body, *attached = mail.walk() if not mail.is_multipart() else list(mail.iter_parts())
        assert body.get_content().replace("\r\n", "\n") == "Grüße\n"
        assert [(part.get_filename(), part.get_payload(decode=True)) for part in attached] == [
            (file.name, file.content) for file in files
        ]
        assert box.logins == [True]

    asyncio.run(work())


def test_the_same_mail_sent_again_is_known_by_its_id() -> None:
    async def work() -> None:
        async with postbox() as box:
            server = replace(PLAIN, port=box.port)
            for key in ("monthly 2026-10", "monthly 2026-10", "monthly 2026-11"):
                await server.send(("a@x.example",), "Report", "text", key=key)
        first, second, other = (mail["Message-ID"] for mail in box.mails)
        assert first == second != other

    asyncio.run(work())


def test_nobody_adds_headers_through_a_name() -> None:
    async def work() -> None:
        async with postbox() as box:
            await replace(PLAIN, port=box.port).send(("a@x.example",), "Car\r\nBcc: c@x.example\r\n\r\nhello", "text")
        (mail,) = box.mails
        assert mail["Bcc"] is None
        assert mail["Subject"] == "Car  Bcc: c@x.example    hello"

    asyncio.run(work())


def test_who_is_refused_is_told_when_others_get_it() -> None:
    async def work() -> None:
        async with postbox() as box:
            box.refuses = {"gone@x.example"}
            server = replace(PLAIN, port=box.port)
            refused = await server.send(("gone@x.example", "a@x.example"), "Report", "text")
            assert refused == {"gone@x.example": "550 no such mailbox"}
            with pytest.raises(NotDeliveredError, match=r"gone@x\.example: 550 no such mailbox") as found:
                await server.send(("gone@x.example",), "Report", "text")
            assert found.value.is_final
        assert box.recipients == [["a@x.example"]]

    asyncio.run(work())


@pytest.mark.parametrize(("answer", "is_final"), [("552 too large", True), ("451 try later", False)])
def test_a_refusal_says_whether_trying_again_helps(answer: str, is_final: bool) -> None:
    async def work() -> None:
        async with postbox() as box:
            box.answer = answer
            with pytest.raises(NotDeliveredError, match=answer) as found:
                await replace(PLAIN, port=box.port).send(("a@x.example",), "Report", "text")
            assert found.value.is_final is is_final

    asyncio.run(work())


def test_a_wrong_password_is_said(authority: trustme.CA, trusted: Path) -> None:
    async def work() -> None:
        async with postbox(authority, needs_login=True) as box:
            server = SmtpServer("127.0.0.1", box.port, SENDER, Security.STARTTLS, USER, "wrong", trusted)
            with pytest.raises(NotDeliveredError, match="refuses the login of 'site': 535"):
                await server.send(("a@x.example",), "Report", "text")
        assert box.mails == []

    asyncio.run(work())


def test_a_server_without_starttls_gets_neither_the_password_nor_the_mail() -> None:
    async def work() -> None:
        async with postbox() as box:
            server = SmtpServer("127.0.0.1", box.port, SENDER, Security.STARTTLS, USER, PASSWORD)
            with pytest.raises(NotDeliveredError, match="STARTTLS"):
                await server.send(("a@x.example",), "Report", "text")
        assert box.mails == []
        assert box.logins == []

    asyncio.run(work())


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_that_nobody_vouches_for_ends_it(security: Security, authority: trustme.CA) -> None:
    async def work() -> None:
        async with postbox(authority, tls=security is Security.TLS) as box:
            server = SmtpServer("127.0.0.1", box.port, SENDER, security)
            with pytest.raises(NotDeliveredError, match="certificate"):
                await server.send(("a@x.example",), "Report", "text")
        assert box.mails == []

    asyncio.run(work())


def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    (port,) = free_ports(1)
    with pytest.raises(NotDeliveredError, match=f":{port}: ") as found:
        asyncio.run(replace(PLAIN, port=port).send(("a@x.example",), "Report", "text"))
    assert not found.value.is_final


def test_a_server_that_hangs_up_is_worth_another_try() -> None:
    async def work() -> None:
        def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(NotDeliveredError) as found:
                await replace(PLAIN, port=port).send(("a@x.example",), "Report", "text")
        assert not found.value.is_final

    asyncio.run(work())


@pytest.mark.parametrize("address", ["", "nobody", "a@x.example\r\nRCPT TO:<b@x.example>", "a b@x.example", "@x"])
def test_what_is_no_address_is_refused_before_anybody_is_called(address: str) -> None:
    with pytest.raises(NotDeliveredError, match="this is no mail") as found:
        asyncio.run(PLAIN.send((address,), "Report", "text"))
    assert found.value.is_final
