"""The server that takes the mail of the site: what the file says of it, checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.installation import is_loopback
from ems.settings.mail_schema import USUAL_PORTS, MailSecurity
from ems.settings.secret_file import beside, secret_findings


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How mail leaves the site; `password_file` and `ca_file` are read when it does."""

    host: str
    port: int
    security: MailSecurity
    sender: str
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None


def mail_of(draft: Draft) -> MailSettings | None:
    """What the section says; None without one."""
    section = draft.shape.mail
    if section is None:
        return None
    return MailSettings(
        host=section.host,
        port=section.port or USUAL_PORTS[section.security],
        security=section.security,
        sender=section.sender,
        user=section.user,
        password_file=beside(draft, section.password_file),
        ca_file=beside(draft, section.ca_file),
    )


def server(draft: Draft) -> Iterator[Finding]:
    """A login without a password, a password in the open, and files that cannot be read."""
    known, section = mail_of(draft), draft.shape.mail
    if known is None or section is None:
        return
    if known.user is not None and known.password_file is None:
        remedy = "write the password into a file that only the service may read: password_file: secrets/mail"
        yield draft.document.error(("mail",), f"mail: the login of '{known.user[:40]}' needs a password_file", remedy)
    if known.user is None and known.password_file is not None:
        remedy = "write whom to log in as: user: ems@depot.example"
        yield draft.document.error(("mail", "password_file"), "mail: a password_file without a user", remedy)
    if known.security is MailSecurity.NONE and not is_loopback(known.host):
        secret = "the password and reports" if known.user else "reports"
        remedy = "write security: starttls, or security: tls"
        yield draft.document.warning(("mail", "security"), f"mail: anybody on the way can read {secret}", remedy)
    yield from secret_findings(draft, ("mail", "password_file"), known.password_file, "the password")
    if known.ca_file is not None and not known.ca_file.is_file():
        remedy = "write the certificate there (PEM), or remove the line to trust what the system trusts"
        yield draft.document.error(("mail", "ca_file"), f"'{known.ca_file}' does not exist", remedy)
