"""Settings in a real browser: filled in, tried out against a real server, saved; everybody can use them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ems.adapters.web.wizard.settings import TOPICS
from ems.settings.edit import Edit
from tests.adapters.mail.postbox import Postbox, postbox
from tests.adapters.web.test_browser import CHROMIUM, Visit, chromium
from tests.adapters.web.test_settings import KEY, OPERATOR, SECRET
from tests.adapters.web.test_wizard_browser import HOSTILE, Shop
from tests.adapters.webhook.receiver import receiver

__all__ = ["chromium"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")

SFTP = {"host": HOSTILE, "user": HOSTILE, "host_key": "none"}
EDITS = (
    Edit(("mail",), {"host": "smtp.example.com", "sender": HOSTILE, "user": "ems"}),
    Edit(("alarms", "mail"), {"to": [HOSTILE, "anna@depot.example"], "quiet": "22:00-06:00"}),
    Edit(("webhooks", "back"), {"url": "https://back.example.com/ems", "events": ["alarm"]}),
    Edit(("webhooks", HOSTILE), {"url": HOSTILE, "events": [HOSTILE]}),
    Edit(("mqtt",), {"host": "broker", "base": HOSTILE, "commands": ["strategy"], "password_file": HOSTILE}),
    Edit(("reports", "exports", HOSTILE), {"content": "report", "every": "month", "sftp": SFTP}),
    Edit(("drivers",), {"phone": HOSTILE, "operator": HOSTILE}),
    Edit(("ocpi",), {**OPERATOR, "name": HOSTILE, "connectors": {HOSTILE: {"standard": "X"}}}),
    Edit(("ocpi", "partners", HOSTILE), {"name": HOSTILE, "versions_url": "https://acme.example/versions"}),
    Edit(("oidc",), {"issuer": "http://id.example", "client_id": HOSTILE, "roles": {HOSTILE: "king", "a: b": "admin"}}),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    opened = Shop(tmp_path_factory.mktemp("settings"), EDITS)
    yield opened
    opened.stop()


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[Shop]:
    """One that nobody else looks at."""
    opened = Shop(tmp_path, edits=())
    yield opened
    opened.stop()


def visit(browser: Any, shop: Shop, word: str, **settings: Any) -> Visit:
    return Visit(browser, f"{shop.url}settings/{word}", **settings)


@contextmanager
def mail_server() -> Iterator[Postbox]:
    """In a thread of its own, so that the test may block."""
    ready, over, opened = threading.Event(), threading.Event(), list[Postbox]()

    async def serve() -> None:
        async with postbox() as box:
            opened.append(box)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield opened[0]
    finally:
        over.set()
        thread.join(10)


@pytest.mark.parametrize("word", [topic.word for topic in TOPICS])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_everybody_can_use_it(chromium: Any, shop: Shop, word: str, scheme: str, width: int) -> None:
    """axe-core finds nothing, nothing is carried out, and nothing is wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    seen = visit(chromium, shop, word, color_scheme=scheme, viewport={"width": width, "height": 900})
    for summary in seen.page.locator("main summary").all():
        if summary.is_visible() and not summary.evaluate("one => one.parentElement.open"):
            summary.click()
    result = axe.run(seen.page)
    assert result.violations_count == 0, result.generate_report()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    ids = seen.page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    assert seen.complaints == []
    seen.page.close()


def test_a_mail_server_is_described_tried_out_and_saved(chromium: Any, own_shop: Shop) -> None:
    with mail_server() as box:
        seen = visit(chromium, own_shop, "mail")
        form = "[data-route='[\"mail\"]']"
        for name, text in {"host": "127.0.0.1", "port": str(box.port), "sender": "anna"}.items():
            seen.page.fill(f"{form} [name={name}]", text)
        seen.page.select_option(f"{form} [name=security]", "none")
        seen.page.fill(f"{form} [name='$to']", "anna@depot.example")
        seen.page.click(f"{form} [data-trial]")
        seen.expects(f"{form} .result").to_contain_text("'anna' is not a mail address")
        seen.page.click(f"{form} button.main")
        seen.expects(f"{form} .field:has([name=sender]) .findings").to_contain_text("is not a mail address")
        seen.expects(f"{form} [name=sender]").to_have_attribute("aria-invalid", "true")
        seen.expects("#draft [data-save]").to_be_disabled()
        seen.page.fill(f"{form} [name=sender]", "ems@depot.example")
        seen.page.fill(f"{form} [name='$to']", "anna@depot.example")
        seen.page.click(f"{form} [data-trial]")
        seen.expects(f"{form} .result").to_contain_text("127.0.0.1 takes the mail for anna@depot.example")
        assert box.recipients == [["anna@depot.example"]]
        seen.page.click(f"{form} button.main")
        seen.expects("#mail-step .findings li").to_have_count(0)
        seen.page.click("#draft [data-save]")
        seen.expects("#said").to_have_text("Saved, and in force.")
        assert own_shop.site.controller.settings.mail is not None
        assert (own_shop.site.controller.settings.mail.port, own_shop.site.controller.reloads) == (box.port, 1)
        assert [one for one in seen.complaints if "422" not in one] == [], "but that one try was refused"
        seen.page.close()


