"""The shape of the sections that say who is told of what: `alarms`, `webhooks` and `mqtt`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from ems.domain.alarm.delivery import QuietHours
from ems.domain.alarm.notice import TEST, Topic
from ems.settings.hints import similar
from ems.settings.mail_schema import mail_address
from ems.settings.schema import Host, Name, Port, Section, problem
from ems.settings.secret_schema import Secret

TOPICS = tuple(topic.value for topic in Topic if topic.value != TEST)
_URL = re.compile(r"https?://[\w.\[\]:-]+(:\d{1,5})?(/\S*)?", re.ASCII)
_TOPIC = re.compile(r"[^+#\x00-\x20/][^+#\x00-\x20]{0,99}")


def _events(value: Any) -> frozenset[Topic]:
    """Names of topics; `alarm` or `alarm.*` stands for all that begin so."""
    names = value if isinstance(value, list) else [value]
    found: set[Topic] = set()
    for name in names:
        word = str(name).removesuffix(".*")
        some = {topic for topic in TOPICS if topic == word or topic.startswith(f"{word}.")}
        if not some:
            near = similar(word, TOPICS)
            remedy = f"did you mean '{near}'?" if near else f"there are {', '.join(TOPICS)}"
            raise problem(f"'{word[:40]}' is not an event", remedy)
        found |= {Topic(one) for one in some}
    if not found:
        raise problem("names no event", f"there are {', '.join(TOPICS)}")
    return frozenset(found)


def _url(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 500 or not _URL.fullmatch(value):
        raise problem(f"'{str(value)[:60]}' is not a web address", "write for example https://back.example.com/ems")
    return value


def _addresses(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    if not names:
        raise problem("names nobody", "write for example [anna@depot.example]")
    return tuple(mail_address(name) for name in names)


def _quiet(value: Any) -> QuietHours:
    try:
        return QuietHours.parse(str(value))
    except ValueError as wrong:
        message, _, remedy = str(wrong).partition(": ")
        raise problem(message, remedy) from None


def _base(value: Any) -> str:
    if not isinstance(value, str) or not _TOPIC.fullmatch(value) or value.endswith("/") or value.startswith("$"):
        raise problem(f"'{str(value)[:60]}' cannot begin a topic", "write for example ems/depot-north, without + and #")
    return value


class Command(StrEnum):
    """What may be told over MQTT."""

    STRATEGY = "strategy"
    PAUSE = "pause"
    LIMIT = "limit"


Events = Annotated[frozenset[Topic], PlainValidator(_events)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class AlarmMailSection(Section):
    """`mail:` of `alarms:`, who is told of alarms by mail."""

    to: Annotated[tuple[str, ...], PlainValidator(_addresses)] = Field(description="as [anna@depot.example]")
    gather_s: Seconds = Field(60.0, description="seconds in which further alarms go into the same mail")
    quiet: Annotated[QuietHours, PlainValidator(_quiet)] | None = Field(
        None, description="when only serious alarms are mailed, for example 22:00-06:00"
    )
    cleared: bool = Field(True, description="false: no word when an alarm is over")


class AlarmsSection(Section):
    """`alarms:`, after how long people are told."""

    offline_s: Seconds = Field(300.0, description="seconds that a station must be away")
    fault_s: Seconds = Field(120.0, description="seconds that a fault must last")
    meter_s: Seconds = Field(30.0, description="seconds that a meter must be silent")
    clear_s: Annotated[float, Field(ge=5, le=86_400)] = Field(
        60.0, description="seconds that something must be gone until it is over"
    )
    mail: AlarmMailSection | None = Field(None, description="{to: [anna@depot.example]}")


class WebhookSection(Section):
    """One entry of `webhooks:`."""

    url: Annotated[str, PlainValidator(_url)] = Field(description="for example https://back.example.com/ems")
    events: Events = Field(description="as [session.ended, alarm.raised], or [alarm] for all of them")
    secret_file: Secret | None = Field(None, description="a file with the secret that signs, at least 16 characters")
    ca_file: Name | None = Field(None, description="a file with the certificate of your own authority")


class MqttSection(Section):
    """`mqtt:`, a broker where what happens is published."""

    host: Host = Field(description="address of the broker")
    port: Port | None = Field(None, description="TCP port, 1883 unless stated, 8883 with tls")
    tls: bool = Field(False, description="true encrypts and checks the certificate of the broker")
    ca_file: Name | None = Field(None, description="a file with the certificate of your own authority")
    user: Name | None = Field(None, description="name to log in with")
    password_file: Secret | None = Field(None, description="a file with the password")
    base: Annotated[str, PlainValidator(_base)] | None = Field(
        None, description="what topics begin with, for example ems/depot-north"
    )
    discovery: Annotated[str, PlainValidator(_base)] | None = Field(
        None, description="the prefix of Home Assistant, homeassistant there, so that it finds everything by itself"
    )
    every_s: Annotated[float, Field(ge=0.5, le=300)] = Field(2.0, description="seconds between two values of a topic")
    commands: tuple[Command, ...] = Field((), description="what may be told: [strategy, pause, limit]")
