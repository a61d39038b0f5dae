"""A station uploads its diagnostics: a PUT over HTTP/1.1, written out because the client of a charger is as plain."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

PATIENCE_S = 20.0


async def uploaded(location: str, name: str, content: bytes) -> bool:
    """Whether the server behind `location`, a folder, took the file."""
    place = urlsplit(location)
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(place.hostname, place.port or 80)
            try:
                head = (
                    f"PUT {place.path.rstrip('/')}/{name} HTTP/1.1\r\nHost: {place.netloc}\r\n"
                    f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
                )
                writer.write(head.encode("ascii") + content)
                await writer.drain()
                status = (await reader.readline()).split()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False
    return len(status) > 1 and status[1].startswith(b"2")
