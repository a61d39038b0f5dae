"""The writing connection, made again after every failure, to a new file where the old one is beyond use."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ems.adapters.store.batch import Subjects, write_singly
from ems.adapters.store.current import Current
from ems.adapters.store.database import WRITE_ERRORS, Database, Fault, fault_of
from ems.adapters.store.migration import NewerSchemaError
from ems.adapters.store.salvage import salvage
from ems.ports.controller import Clock

log = logging.getLogger(__name__)

MAX_PUT_ASIDE = 5
"""A disk that spoils every new file must not be filled with spoiled files."""

ROOM_INSIDE = 16 << 20
"""Bytes of deleted rows; so much is enough for the measurements until the next purge."""


class Access:
    """Belongs to one thread. Whenever a database is opened again the `current` rows are written to it, because it may
    be another one than before: a new file, a restored backup, a server that lost its last seconds.
    """

    def __init__(self, database: Database, clock: Clock, current: Current) -> None:
        self.database, self._clock, self._current = database, clock, current
        self._connection: Connection | None = None
        self._was_open = False
        self._unusable = ""
        self._put_aside = 0
        self.subjects = Subjects()

    @contextmanager
    def transaction(self, durable: bool = False) -> Iterator[Connection]:
        """One transaction; its commit returns only when it would survive a power cut, if `durable`.

        Raises one of `WRITE_ERRORS`; the caller then calls `failed`.
        """
        connection = self._connected()
        with self.database.transaction(connection, durable):
            yield connection

    def is_nearly_full(self) -> bool:
        """Whether the last of the disk is to be kept for what must not be lost; room inside the file counts as room."""
        if not self.database.is_nearly_full():
            return False
        return self._connection is None or self.database.room_inside(self._connection) < ROOM_INSIDE

    def failed(self, error: BaseException) -> None:
        """Open again next time; put the file aside before that, if `error` says that it is beyond use."""
        self.close()
        if fault_of(error) is not Fault.UNUSABLE or self._unusable:
            return
        log.error("store.unusable %s: %s", self.database, reason(error))
        if self._put_aside < MAX_PUT_ASIDE:
            self._unusable = "newer" if isinstance(error, NewerSchemaError) else "corrupt"

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        self.subjects = Subjects()
        try:
            connection.invalidate()
            connection.close()
        except WRITE_ERRORS as error:
            log.warning("store.disconnect %s", reason(error))

    def _connected(self) -> Connection:
        if self._connection is not None and not self.database.is_in_place():
            log.error("store.file_gone %s", self.database)
            self.close()
        if self._connection is None:
            self._connection = self._open()
            if self._was_open:
                with self.database.transaction(self._connection, durable=True):
                    for key, error in write_singly(self._connection, dict(self._current.rows())):
                        log.error("store.row_refused table=%s key=%.64r: %s", key.table.name, key.values, reason(error))
            self._was_open = True
        return self._connection

    def _open(self) -> Connection:
        if not self._unusable:
            try:
                return self.database.connect()
            except WRITE_ERRORS as error:
                self.failed(error)
                if not self._unusable:
                    raise
        aside = self.database.put_aside(self._unusable, self._clock.now().utc)
        if aside is not None:
            self._put_aside += 1
        self._unusable = ""
        connection = self.database.connect()
        if aside is not None:
            with self.database.transaction(connection, durable=True):
                log.warning("store.put_aside as=%s rows_saved=%d", aside, salvage(aside, connection))
        return connection


def reason(error: BaseException) -> str:
    """An error in one line, never empty: who waited in vain was told nothing by the database."""
    if isinstance(error, TimeoutError) and not str(error):
        return "it does not answer in time"
    original = error.orig if isinstance(error, DBAPIError) else error
    return str(original).strip().replace("\n", "; ")[:200] or type(error).__name__
