"""Files that other people recorded, packed or not."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from ems.domain.foreign_text import no_text, text_of

GZIP_MAGIC = b"\x1f\x8b"


def bytes_of(path: Path) -> bytes:
    """All of it, unpacked. Raises ValueError, naming the file, when it cannot be read or is no text."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
        raise ValueError(f"{path}: a damaged gzip file ({broken}); fetch it again") from None
    except OSError as failed:
        raise ValueError(f"{path}: cannot be read ({failed.strerror})") from None
    foreign = no_text(text_of(data))
    if foreign is not None:
        raise ValueError(f"{path}: {foreign.message}; {foreign.remedy}")
    return data