def test_a_webhook_is_added_signed_and_tried_out(chromium: Any, own_shop: Shop) -> None:
    with receiver() as back:
        seen = visit(chromium, own_shop, "sharing", viewport={"width": 390, "height": 900})
        seen.page.click("summary:has-text('Add a webhook')")
        seen.page.fill("details.new [name='$name']", "back")
        seen.page.fill("details.new [name=url]", back.url)
        for event in ("session.started", "session.ended"):
            seen.page.check(f"details.new [value='{event}']")
        seen.page.click("details.new button.main")
        seen.expects("details.new > summary:focus").to_have_text("Add a webhook")
        seen.expects("#said").to_have_text("back is added to the draft.")
        entry = "details.entry:has(summary b:text-is('back'))"
        seen.page.click(f"{entry} > summary")
        seen.page.fill(f"{entry} [name=secret]", SECRET)
        seen.page.click(f"{entry} [data-secret] button")
        seen.expects(entry).to_contain_text("kept in secrets/webhooks-back-secret")
        assert SECRET not in seen.page.content()
        seen.page.uncheck(f"{entry} [value='session.started']")
        seen.page.click(f"{entry} button.main")
        seen.expects("#draft .diff").to_contain_text("events: [session.ended]")
        seen.page.click(f"{entry} [data-trial]")
        seen.expects(f"{entry} .result").to_contain_text("answers 204")
        assert back.got[-1].is_signed(SECRET)
        assert seen.complaints == []
        seen.page.close()


def test_roles_coordinates_days_and_keys_are_written_as_the_file_needs_them(chromium: Any, own_shop: Shop) -> None:
    seen = visit(chromium, own_shop, "login")
    for name, text in {"issuer": "https://id.example.com", "client_id": "ems"}.items():
        seen.page.fill(f"[data-route='[\"oidc\"]'] [name={name}]", text)
    seen.page.fill("[name=roles]", "EMS admins: admin\nops: operator")
    seen.page.click("[data-route='[\"oidc\"]'] button.main")
    seen.expects("#said").to_have_text("Taken over into the draft.")
    seen.page.fill("[name=roles]", "EMS admins: installer")
    seen.page.click("[data-route='[\"oidc\"]'] button.main")
    seen.expects("#draft .diff").to_contain_text("roles: {EMS admins: installer}")
    seen.page.goto(f"{own_shop.url}settings/roaming")
    told = {**OPERATOR, "coordinates": "52.52, 13.405", "opening": "Mon-Fri 06:00-22:00"}
    for name, value in told.items():
        seen.page.fill(f"[data-route='[\"ocpi\"]'] [name={name}]", str(value))
    seen.page.fill("[data-route='[\"ocpi\"]'] [name=postal_code]", "01067")
    seen.page.click("[data-route='[\"ocpi\"]'] button.main")
    seen.expects("#draft .diff").to_contain_text("coordinates: [52.52, 13.405]")
    seen.expects("#draft .diff").to_contain_text('postal_code: "01067"')
    seen.page.goto(f"{own_shop.url}settings/reports")
    seen.page.click("summary:has-text('Add an export')")
    seen.page.fill("details.new [name='$name']", "bookkeeping")
    seen.page.select_option("details.new [name=content]", "sessions")
    seen.page.select_option("details.new [name=every]", "month")
    seen.page.fill("details.new [name=at]", "06:30")
    seen.page.fill("details.new [name=day]", "3")
    seen.page.click("details.new button.main")
    seen.expects("#reports-step .findings").to_contain_text(["the export 'bookkeeping' goes nowhere"])
    part = "details.entry details.entry:has(summary b:text-is('To an SFTP server'))"
    seen.page.click(f"{part} > summary")
    for name, text in {"host": "127.0.0.1", "user": "ems", "host_key": f"ssh-ed25519 {'A' * 68}"}.items():
        seen.page.fill(f"{part} [name={name}]", text)
    seen.page.click(f"{part} button.main")
    seen.expects(part).to_contain_text("sftp needs a password_file or a key_file")
    seen.page.fill(f"{part} [data-secret=key_file] textarea", KEY)
    seen.page.click(f"{part} [data-secret=key_file] button")
    seen.expects(part).to_contain_text("kept in secrets/reports-exports-bookkeeping-sftp-key")
    seen.expects("#reports-step .findings li").to_have_count(0)
    assert 'at: "06:30", day: 3' in seen.text("#draft .diff")
    assert seen.complaints == []
    seen.page.close()
