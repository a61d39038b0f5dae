"""What goes out by the calendar: made from the report or the data, and brought by mail, SFTP or a signed post."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ems.adapters.mail.smtp import Security, SmtpServer
from ems.adapters.webhook.signature import key_of
from ems.assembly.exporting import ExportProcesses
from ems.assembly.seldom import pdf_of
from ems.domain.record.export_request import MEDIA, Exported, ExportRequest, Form
from ems.domain.record.session_entry import SessionFilter
from ems.ports.controller import Clock
from ems.ports.delivery import Attachment, Mail, NotDeliveredError
from ems.ports.reports import NoReportError
from ems.ports.sessions import BusyError, NotReadError
from ems.settings.mail import MailSettings
from ems.settings.secret_file import SecretError, read_secret
from ems.statistics.export_plan import Content, ExportPlan, Target, ToMail, ToSftp, ToWebhook
from ems.statistics.period import Period
from ems.statistics.report import Report
from ems.statistics.sheet import in_words

if TYPE_CHECKING:
    from ems.adapters.sftp.folder import SftpFolder
    from ems.adapters.webhook.post import SignedPost

MOST_BYTES = 100 << 20
"""More does nobody take by mail or post."""

POST_S = 120.0
DATA = {Content.SESSIONS: Exported.SESSIONS, Content.ENERGY: Exported.ENERGY}
PEM = "-----BEGIN"


@dataclass(frozen=True, slots=True)
class SiteCourier:
    """The `Courier` port. Secrets are read whenever something goes out, so a new one counts at once."""

    site: Callable[[], str]
    report: Callable[[Period], Awaitable[Report]]
    name_of: Callable[[str, Period, str], str]
    files: ExportProcesses
    mail: Callable[[], MailSettings | None]
    clock: Clock

    async def bring(self, plan: ExportPlan, period: Period) -> str:
        """As the port says."""
        file, words = await self._made(plan, period)
        key = f"{self.site()}/{plan.name}/{period}"
        try:
            return await self._delivered(plan.target, file, words, key)
        except SecretError as wrong:
            raise NotDeliveredError(str(wrong)) from None

    async def _delivered(self, target: Target, file: Attachment, words: str, key: str) -> str:
        match target:
            case ToMail():
                subject = words.partition("\n")[0]
                refused = await self._server().send(target.recipients, subject, words, (file,), key)
                left_out = "; ".join(f"not to {name}: {why}" for name, why in refused.items())
                return f"mailed{f', but {left_out}' if left_out else ''}"
            case ToSftp():
                await (await asyncio.to_thread(drop_of, target)).put(file)
                return f"put there as {file.name}"
            case ToWebhook():
                return await self._posted(target, file, key)

    async def _posted(self, target: ToWebhook, file: Attachment, key: str) -> str:
        post = await asyncio.to_thread(post_of, target)
        headers = {
            "content-type": file.media_type,
            "content-disposition": f'attachment; filename="{file.name}"',
        }
        name = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in key)[:120]
        try:
            return f"answered {await post.send(name, self.clock.now().utc, file.content, headers)}"
        finally:
            await post.close()

    def _server(self) -> Mail:
        known = self.mail()
        if known is None:
            raise NotDeliveredError("the site file describes no mail server")
        password = None if known.password_file is None else read_secret(known.password_file)
        security = Security(known.security.value)
        return SmtpServer(known.host, known.port, known.sender, security, known.user, password, known.ca_file)

    async def _made(self, plan: ExportPlan, period: Period) -> tuple[Attachment, str]:
        """The file, and words about it, of which the first line is a subject."""
        if plan.content is Content.REPORT:
            report = await self.report(period)
            content = await asyncio.to_thread(pdf_of, report)
            file = Attachment(self.name_of(report.site, period, "pdf"), "application/pdf", content)
            return file, f"{report.site}: report {period}\n\n{_figures(report)}"
        asked = ExportRequest(
            DATA[plan.content], Form.CSV, SessionFilter(period.begin, period.end, with_void=True), period.zone.key
        )
        name = self.name_of(f"{self.site()} {plan.content.value}", period, "csv")
        file = Attachment(name, MEDIA[Form.CSV], await self._written(asked))
        return file, f"{self.site()}: {plan.content.value} {period}\n\n{file.name} is attached.\n"

    async def _written(self, asked: ExportRequest) -> bytes:
        whole = bytearray()
        try:
            async for piece in await self.files.open(asked):
                whole += piece
                if len(whole) > MOST_BYTES:
                    raise NotDeliveredError(f"it is larger than {MOST_BYTES >> 20} MB; send shorter periods")
        except (NotReadError, BusyError, ValueError) as failed:
            raise NoReportError(str(failed)) from None
        return bytes(whole)


def _figures(report: Report) -> str:
    """The key figures as lines of a mail."""
    figures = report.sheet("figures")
    assert figures is not None
    value = figures.columns[figures.column("value")]
    lines = (
        f"{row['figure']}: {in_words(row['value'], value, report.period.zone)} {row['unit']}".rstrip()
        for row in figures.records()
        if row["value"] is not None
    )
    return "\n".join((*lines, "", *report.notes, ""))


def post_of(target: ToWebhook) -> SignedPost:
    """Where an export is posted. Blocks. Raises SecretError and NotDeliveredError."""
    from ems.adapters.webhook.post import SignedPost  # noqa: PLC0415 - its client is large

    secret = None if target.secret_file is None else read_secret(Path(target.secret_file))
    try:
        signing = None if secret is None else key_of(secret)
    except ValueError as wrong:
        raise NotDeliveredError(f"{target.secret_file}: {wrong}") from None
    return SignedPost(target.url, signing, whole_s=POST_S)


def drop_of(target: ToSftp) -> SftpFolder:
    """Where an export is put. Blocks. Raises SecretError."""
    from ems.adapters.sftp.folder import SftpFolder  # noqa: PLC0415 it takes long, so only where a site wants it

    password = None if target.password_file is None else read_secret(Path(target.password_file))
    key = None if target.key_file is None else _key_in(Path(target.key_file))
    return SftpFolder(target.host, target.port, target.user, target.host_key, target.folder, password, key)


def _key_in(path: Path) -> str:
    """A private key has several lines. Raises SecretError."""
    try:
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as wrong:
        raise SecretError(f"{path} cannot be read: {wrong}") from None
    if not text.lstrip().startswith(PEM):
        raise SecretError(f"{path} holds no private key: it must begin with {PEM}")
    return text
