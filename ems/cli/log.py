"""What commands log, and what they do not."""

from __future__ import annotations

import logging
import os
import sys

NOISY = ("websockets", "ems.websockets", "apscheduler", "uvicorn.error", "alembic", "matplotlib")
TALKATIVE = ("httpx2", "httpcore2", "urllib3", "stripe", "asyncssh", "mqtt")
"""Libraries that tell with each request where it goes: addresses hold the secrets of webhooks, and the cards of drivers
about whom partners are asked.
"""


def log_to_stderr(verbose: bool) -> None:
    """Log there, without the time under systemd, which knows it."""
    stamp = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format=f"{stamp}%(levelname)s %(message)s", stream=sys.stderr
    )
    for quiet in (*NOISY, *TALKATIVE):
        logging.getLogger(quiet).setLevel(logging.WARNING)
