"""What can go wrong between us and a register."""

from __future__ import annotations


class LinkError(Exception):
    """A read gave no registers. The text says why, in words for the operator."""


class NotConnectedError(LinkError):
    """There is no connection: it could not be opened, was closed by the other side, or rests before the next try."""


class NoAnswerError(LinkError):
    """The request went out, or was withheld because the unit has been silent, and no answer came in time."""


class UnsettledError(NoAnswerError):
    """Withheld: a late answer to an earlier request could be taken for the answer to this one."""


class MismatchError(LinkError):
    """Something came that is not the answer to what was asked."""


class RefusedError(LinkError):
    """The device answered with an exception code."""

    def __init__(self, code: int, asked: str = "the request") -> None:
        super().__init__(f"answers {asked} with exception {code} ({MEANINGS.get(code, 'unknown')})")
        self.code = code

    @property
    def is_final(self) -> bool:
        """Whether asking again is pointless: the device does not have what was asked for."""
        return self.code in {0x01, 0x02, 0x03}

    @property
    def by_gateway(self) -> bool:
        """Whether a gateway says that it cannot reach the unit, so the unit itself has said nothing."""
        return self.code in {0x0A, 0x0B}


MEANINGS = {
    0x01: "function code not supported",
    0x02: "no such register",
    0x03: "illegal value, often too many registers in one read",
    0x04: "device failure",
    0x05: "acknowledge, still working",
    0x06: "device busy",
    0x07: "negative acknowledge",
    0x08: "memory parity error",
    0x0A: "gateway has no path to this unit",
    0x0B: "unit behind the gateway does not answer",
}
"""Exception codes of the Modbus application protocol 7, in short."""
