"""What reports assume and what goes out by itself: what the file says of it, checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.installation import is_loopback
from ems.settings.reports_schema import WEEKDAYS, ExportSection, SftpSection
from ems.settings.route import Route
from ems.settings.secret_file import beside, secret_findings
from ems.statistics.export_plan import ExportPlan, Target, ToMail, ToSftp, ToWebhook
from ems.statistics.period import Every


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """`co2_g_per_kwh` None: nobody says what a kWh from the grid stands for, where `co2_series` says nothing either.
    `names_days`: so many days after its
    beginning a session forgets who charged, None: never. Files of secrets are absolute paths.
    """

    co2_g_per_kwh: float | None = None
    co2_series: str | None = None
    co2_pv_g_per_kwh: float = 0.0
    exports: tuple[ExportPlan, ...] = ()
    names_days: int | None = None


def reports_of(draft: Draft) -> ReportSettings:
    """What the section says."""
    section = draft.shape.reports
    found = ((name, one, _target(draft, one)) for name, one in section.exports.items())
    plans = tuple(
        ExportPlan(name, one.content, one.every, target, one.at, _day(one))
        for name, one, target in found
        if target is not None
    )
    return ReportSettings(
        section.co2_g_per_kwh, section.co2_series, section.co2_pv_g_per_kwh, plans, section.names_days
    )


def exports(draft: Draft) -> Iterator[Finding]:
    """Exports that go nowhere or to several, on a day that they do not have, or without what they need."""
    for name, one in draft.shape.reports.exports.items():
        route: Route = ("reports", "exports", name)
        ways = [way for way, value in (("mail", one.mail), ("sftp", one.sftp), ("webhook", one.webhook)) if value]
        if len(ways) != 1:
            said = f"goes to {' and '.join(ways)}: that is one export each" if ways else "goes nowhere"
            remedy = "write one of mail: [office@depot.example], sftp: {…} and webhook: {url: …}"
            yield draft.document.error(route, f"the export '{name}' {said}", remedy)
        if not _fits(one):
            remedy = {
                Every.DAY: "remove the line",
                Every.WEEK: "write Mon to Sun",
                Every.MONTH: "write 1 to 28",
            }[one.every]
            yield draft.document.error((*route, "day"), f"{one.day} is no day of every {one.every}", remedy)
        if one.mail and draft.shape.mail is None:
            remedy = "describe the server: mail: {host: smtp.example.com, sender: ems@depot.example}"
            yield draft.document.error((*route, "mail"), f"the export '{name}' needs a mail server", remedy)
        if one.sftp is not None:
            yield from _sftp(draft, (*route, "sftp"), one.sftp)
        if one.webhook is not None:
            yield from secret_findings(
                draft, (*route, "webhook", "secret_file"), beside(draft, one.webhook.secret_file), "the secret"
            )
            host = one.webhook.url.split("/")[2].rpartition(":")[0] or one.webhook.url.split("/")[2]
            if one.webhook.url.startswith("http:") and not is_loopback(host):
                remedy = "write https:// if the other side can"
                place = (*route, "webhook", "url")
                yield draft.document.warning(place, f"anybody on the way can read the export '{name}'", remedy)


def _sftp(draft: Draft, route: Route, section: SftpSection) -> Iterator[Finding]:
    if (section.password_file is None) is (section.key_file is None):
        remedy = "write password_file: secrets/sftp, or key_file: secrets/id_ed25519"
        yield draft.document.error(route, "sftp needs a password_file or a key_file, one of them", remedy)
    for key, name in (("password_file", section.password_file), ("key_file", section.key_file)):
        yield from secret_findings(draft, (*route, key), beside(draft, name), "the secret")


def _fits(section: ExportSection) -> bool:
    if section.day is None:
        return True
    kinds = {Every.DAY: (), Every.WEEK: (str,), Every.MONTH: (int,)}
    return isinstance(section.day, kinds[section.every])


def _day(section: ExportSection) -> int | None:
    return WEEKDAYS.index(section.day) if isinstance(section.day, str) else section.day


def _target(draft: Draft, section: ExportSection) -> Target | None:
    if section.mail:
        return ToMail(section.mail)
    if section.webhook is not None:
        return ToWebhook(section.webhook.url, _file(draft, section.webhook.secret_file))
    if section.sftp is None:
        return None
    known = section.sftp
    return ToSftp(
        host=known.host,
        user=known.user,
        host_key=known.host_key,
        port=known.port,
        folder=known.folder,
        password_file=_file(draft, known.password_file),
        key_file=_file(draft, known.key_file),
    )


def _file(draft: Draft, name: str | None) -> str | None:
    path = beside(draft, name)
    return None if path is None else str(path.absolute())
