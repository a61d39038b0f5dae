"""The command for stickers: the address behind the code of every EVSE, and the codes as pictures."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from ems.cli.interface import told
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import settings_as_running


def qr(options: argparse.Namespace) -> int:
    """All stickers of the running daemon."""
    settings = settings_as_running(options.site)
    # Codes are drawn when they are asked for, which takes longer than an answer usually may.
    answer = told(settings, f"stickers?pictures={'false' if options.out is None else 'true'}", None, "GET")
    if "status" in answer:
        print(answer["detail"])
        return FINDING
    rows = answer["stickers"]
    if options.out is not None:
        _write(options.out, {row["evse"]: row["svg"] for row in rows if row["is_on_site"]})
    if options.json:
        print(json.dumps([{key: value for key, value in row.items() if key != "svg"} for row in rows], indent=2))
        return FINE
    width = max((len(row["evse"]) for row in rows), default=0)
    for row in rows:
        lost = "" if row["is_on_site"] else "  (the site has that EVSE no more: move it on the page of stickers)"
        print(f"{row['evse']:<{width}}  {row['url']}{lost}")
    if not settings.payment.public_url:
        remedy = "write where phones of drivers reach it: payment: {public_url: https://charge.example.com}"
        print(f"these addresses are good on this machine alone; {remedy}", file=sys.stderr)
    return FINE


def _write(folder: Path, pictures: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for evse, svg in pictures.items():
            (folder / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', evse)}.svg").write_text(svg, encoding="utf-8")
    except OSError as failed:
        raise UsageError(f"{folder} cannot be written: {failed.strerror}; choose another folder with --out") from None
