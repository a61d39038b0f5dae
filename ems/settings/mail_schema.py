"""The shape of `mail:`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from ems.settings.schema import Host, Name, Port, Section, problem
from ems.settings.secret_schema import Secret


class MailSecurity(StrEnum):
    """How the way to the server is kept secret: encrypted before anything is said, from the first byte, or not."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


USUAL_PORTS = {MailSecurity.STARTTLS: 587, MailSecurity.TLS: 465, MailSecurity.NONE: 25}

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?", re.ASCII)


def mail_address(value: Any) -> str:
    """An address as `valid e-mail address` of HTML, which leaves out what nobody has. Raises PydanticCustomError."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise problem(f"'{str(value)[:60]}' is not a mail address", "write for example office@depot.example")
    return value


MailAddress = Annotated[str, PlainValidator(mail_address)]


class MailSection(Section):
    """`mail:`, the server that takes the mail of the site."""

    host: Host = Field(description="the mail server, for example smtp.example.com")
    port: Port | None = Field(None, description="587 with starttls, 465 with tls and 25 with none, unless stated")
    security: MailSecurity = Field(MailSecurity.STARTTLS, description="starttls, tls or none")
    sender: MailAddress = Field(description="the address that mail comes from, for example ems@depot.example")
    user: Name | None = Field(None, description="whom to log in as, if the server asks for that")
    password_file: Secret | None = Field(None, description="a file with the password of that user")
    ca_file: Name | None = Field(None, description="a file with the certificate of your own authority (PEM)")
