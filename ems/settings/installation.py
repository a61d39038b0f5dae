"""Checks of what belongs to the site as a whole."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import PurePosixPath

from ems.settings.draft import Draft
from ems.settings.finding import Finding
from ems.settings.shape import HIGHEST_V, LOWEST_V

LINE_TO_LINE = {200: 115, 208: 120, 380: 220, 400: 230, 415: 240, 440: 254, 480: 277, 600: 347}
"""Voltages between phases that people write, and what they are between phase and neutral."""


def voltage(draft: Draft) -> Iterator[Finding]:
    """The voltage is that between phase and neutral, in volt."""
    if draft.shape.site is None:
        return
    volts = draft.shape.site.voltage_v
    place = ("site", "voltage_v")
    if volts in LINE_TO_LINE:
        message = f"{volts:g} V is a voltage between two phases"
        remedy = f"write the one between phase and neutral: voltage_v: {LINE_TO_LINE[int(volts)]}"
        yield draft.document.error(place, message, remedy)
    elif not LOWEST_V <= volts <= HIGHEST_V:
        remedy = "write volt between phase and neutral, for example 230"
        if LOWEST_V <= volts * 1000 <= HIGHEST_V:
            remedy = f"voltage_v is in volt, not in kilovolt: write {volts * 1000:g}"
        yield draft.document.error(place, f"{volts:g} V is not plausible", remedy)


def tariff(draft: Draft) -> Iterator[Finding]:
    """The tariff file lies beside the site's, and is the only one that says the tariff."""
    section = draft.shape.tariff
    if section is None or section.file is None:
        return
    place = ("tariff", "file")
    if section.model_extra:
        remedy = "keep the file, or write everything here"
        yield draft.document.error(place, "the tariff stands in a file and here", remedy)
    if PurePosixPath(section.file).name != section.file:
        remedy = "write a file name without a folder"
        yield draft.document.error(place, f"the tariff '{section.file[:80]}' must lie beside site.yaml", remedy)
    elif not (draft.folder / section.file).is_file():
        remedy = "write the file, or remove the section"
        yield draft.document.error(place, f"the tariff '{section.file}' does not exist in {draft.folder}", remedy)


def listeners(draft: Draft) -> Iterator[Finding]:
    """Passwords do not cross a network in the open, and no two servers want one port."""
    shape = draft.shape
    if not is_loopback(shape.web.host):
        message = f"the page is served on {shape.web.host} without TLS: passwords cross that network in the open"
        remedy = "write 127.0.0.1, put a server with TLS before it, and name that as trusted_proxy"
        yield draft.document.warning(("web", "host"), message, remedy)
    if shape.web.port == shape.ocpp.port:
        message = f"the page and the stations want the same port {shape.web.port}"
        yield draft.document.error(("web", "port"), message, "8080 for web and 9000 for ocpp are the defaults")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def is_every_network(host: str) -> bool:
    """Whether an address stands for all addresses of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
