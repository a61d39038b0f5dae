"""Files that other people recorded, packed or not."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

GZIP_MAGIC = b"\x1f\x8b"


def bytes_of(path: Path) -> bytes:
    """All of it, unpacked. Raises ValueError, naming the file, when it cannot be read."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
        raise ValueError(f"{path}: a damaged gzip file ({broken}); fetch it again") from None
    except OSError as failed:
        raise ValueError(f"{path}: cannot be read ({failed.strerror})") from None
