"""A connection tried out once, as somebody is about to describe it: before anything is saved."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, TypeVar

from ems.assembly.alarms import broker_of, mail_server, webhook_target
from ems.assembly.courier import drop_of, post_of
from ems.assembly.error import AssemblyError
from ems.domain.alarm.notice import Notice, Topic
from ems.ports.delivery import NotDeliveredError
from ems.ports.site import ConnectionTest, NotPossibleError
from ems.settings.draft import Draft
from ems.settings.finding import Finding, Severity, printable
from ems.settings.form import section_at
from ems.settings.mail import mail_of
from ems.settings.mail_schema import mail_address
from ems.settings.notices import notices_of
from ems.settings.ocpi import ocpi_of
from ems.settings.oidc import oidc_of
from ems.settings.reports import reports_of
from ems.settings.secret_file import SecretError, read_secret
from ems.statistics.export_plan import Target, ToMail, ToSftp, ToWebhook

T = TypeVar("T")

TEST_S = 20.0


class Asked(NamedTuple):
    """What is tried out: a place of a site file as it was read, by name where it is one of several. `to`: who gets a
    mail.
    """

    draft: Draft
    name: str
    to: str
    now: datetime


Trial = Callable[[Asked], Awaitable[str]]
"""Tries something out and says what was seen. Raises NotDeliveredError, AssemblyError and SecretError, in words, and
NotPossibleError where nothing is described that could be tried.
"""


async def tried_out(
    route: tuple[str, ...], draft: Draft, findings: Iterable[Finding], to: str, now: datetime
) -> ConnectionTest:
    """Try out what a place of a site file describes. Raises NotPossibleError where that is nothing, or not sound."""
    trial = TRIALS.get(section_at(route) or "")
    if trial is None:
        raise NotPossibleError(f"there is nothing to try out at '{'.'.join(route)[:80]}'")
    wrong = next((one for one in findings if one.severity is Severity.ERROR and _is_about(one, route)), None)
    if wrong is not None:
        raise NotPossibleError(printable(f"{wrong.message}; {wrong.remedy}" if wrong.remedy else wrong.message))
    began = perf_counter()
    name = route[2] if route[0] in {"reports", "ocpi"} else route[-1]
    try:
        async with asyncio.timeout(TEST_S):
            seen, trouble = await trial(Asked(draft, name, to, now)), ""
    except TimeoutError:
        seen, trouble = "", f"no answer within {TEST_S:g} s: check the address, the port and what lies on the way"
    except NotDeliveredError as failed:
        seen, trouble = "", printable(f"{failed}: {failed.said}" if failed.said else str(failed))
    except (AssemblyError, SecretError) as failed:
        seen, trouble = "", printable(str(failed))
    return ConnectionTest(round(perf_counter() - began, 2), (printable(seen),) if seen else (), trouble)


def _is_about(finding: Finding, route: tuple[str, ...]) -> bool:
    """Whether it is said of a place, of what lies in it, or of what it lies in."""
    told = tuple(str(step) for step in finding.route)
    return told[: len(route)] == route or (len(told) > 1 and told == route[: len(told)])


async def _mail(asked: Asked) -> str:
    if not asked.to.strip():
        raise NotPossibleError("say to whom the test mail goes: write for example anna@depot.example")
    try:
        to = mail_address(asked.to.strip())
    except ValueError as wrong:
        raise NotPossibleError(f"to: {wrong}: write for example anna@depot.example") from None
    return await _mailed(asked.draft, (to,))


async def _alarm_mail(asked: Asked) -> str:
    known = notices_of(asked.draft).mail
    return await _mailed(asked.draft, _there(known, "says who is told").to)


async def _mailed(draft: Draft, to: tuple[str, ...]) -> str:
    server = await asyncio.to_thread(mail_server, _there(mail_of(draft), "describes a mail server"))
    site = "" if draft.shape.site is None else draft.shape.site.name
    text = f"This is a test of the site {site}. Whoever reads it gets its mail; there is nothing to do.\n"
    refused = await server.send(to, f"{site}: a test", text)
    left_out = "".join(f"; it refuses {one}: {why}" for one, why in refused.items())
    taken = ", ".join(one for one in to if one not in refused)
    return f"{server.host} takes the mail for {taken}{left_out}. See whether it arrives, and not as junk."


async def _webhook(asked: Asked) -> str:
    known = next((one for one in notices_of(asked.draft).webhooks if one.name == asked.name), None)
    site = "" if asked.draft.shape.site is None else asked.draft.shape.site.name
    target = await asyncio.to_thread(
        webhook_target, _there(known, "describes this webhook"), site, lambda: asked.now, TEST_S
    )
    notice = Notice(0, f"test-{secrets.token_hex(8)}", asked.now, Topic.TEST, "", {"text": "a test"})
    try:
        return f"{target.address} answers {await target.deliver((notice,), 1)}"
    finally:
        await target.close()


async def _broker(asked: Asked) -> str:
    known = _there(notices_of(asked.draft).mqtt, "describes a broker")
    from ems.adapters.mqtt.trial import tried  # noqa: PLC0415 - a room that few sites need

    broker = await asyncio.to_thread(broker_of, known)
    return await tried(_there(broker, "describes a broker"))


async def _issuer(asked: Asked) -> str:
    known = _there(oidc_of(asked.draft), "describes a provider")
    try:
        from ems.adapters.oidc.client import IdentityProvider  # noqa: PLC0415 it is an extra
    except ModuleNotFoundError as missing:
        raise AssemblyError(f"this needs the package {missing.name}: pip install 'ems[oidc]'") from None
    if known.secret_file is not None:
        await asyncio.to_thread(read_secret, known.secret_file)
    try:
        keys = await IdentityProvider(known.issuer, known.client_id).look()
    except (ConnectionError, PermissionError) as failed:
        raise NotDeliveredError(f"{known.issuer}: {failed}") from None
    signs = f"signs with {keys} key{'' if keys == 1 else 's'}"
    last = f"Only a login shows whether it knows {known.client_id!r} and its secret."
    return f"{known.issuer} is there and {signs}. {last}"


async def _partner(asked: Asked) -> str:
    settings = _there(ocpi_of(asked.draft), "describes roaming")
    known = _there(next((one for one in settings.partners if one.id == asked.name), None), "describes this partner")
    if not known.versions_url:
        raise NotPossibleError("without a versions_url this partner registers here: hand it a token at /partners")
    from ems.adapters.ocpi.client import Client  # noqa: PLC0415 - a room that few sites need
    from ems.adapters.ocpi.error import OcpiError  # noqa: PLC0415
    from ems.adapters.ocpi.handshake import discover  # noqa: PLC0415

    client = Client(settings.operator)
    try:
        endpoints = await discover(client, await asyncio.to_thread(_token, known.token_file), known.versions_url)
    except OcpiError as failed:
        raise NotDeliveredError(str(failed)) from None
    finally:
        await client.close()
    modules = ", ".join(sorted({one.module for one in endpoints}))
    return f"it takes our token and speaks OCPI 2.2.1, with {modules}"


async def _export(asked: Asked) -> str:
    plan = next((one for one in reports_of(asked.draft).exports if one.name == asked.name), None)
    target: Target = _there(plan, "describes this export").target
    match target:
        case ToMail():
            return await _mailed(asked.draft, target.recipients)
        case ToSftp():
            await (await asyncio.to_thread(drop_of, target)).look()
            return f"{target.host} knows {target.user}, who may write into {target.folder}"
        case ToWebhook():
            post = await asyncio.to_thread(post_of, target)
            try:
                headers: Mapping[str, str] = {"content-type": "text/plain"}
                name = f"test-{secrets.token_hex(8)}"
                return f"{post.address} answers {await post.send(name, asked.now, b'a test', headers)}"
            finally:
                await post.close()


def _token(file: str) -> str:
    return read_secret(Path(file))


def _there(known: T | None, what: str) -> T:
    """Raises NotPossibleError."""
    if known is None:
        raise NotPossibleError(f"the draft says nothing yet that {what}: fill in what is needed first")
    return known


TRIALS: Mapping[str, Trial] = {
    "mail": _mail,
    "alarms.mail": _alarm_mail,
    "webhooks": _webhook,
    "mqtt": _broker,
    "oidc": _issuer,
    "ocpi.partners": _partner,
    "reports.exports": _export,
    "reports.exports.sftp": _export,
    "reports.exports.webhook": _export,
}
"""How what each section describes is tried out."""
