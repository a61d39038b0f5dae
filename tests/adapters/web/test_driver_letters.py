"""Whoever leaves an address gets the receipt by mail, once it is made; the address is forgotten then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ems.adapters.mail.smtp import Security, SmtpServer
from ems.adapters.store.price_schema import receipt_line
from ems.adapters.web.driver.bay import Imprint
from ems.adapters.web.driver.code import Word
from ems.adapters.web.driver.letters import FIRST_PAUSE_S, KEPT_S, Letters
from ems.adapters.web.driver.visit import MINE, SESSION
from ems.domain.billing.price_list import Unit
from tests.adapters.mail.postbox import Postbox, postbox
from tests.adapters.store.seeded import Seeded, write
from tests.adapters.web.driver_office import DriverOffice

FREE, TO = "CP-14/1", "dora@example.com"
IMPRINT = Imprint(operator="Parkhaus Nord GmbH", vat_id="DE123456789", mails=True)


class Postman:
    """Takes mail to a real server, once there is one."""

    def __init__(self) -> None:
        self.port = 0

    async def __call__(self, to: str, subject: str, text: str, key: str) -> None:
        server = SmtpServer("127.0.0.1", self.port, "ems@depot.example", Security.NONE)
        await server.send((to,), subject, text, key=key)


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def office(tmp_path: Path, postman: Postman) -> Iterator[DriverOffice]:
    with DriverOffice(tmp_path, IMPRINT, post=postman) as opened:
        yield opened


def charged(office: DriverOffice, evse: str = FREE) -> dict[str, str]:
    """What a phone brings whose driver has charged 12 kWh for 4.50 EUR."""
    one = Seeded(evse, office.scene.instant.utc - timedelta(hours=3), energy_wh=12_000, cost_minor=450)
    with office.store.database.connect() as connection, office.store.database.transaction(connection, durable=False):
        write(connection, [one], 990)
        line = {"session": one.id, "position": 0, "unit": Unit.KWH.value, "quantity": 12_000, "price_micro": 375_000}
        connection.execute(receipt_line.insert(), [{**line, "amount_minor": 450, "vat_minor": 72}])
    sticker = next(known for known in office.desk.stickers if known.evse == evse)
    ends = int(office.scene.instant.utc.timestamp()) + 3600
    return {MINE: Word(SESSION, one.id, ends).signed(sticker.secret)}


def letters(office: DriverOffice) -> Letters:
    assert office.letters is not None
    return office.letters


def look(office: DriverOffice, postman: Postman, box: Postbox | None = None) -> Postbox:
    """The letters are looked through while a server listens."""

    async def once() -> Postbox:
        async with postbox() as there:
            if box is not None:
                there.answer, there.refuses = box.answer, box.refuses
            postman.port = there.port
            await letters(office).look()
            return there

    return office._runner.run(once())


def test_the_receipt_goes_out_once_in_the_drivers_language_and_the_address_is_forgotten(
    office: DriverOffice, postman: Postman
) -> None:
    phone, path = charged(office), f"/c/{office.slug(FREE)}"
    assert "Beleg per E-Mail" in office.visit(path, cookies=phone, accept_language="de").text
    answer = office.visit(f"{path}/mail", {"address": f" {TO} "}, phone, accept_language="de")
    assert answer.headers["location"] == f"{path}?done=mailed"
    assert letters(office).waiting == 1
    (mail,) = look(office, postman).mails
    assert mail["To"] == TO
    text = mail.get_content()
    assert "Parkhaus Nord GmbH" in text
    assert "Umsatzsteuer" in text or "USt" in text
    assert "Gesamt: 4,50" in text
    assert "12,000" in text
    assert letters(office).waiting == 0
    assert look(office, postman).mails == []
    assert TO not in str(vars(letters(office)))


@pytest.mark.parametrize("address", ["", "dora", "dora@", "a@b", "a@b.c\r\nBcc: x@y.z", "<x@y.zz>", "x@y.zz, z@y.zz"])
def test_what_is_no_address_is_said(office: DriverOffice, address: str) -> None:
    answer = office.visit(f"/c/{office.slug(FREE)}/mail", {"address": address}, charged(office))
    assert answer.status_code == 422
    assert "This is no mail address." in answer.text
    assert letters(office).waiting == 0


def test_nobody_fills_a_mailbox_from_here(office: DriverOffice) -> None:
    phone, path = charged(office), f"/c/{office.slug(FREE)}/mail"
    statuses = [office.visit(path, {"address": f"n{k}@example.com"}, phone).status_code for k in range(6)]
    assert statuses == [303, 303, 303, 422, 422, 429]
    assert letters(office).waiting == 3


def test_only_who_charged_there_can_ask(office: DriverOffice) -> None:
    assert office.visit(f"/c/{office.slug(FREE)}/mail", {"address": TO}, {}).status_code == 422
    assert office.visit(f"/c/{office.slug('CP-09/1')}/mail", {"address": TO}, charged(office)).status_code == 422


def test_a_server_that_takes_nothing_now_is_asked_again(
    office: DriverOffice, postman: Postman, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    office.visit(f"/c/{office.slug(FREE)}/mail", {"address": TO}, charged(office))
    assert look(office, postman, Postbox(answer="451 later")).mails == []
    assert letters(office).waiting == 1
    assert look(office, postman).mails == [], "not before a while has passed"
    office.scene.instant = office.scene.instant.later(FIRST_PAUSE_S + 1)
    assert len(look(office, postman).mails) == 1
    assert letters(office).waiting == 0
    assert "receipt-not-mailed" in caplog.text
    assert TO not in caplog.text


def test_an_address_that_the_server_does_not_know_is_forgotten(office: DriverOffice, postman: Postman) -> None:
    office.visit(f"/c/{office.slug(FREE)}/mail", {"address": TO}, charged(office))
    look(office, postman, Postbox(refuses={TO}))
    assert letters(office).waiting == 0


def test_no_receipt_is_waited_for_for_ever(office: DriverOffice, postman: Postman) -> None:
    office.visit(f"/c/{office.slug(FREE)}/mail", {"address": TO}, charged(office))
    office.scene.instant = office.scene.instant.later(KEPT_S + 1)
    look(office, postman, Postbox(answer="451 later"))
    assert letters(office).waiting == 0


def test_where_no_mail_leaves_the_site_nothing_is_offered(tmp_path: Path) -> None:
    with DriverOffice(tmp_path) as silent:
        phone, path = charged(silent), f"/c/{silent.slug(FREE)}"
        page = silent.visit(path, cookies=phone)
        assert page.status_code == 200
        assert "by mail" not in page.text
        assert silent.visit(f"{path}/mail", {"address": TO}, phone).status_code == 422


def test_the_service_sends_by_itself(office: DriverOffice, postman: Postman) -> None:
    office.visit(f"/c/{office.slug(FREE)}/mail", {"address": TO}, charged(office))

    async def scenario() -> None:
        async with postbox() as box:
            postman.port = box.port
            working = asyncio.create_task(letters(office).run())
            async with asyncio.timeout(20):
                while not box.mails:  # noqa: ASYNC110 - a real server
                    await asyncio.sleep(0.05)
            working.cancel()

    office._runner.run(scenario())
