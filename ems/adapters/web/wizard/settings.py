"""What a site tells others, and who comes from where: settings that need no commissioning, as forms of the
same draft.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ems.adapters.web.wizard.section import EntryGroup, Forms, SectionForm, Wording
from ems.ports.site import DraftView, SiteDesk

PATH = "/settings"


class Topic(NamedTuple):
    """A page of settings: its word in the address, its title, and its sections of the file."""

    word: str
    title: str
    sections: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where it is."""
        return f"{PATH}/{self.word}"


TOPICS = (
    Topic("mail", "Mail", ("mail",)),
    Topic("alarms", "Alarms", ("alarms",)),
    Topic("sharing", "Webhooks and MQTT", ("webhooks", "mqtt")),
    Topic("reports", "Reports", ("reports",)),
    Topic("drivers", "Drivers", ("drivers",)),
    Topic("roaming", "Roaming", ("ocpi",)),
    Topic("login", "Login", ("oidc",)),
)
MANY = frozenset({"webhooks"})
"""Sections that are entries by name."""

WORDINGS = {
    "mail": Wording(
        "Mail server",
        "It takes the mail of the site: alarms, reports, and receipts that drivers ask for.",
        trial="Send a test mail",
    ),
    "alarms": Wording("When people are told", "What is over sooner is never told to anybody."),
    "alarms.mail": Wording(
        "Alarms by mail",
        "Several alarms go into one mail. In quiet hours only serious ones are mailed.",
        trial="Send a test mail to all of them",
    ),
    "webhooks": Wording(
        "Webhooks",
        "Other systems are told what has happened, signed, and again until it has arrived. What is sent, the "
        "interface's document describes.",
        one="webhook",
        example="back-office",
        trial="Send a test notice",
    ),
    "mqtt": Wording(
        "MQTT broker",
        "What is true is published there; Home Assistant finds everything by itself if you name its prefix.",
        trial="Try the broker",
    ),
    "reports": Wording("What reports assume", "The reports themselves are on the page of reports."),
    "reports.exports": Wording(
        "Scheduled exports",
        "A report or its data, sent by itself when a day, week or month is over. Each goes one way: by mail, or to an "
        "SFTP server, or to a web address.",
        one="export",
        example="bookkeeping",
        trial="Try the way there",
    ),
    "reports.exports.sftp": Wording("To an SFTP server", "With a password or with a private key, one of them."),
    "reports.exports.webhook": Wording("To a web address"),
    "drivers": Wording(
        "The page of drivers", "What the page behind the code on a charger says, and what stands on receipts."
    ),
    "ocpi": Wording(
        "Roaming", "How partners see this site (OCPI 2.2.1). With a partner, drivers of other providers charge here."
    ),
    "ocpi.connector": Wording("Connectors of the site", "What is at an EVSE, unless it is named below."),
    "ocpi.connectors": Wording(
        "Other connectors", "Stations or EVSEs that have another one.", one="connector", example="CP-01 or CP-01/1"
    ),
    "ocpi.partners": Wording(
        "Partners",
        "With an address and a token of the partner we register there. With neither, hand it a token of ours, on the "
        "page of partners.",
        one="partner",
        example="acme",
        trial="Ask it for its versions",
    ),
    "oidc": Wording(
        "Login by an identity provider",
        "People log in where they log in to everything else (OpenID Connect). Users of the controller itself can "
        "always log in.",
        trial="Ask the provider",
    ),
}
"""How each section is called. All others say so themselves, by their keys."""


@dataclass(frozen=True, slots=True)
class TopicForms:
    """The forms of a page."""

    sections: list[SectionForm]
    groups: list[EntryGroup]


def topic_forms(topic: Topic, view: DraftView, desk: SiteDesk) -> TopicForms:
    """The forms of the draft."""
    forms = Forms(view, desk, WORDINGS)
    return TopicForms(
        [forms.section(name) for name in topic.sections if name not in MANY],
        [forms.group(name) for name in topic.sections if name in MANY],
    )


def topic_rows(view: DraftView) -> Iterator[dict[str, Any]]:
    """Every page, with how many errors there are on it."""
    for topic in TOPICS:
        errors = sum(1 for one in view.findings if one.severity == "error" and one.section in topic.sections)
        yield {"word": topic.word, "path": topic.path, "title": topic.title, "errors": errors}
