"""One controller per state folder: two would fight over the same stations (failsafe row 23)."""

from __future__ import annotations

import fcntl
import logging
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)

LOCK = "lock"


class LockError(RuntimeError):
    """The state folder cannot be had; the message says why and what helps."""


def locked(state_dir: Path) -> IO[str]:
    """Make the folder if need be and lock it for as long as the returned file is open. Raises LockError.

    A folder that was in use before and can only be read now, as on a worn-out disk, is no reason to stay away: control
    needs no disk.
    """
    lock = _opened(state_dir)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise LockError(f"another controller uses {state_dir}; stop it, or set EMS_STATE_DIR") from None
    return lock


def _opened(state_dir: Path) -> IO[str]:
    path = state_dir / LOCK
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path.open("a")
    except OSError as failed:
        try:
            lock = path.open()
        except OSError:
            message = f"cannot use the state folder {state_dir}: {failed.strerror}; set EMS_STATE_DIR"
            raise LockError(message) from None
        log.error("state.not-writable folder=%s reason=%r", state_dir, failed.strerror)  # noqa: TRY400 - no trace is of use
        return lock
