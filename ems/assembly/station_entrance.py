"""Where stations connect, as it is typed into them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from ems.ports.site import StationEntrance
from ems.settings.build import Listen
from ems.settings.installation import is_every_network
from ems.settings.places import Catalogue, catalogue_files
from ems.settings.schema import AUTO


def entrance_of(ocpp: Listen, folder: Path) -> StationEntrance:
    """By every address of this machine that others can reach; `folder`: where the site's own models lie."""
    port = int(os.environ.get("EMS_OCPP_PORT") or ocpp.port)
    hosts = _addresses() if is_every_network(ocpp.host) else [ocpp.host]
    urls = [f"ws://{f'[{host}]' if ':' in host else host}:{port}/ocpp/" for host in hosts]
    return StationEntrance(urls, (AUTO, *sorted(catalogue_files(Catalogue.STATIONS, folder))))


def _addresses() -> list[str]:
    """The addresses of this machine that others may reach, the likeliest first; its name where none is known."""
    found: list[str] = []
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # Nothing is sent: connecting a datagram socket only looks up the way there.
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            try:
                asking.connect((target, 9))
                found.append(str(asking.getsockname()[0]))
            except OSError:
                continue
    return found or [socket.gethostname()]
