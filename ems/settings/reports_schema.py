"""The shape of `reports:`."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from ems.settings.mail_schema import MailAddress
from ems.settings.payment_schema import web_address
from ems.settings.schema import Host, Name, Port, Section, problem
from ems.settings.secret_schema import PrivateKey, Secret
from ems.settings.service_schema import time_of_day
from ems.statistics.export_plan import Content
from ems.statistics.period import Every

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
KEY_KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)


def _day(value: Any) -> int | str:
    if isinstance(value, str) and value[:3].title() in WEEKDAYS:
        return value[:3].title()
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 28:
        return value
    raise problem(f"'{str(value)[:20]}' is not a day", "write 1 to 28 of a month, or Mon to Sun of a week")


def _host_key(value: Any) -> str:
    words = value.split() if isinstance(value, str) else []
    if len(words) < 2 or words[0] not in KEY_KINDS or not re.fullmatch(r"[A-Za-z0-9+/]{40,2000}={0,2}", words[1]):
        remedy = "copy its line from `ssh-keyscan HOST` after comparing it with the owner's: ssh-ed25519 AAAA…"
        raise problem(f"'{str(value)[:30]}' is not the public key of a server", remedy)
    return f"{words[0]} {words[1]}"


class SftpSection(Section):
    """`sftp:` of an export."""

    host: Host = Field(description="the server, for example sftp.example.com")
    port: Port = Field(22, description="22 unless stated")
    user: Name = Field(description="whom to log in as")
    password_file: Secret | None = Field(None, description="a file with the password of that user")
    key_file: PrivateKey | None = Field(None, description="a file with our private key, in place of a password")
    host_key: Annotated[str, PlainValidator(_host_key)] = Field(
        description="the public key of the server, for example ssh-ed25519 AAAA…"
    )
    folder: Name = Field(".", description="the folder there to put files into")


class WebhookSection(Section):
    """`webhook:` of an export."""

    url: Annotated[str, PlainValidator(web_address)] = Field(description="for example https://erp.example.com/charging")
    secret_file: Secret | None = Field(None, description="a file with the secret that signs what is posted")


class ExportSection(Section):
    """One entry of `reports: {exports: …}`."""

    content: Content = Field(description="report, sessions or energy")
    every: Every = Field(description="day, week or month")
    at: Annotated[time, PlainValidator(time_of_day)] = Field(time(6), description='the local time, for example "06:00"')
    day: Annotated[int | str, PlainValidator(_day)] | None = Field(
        None, description="of weeks Mon to Sun, of months 1 to 28; the first unless stated"
    )
    mail: tuple[MailAddress, ...] | None = Field(None, description="who gets it: [office@depot.example]")
    sftp: SftpSection | None = Field(None, description="a server to put it on")
    webhook: WebhookSection | None = Field(None, description="an address to post it to")


class ReportsSection(Section):
    """`reports:`"""

    co2_g_per_kwh: Annotated[float, Field(ge=0, le=2000)] | None = Field(
        None, description="gram of CO2 that a kWh from the grid stands for, as its supplier declares, for example 363"
    )
    co2_series: Name | None = Field(
        None,
        description="series of the grid's carbon intensity, in files or pushed as prices are, for example grid-co2",
    )
    co2_pv_g_per_kwh: Annotated[float, Field(ge=0, le=2000)] = Field(
        0.0, description="gram of CO2 that a kWh from PV stands for; 0 unless stated"
    )
    names_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        None, description="so many days after its beginning a session forgets who charged; kept for good unless stated"
    )
    exports: dict[Name, ExportSection] = Field({}, description="what goes out by itself, each with a name")
