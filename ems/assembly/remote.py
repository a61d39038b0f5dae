"""Remote control of a site's stations, put together."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

from ems.adapters.ftp.server import FtpServer
from ems.adapters.store.store import Store
from ems.adapters.web.upload_server import UploadServer
from ems.assembly.kept_requests import read_kept, write_kept
from ems.ports.controller import Clock
from ems.ports.stations import ObjectionError, StationDesk
from ems.runtime.loop import Loop
from ems.runtime.remote import RemoteControl
from ems.runtime.rounds import RoundTable
from ems.runtime.uploads import Uploads
from ems.settings.build import SiteSettings
from ems.settings.station_models import template_of

FOLDER = "uploads"


class RemoteParts(NamedTuple):
    """The parts of remote control."""

    control: RemoteControl
    rounds: RoundTable
    uploads: UploadServer
    ftp: FtpServer

    def take_over(self, settings: SiteSettings) -> None:
        """Go on with other models of stations."""
        self.control.template_of = partial(template_of, settings.station_models)

    async def close(self) -> None:
        """Ask nobody any more."""
        await self.rounds.close()
        await self.control.close()


def remote_parts(
    settings: SiteSettings, desk: StationDesk, clock: Clock, loop: Loop, store: Store, state_dir: Path
) -> RemoteParts:
    """Remote control over the links of `desk`; what stations upload lies in the state folder."""
    box = Uploads(state_dir / FOLDER, clock)
    server = UploadServer(box, settings.ocpp.host, settings.uploads.http)
    ftp = FtpServer(box, settings.ocpp.host, settings.uploads.ftp)

    async def url(host: str, word: str, over_ftp: bool) -> str:
        try:
            return await ftp.url(host, word) if over_ftp else await server.url(host, word)
        except TimeoutError:
            raise ObjectionError("nobody listens for files here: the log says why") from None

    control = RemoteControl(
        desk,
        clock,
        lambda: loop.core.state,
        store.audit.add,
        partial(template_of, settings.station_models),
        box,
        url,
        partial(write_kept, state_dir),
    )
    control.remember(read_kept(state_dir))
    return RemoteParts(control, RoundTable(control, clock, lambda: loop.core.state), server, ftp)
