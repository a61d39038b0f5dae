"""Runs a command under what the shipped unit allows a service to ask of the kernel: python -m tests.config.confined …

Installs the same filters as systemd does for SystemCallFilter, RestrictAddressFamilies and MemoryDenyWriteExecute, with
libseccomp, then becomes the command. The rest of the unit (file systems, devices, capabilities) needs systemd itself.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

from tests.config.unit_file import settings, value

LIBRARY = "libseccomp.so.2"
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
EQUAL, MASKED_EQUAL = 4, 7
PR_SET_NO_NEW_PRIVS = 38


class Compare(ctypes.Structure):
    """`struct scmp_arg_cmp`: argument `arg` masked with `a`, or equal to it."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def main(command: list[str]) -> None:
    """Confine this process, then become `command`."""
    library = ctypes.CDLL(LIBRARY, use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Compare),
    ]  # fmt: skip
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    filters = library.seccomp_init(REFUSE)
    for call, conditions in rules():
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            array = (Compare * max(1, len(conditions)))(*conditions)
            _done(library.seccomp_rule_add_array(filters, ALLOW, number, len(conditions), array))
    _done(ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _done(library.seccomp_load(filters))
    os.execvp(command[0], command)


def rules() -> Iterator[tuple[str, tuple[Compare, ...]]]:
    """Every system call that is allowed, with the condition on its arguments."""
    execute, write = mmap.PROT_EXEC, mmap.PROT_WRITE
    assert value("MemoryDenyWriteExecute") == "yes"
    conditional: dict[str, tuple[tuple[Compare, ...], ...]] = {
        "socket": tuple(
            (Compare(0, EQUAL, int(getattr(socket, family)), 0),) for family in value("RestrictAddressFamilies").split()
        ),
        "mmap": ((Compare(2, MASKED_EQUAL, execute, 0),), (Compare(2, MASKED_EQUAL, write, 0),)),
        "mprotect": ((Compare(2, MASKED_EQUAL, execute, 0),),),
        "pkey_mprotect": ((Compare(2, MASKED_EQUAL, execute, 0),),),
    }
    for call in sorted(allowed_calls()):
        for conditions in conditional.get(call, ((),)):
            yield call, conditions


def allowed_calls() -> set[str]:
    """What the SystemCallFilter lines leave, in their order."""
    allowed: set[str] = set()
    for line in settings()["SystemCallFilter"]:
        names = set().union(*(expanded(name) for name in line.lstrip("~").split()))
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


@cache
def expanded(name: str) -> frozenset[str]:
    """The system calls of a set, by systemd's own list."""
    if not name.startswith("@"):
        return frozenset({name})
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", name], check=True, capture_output=True, text=True
    )
    members = [line.strip() for line in listed.stdout.splitlines()[1:]]
    return frozenset().union(*(expanded(member) for member in members if member and not member.startswith("#")))


def _done(result: int) -> None:
    if result:
        raise OSError(-result if result < 0 else ctypes.get_errno(), "cannot confine this process")


if __name__ == "__main__":
    main(sys.argv[1:])
