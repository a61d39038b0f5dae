"""The site file, as it is changed by people while the site runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from ems.assembly.battery_test import tested_battery
from ems.assembly.connection_test import tried_out
from ems.assembly.meter_test import meter_models, read_once
from ems.assembly.meters import METER_CHECKS
from ems.assembly.station_entrance import entrance_of
from ems.domain.policy import Control
from ems.ports.controller import Clock, NotStoredError
from ems.ports.site import (
    ConnectionTest,
    DraftView,
    FileDifference,
    FileFinding,
    FormField,
    FormPart,
    MeterModel,
    MeterTest,
    NotPossibleError,
    OvertakenError,
    StationEntrance,
)
from ems.settings.build import SiteSettings
from ems.settings.difference import difference
from ems.settings.document import Document, parse, read
from ems.settings.edit import Edit, diff, place_of
from ems.settings.finding import Finding, has_errors, in_short, printable
from ems.settings.form import fields_of, parts_of, secret_kind
from ems.settings.load import Loaded, load
from ems.settings.password import new_password
from ems.settings.report import CheckResult, as_data
from ems.settings.secret_file import plain_secret, write_secret
from ems.settings.site_draft import SiteDraft, draft_of, is_overtaken, keep_draft, read_site, write_site
from ems.settings.site_sums import circuit_sums
from ems.settings.tariff_move import edits_into_site

log = logging.getLogger(__name__)

Note = Callable[..., None]


class Running(Protocol):
    """The daemon, as far as a change of its file concerns it."""

    settings: SiteSettings
    may_restart: bool

    def reload(self) -> None:
        """Read the file again."""
        ...

    def restart(self) -> None:
        """End, and begin anew."""
        ...


class FileDesk:
    """The `SiteDesk` port. One change at a time; files are read and written in threads."""

    def __init__(self, path: Path, state_dir: Path, clock: Clock, note: Note) -> None:
        """`note` records (when, who, what, detail)."""
        self._path, self._state_dir, self._clock, self._note = path, state_dir, clock, note
        self._turn = asyncio.Lock()
        self.running: Running | None = None

    async def view(self) -> DraftView:
        """The draft as it is."""
        async with self._reading() as draft:
            return await asyncio.to_thread(self._view, draft)

    async def edit(self, route: tuple[str, ...], keys: Mapping[str, Any] | None, etag: str | None, who: str) -> None:
        """Make one change of the draft."""
        async with self._reading() as draft:
            _must_be(draft, etag)
            after = await asyncio.to_thread(draft.changed, Edit(route, keys), who)
            await self._keep(after)

    async def save(self, etag: str | None, who: str) -> Sequence[FileDifference]:
        """Write the file, and have it read."""
        async with self._reading() as draft:
            _must_be(draft, etag)
            loaded = await asyncio.to_thread(self._loaded, draft)
            if loaded.settings is None:
                raise NotPossibleError(f"there are errors: {in_short(loaded.findings)}")
            found = self._differences(loaded.settings)
            await self._write(draft)
            self._told(who, "SiteSaved", diff(draft.base, draft.text))
            await self._keep(SiteDraft(draft.text, draft.text))
        self._held.reload()
        return found

    async def take_file(self, who: str) -> None:
        """Make the edits on the file as it is now."""
        async with self._reading() as draft:
            text = await asyncio.to_thread(read_site, self._path)
            await self._keep(await asyncio.to_thread(draft.on, text))
            self._told(who, "SiteDraftRebased", "")

    async def drop(self, etag: str | None, who: str) -> None:
        """Forget the draft."""
        async with self._reading() as draft:
            _must_be(draft, etag)
            await self._keep(SiteDraft("", ""))
            self._told(who, "SiteDraftDropped", "")

    async def new_password(self, station: str, etag: str | None, who: str) -> str:
        """A password in a file that no station of the running site uses, so that nothing changes before it is saved."""
        async with self._reading() as draft:
            _must_be(draft, etag)
            stations = (await asyncio.to_thread(self._data, draft)).get("stations")
            if not isinstance(stations, dict) or station not in stations:
                raise NotPossibleError(f"the draft has no station '{station[:48]}': add it first")
            secret, line = await asyncio.to_thread(new_password)
            name = await self._hidden(station, line)
            edit = Edit(("stations", station), {"password_file": name})
            await self._keep(await asyncio.to_thread(draft.changed, edit, who))
            self._note(self._clock.now().utc, who, "StationPasswordMade", {"station": station, "file": name})
            return secret

    async def keep_secret(self, route: tuple[str, ...], key: str, secret: str, etag: str | None, who: str) -> None:
        """Keep a secret in a file of its own, and name that in the draft."""
        kind, place = secret_kind(route, key), ".".join(route)
        async with self._reading() as draft:
            _must_be(draft, etag)
            if kind is None:
                raise NotPossibleError(f"'{place[:80]}: {key[:40]}' names no file with a secret")
            text = plain_secret(secret, kind)
            name = await self._hidden(f"{'-'.join(route)}-{key.removesuffix('_file')}", text)
            await self._keep(await asyncio.to_thread(draft.changed, Edit(route, {key: name}), who))
            self._note(self._clock.now().utc, who, "SecretKept", {"section": place, "key": key, "file": name})

    async def take_tariff(self, etag: str | None, who: str) -> None:
        """Move the tariff from its file into the draft."""
        async with self._reading() as draft:
            _must_be(draft, etag)
            section = (await asyncio.to_thread(self._data, draft)).get("tariff")
            name = section.get("file") if isinstance(section, Mapping) else None
            if not isinstance(name, str) or Path(name).name != name:
                raise NotPossibleError("the draft names no tariff file beside it")
            document, findings = await asyncio.to_thread(read, self._path.parent / name)
            if document is None or has_errors(findings):
                raise NotPossibleError(f"the tariff cannot be read: {in_short(findings)}")
            moved = draft
            for edit in edits_into_site(document.data):
                moved = await asyncio.to_thread(moved.changed, edit, who)
            await self._keep(moved)

    async def test_meter(self, keys: Mapping[str, Any]) -> MeterTest:
        """Read a meter once."""
        return await read_once(keys, self._path.parent, self._held.settings.site.voltage_v)

    async def test_battery(self, keys: Mapping[str, Any]) -> MeterTest:
        """Read a battery once, by the meter that the draft describes."""
        async with self._reading() as draft:
            meters = (await asyncio.to_thread(self._data, draft)).get("meters")
        known = meters if isinstance(meters, Mapping) else {}
        return await tested_battery(keys, known, self._path.parent, self._held.settings.site.voltage_v)

    async def test_connection(
        self, route: tuple[str, ...], keys: Mapping[str, Any] | None, to: str, who: str
    ) -> ConnectionTest:
        """Try out what a place of the draft describes, with other keys if need be."""
        async with self._reading() as draft:
            asked = await asyncio.to_thread(draft.changed, Edit(route, keys), who) if keys else draft
            loaded = await asyncio.to_thread(self._loaded, asked)
        if loaded.draft is None:
            raise NotPossibleError(f"the file cannot be read: {in_short(loaded.findings)}")
        now = self._clock.now().utc
        test = await tried_out(route, loaded.draft, loaded.findings, to, now)
        told = {"place": ".".join(route), "to": to, "trouble": test.trouble}
        self._note(now, who, "ConnectionTested", {name: word for name, word in told.items() if word})
        return test

    async def arm(self, armed: bool, who: str) -> None:
        """Write the switch alone; a draft that somebody has begun goes on upon the file as it is then."""
        control = Control.ARMED if armed else Control.OBSERVE
        async with self._reading() as draft:
            text = await asyncio.to_thread(read_site, self._path)
            switched = await asyncio.to_thread(
                SiteDraft(text, text).changed, Edit(("policy",), {"control": control.value}), who
            )
            loaded = await asyncio.to_thread(self._loaded, switched)
            if loaded.settings is None:
                raise NotPossibleError(f"the site file has errors: {in_short(loaded.findings)}")
            await self._write(switched)
            self._told(who, "ControllerArmed" if armed else "ControllerObserves", diff(text, switched.text))
            if draft.is_begun and draft.base == text:
                await self._keep(await asyncio.to_thread(draft.on, switched.text))
        self._held.reload()

    async def restart(self, who: str) -> None:
        """End, and begin anew."""
        if not self._held.may_restart:
            raise NotPossibleError("this controller was not started by `ems run`: start it anew yourself")
        self._told(who, "ControllerRestarted", "")
        self._held.restart()

    def fields(self, section: str) -> Sequence[FormField]:
        """What can be filled in for a section."""
        return fields_of(section)

    def parts(self, section: str) -> Sequence[FormPart]:
        """What lies in a section and has a form of its own."""
        return parts_of(section)

    def meter_models(self) -> Sequence[MeterModel]:
        """The models of meters that are known."""
        return meter_models(self._path.parent)

    def entrance(self) -> StationEntrance:
        """Where stations connect, by every address of this machine that others can reach."""
        return entrance_of(self._held.settings.ocpp, self._path.parent)

    @property
    def _held(self) -> Running:
        if self.running is None:
            raise NotPossibleError("the controller is starting")
        return self.running

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[SiteDraft]:
        """The draft, while nobody else changes it."""
        async with self._turn:
            try:
                yield await asyncio.to_thread(draft_of, self._path, self._state_dir)
            except (OSError, UnicodeDecodeError) as failed:
                reason = getattr(failed, "strerror", None) or str(failed)
                raise NotPossibleError(f"{self._path} cannot be used: {reason}") from failed

    async def _hidden(self, name: str, line: str) -> str:
        """The name of a new file beside the site that holds this line."""
        try:
            return await asyncio.to_thread(write_secret, self._path.parent, name, line)
        except OSError as failed:
            raise NotStoredError(f"{failed.filename}: {failed.strerror}") from failed

    async def _keep(self, draft: SiteDraft) -> None:
        try:
            await asyncio.to_thread(keep_draft, draft, self._state_dir)
        except OSError as failed:
            raise NotStoredError(f"{self._state_dir}: {failed.strerror}") from failed

    async def _write(self, draft: SiteDraft) -> None:
        try:
            await asyncio.to_thread(write_site, draft, self._path)
        except OSError as failed:
            remedy = "let the service write it (in the unit: ReadWritePaths), or copy the difference by hand"
            raise NotStoredError(f"{self._path}: {failed.strerror}; {remedy}") from failed

    def _told(self, who: str, what: str, change: str) -> None:
        log.info("site.%s who=%r", what, who[:64])
        self._note(self._clock.now().utc, who, what, {"change": change[:20_000]} if change else {})

    def _loaded(self, draft: SiteDraft) -> Loaded:
        return load(self._path, meter_checks=METER_CHECKS, text=draft.text.encode())

    def _data(self, draft: SiteDraft) -> Mapping[str, Any]:
        document = parse(draft.text.encode(), self._path)[0]
        return {} if document is None else document.data

    def _differences(self, settings: SiteSettings) -> tuple[FileDifference, ...]:
        return tuple(FileDifference(*one) for one in difference(self._held.settings, settings))

    def _view(self, draft: SiteDraft) -> DraftView:
        loaded, settings = self._loaded(draft), self._held.settings
        document = None if loaded.draft is None else loaded.draft.document
        return DraftView(
            etag=draft.etag,
            path=str(self._path),
            data={} if document is None else document.data,
            findings=tuple(self._findings(document, loaded.findings)),
            site=as_data(CheckResult(loaded.findings, loaded.settings))["site"],
            sums=() if loaded.draft is None else tuple(circuit_sums(loaded.draft)),
            diff=diff(draft.base, draft.text),
            differences=() if loaded.settings is None else self._differences(loaded.settings),
            is_begun=draft.is_begun,
            is_overtaken=draft.is_begun and is_overtaken(draft, self._path),
            awaits_restart="+" in settings.revision,
            can_restart=self._held.may_restart,
            observes=settings.site.policy.observes,
            who=draft.who,
        )

    def _findings(self, document: Document | None, findings: Sequence[Finding]) -> Iterator[FileFinding]:
        for one in findings:
            ours = document is not None and one.path == self._path
            place = (*place_of(document, one.line), "", "") if document is not None and ours else ("", "")
            message = one.message if ours else f"{one.path.name}: {one.message}"
            route = tuple(str(step) for step in one.route) if ours else ()
            yield FileFinding(
                one.line, one.severity, printable(message), printable(one.remedy), place[0], place[1], route
            )


def _must_be(draft: SiteDraft, etag: str | None) -> None:
    if etag is not None and draft.etag not in {one.strip() for one in etag.split(",")}:
        by = f" by {draft.who}" if draft.who else ""
        raise OvertakenError(f"the draft has been changed meanwhile{by}: look at it as it is now, then change that")
