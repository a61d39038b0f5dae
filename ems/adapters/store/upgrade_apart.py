"""A program of its own: bring the database that standard input names up to date."""

from __future__ import annotations

import sys

from ems.adapters.store.database import Database

if __name__ == "__main__":
    Database(sys.stdin.read()).connect().close()
