"""The process that writes a file: `python -m ems.assembly.export_worker`, started by the daemon. It is told what on its
input, and writes it to its output; it yields to everything else on the machine.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from contextlib import suppress

from ems.adapters.export.parquet_file import NoParquetError
from ems.adapters.store.reading import NotReadableError
from ems.assembly.exporting import REFUSED, file_of

NICER = 10
YOUNG = 100_000
"""So many objects are made before it is looked for circles among them: rows form none, and there are millions."""

UNREADABLE = 1


def main() -> int:
    """Write one file; the exit status says whether it is whole."""
    with suppress(OSError):
        os.nice(NICER)
    gc.freeze()
    gc.set_threshold(YOUNG)
    errand = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    try:
        for piece in file_of(errand):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    except (ValueError, NoParquetError) as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - to the parent
        return REFUSED
    except NotReadableError as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - to the parent
        return UNREADABLE
    except BrokenPipeError:
        return UNREADABLE
    return 0


if __name__ == "__main__":
    # Nobody may wait for what is left of a broken pipe.
    status = main()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(status)
