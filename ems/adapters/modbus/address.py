"""Where a meter is, and how it is installed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ems.domain.phases import Phase

MAX_UNIT = 247
"""Highest unit id on a serial bus (Modbus over Serial Line 2.2); 0 is the broadcast, 248 to 255 are reserved."""

MAX_TCP_UNIT = 255

_FRAME = re.compile(r"[78][NEO][12]")


class Framing(StrEnum):
    """How requests are packed on a TCP connection: Modbus TCP, or the bytes of a serial line as they are."""

    TCP = "tcp"
    RTU = "rtu"


@dataclass(frozen=True, slots=True)
class TcpBus:
    """A meter or gateway on the network.

    `repair_ids` is for gateways that answer with another transaction number than they were asked with; answers can
    then be told apart no better than on a serial line, and are treated as such.
    """

    host: str
    port: int = 502
    framing: Framing = Framing.TCP
    repair_ids: bool = False

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("host is empty: name the meter or gateway by address or host name")
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port must be 1 to 65535, got {self.port}")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" + (" (RTU over TCP)" if self.framing is Framing.RTU else "")

    @property
    def place(self) -> str:
        """What can be opened only once, whatever the settings."""
        return f"{self.host}:{self.port}"

    @property
    def numbers_answers(self) -> bool:
        """Whether an answer names the request that it belongs to."""
        return self.framing is Framing.TCP and not self.repair_ids

    @property
    def gap_s(self) -> float:
        """The least silence between two frames; on a network none is needed."""
        return 0.0


@dataclass(frozen=True, slots=True)
class SerialBus:
    """A serial port, best named as /dev/serial/by-id/…, with its speed and frame ('8N1': bits, parity, stop bits)."""

    device: str
    baud: int = 9600
    frame: str = "8N1"

    def __post_init__(self) -> None:
        if not self.device:
            raise ValueError("serial device is empty: write for example /dev/serial/by-id/usb-…")
        if not 300 <= self.baud <= 1_000_000:
            raise ValueError(f"baud must be 300 to 1000000, got {self.baud}")
        if not _FRAME.fullmatch(self.frame):
            raise ValueError(f"frame must be data bits, parity (N, E, O) and stop bits as in '8N1', got {self.frame!r}")

    def __str__(self) -> str:
        return f"{self.device} {self.baud} {self.frame}"

    @property
    def place(self) -> str:
        """What can be opened only once, whatever the settings."""
        return self.device

    @property
    def numbers_answers(self) -> bool:
        """Whether an answer names the request that it belongs to."""
        return False

    @property
    def gap_s(self) -> float:
        """The least silence between two frames: 3.5 characters of 11 bits, at least 1.75 ms (Serial Line 2.5.1.1)."""
        return max(0.00175, 3.5 * 11 / self.baud)


Bus = TcpBus | SerialBus


@dataclass(frozen=True, slots=True)
class MeterAddress:
    """One installed meter: where it is, how often it is read, and how it sits in the installation.

    `phases` names the site phase of each of the meter's conductors, in its own order: (L2, L3, L1) for a meter whose
    first terminal is on L2, (L1,) for a one-phase meter. `invert` where the meter was built in the wrong way round.
    `ct_ratio` multiplies currents, powers and energies of a meter that reports the secondary side of its
    transformers. `nominal_v` is phase to neutral. `rated_a`, if known, is what the measured conductor carries at most.
    """

    id: str
    bus: Bus
    unit: int = 1
    every_s: float = 1.0
    timeout_s: float = 1.0
    phases: tuple[Phase, ...] = (Phase.L1, Phase.L2, Phase.L3)
    invert: bool = False
    ct_ratio: float = 1.0
    nominal_v: float = 230.0
    rated_a: float | None = None

    def __post_init__(self) -> None:
        self._check_unit()
        if not 1 <= len(self.phases) <= 3 or len(set(self.phases)) != len(self.phases):
            raise ValueError(f"meter {self.id}: phases must be one to three different phases, such as L1 L2 L3")
        for name, low, high in (
            ("every_s", 0.1, 3600.0),
            ("timeout_s", 0.05, 30.0),
            ("ct_ratio", 0.001, 100_000.0),
            ("nominal_v", 50.0, 1000.0),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"meter {self.id}: {name} must be {low:g} to {high:g}, got {getattr(self, name):g}")
        if self.rated_a is not None and not 0.1 <= self.rated_a <= 10_000.0:
            raise ValueError(f"meter {self.id}: rated_a must be 0.1 to 10000, got {self.rated_a:g}")

    def _check_unit(self) -> None:
        network = isinstance(self.bus, TcpBus) and self.bus.framing is Framing.TCP
        low, high = (0, MAX_TCP_UNIT) if network else (1, MAX_UNIT)
        if not low <= self.unit <= high:
            why = "; on a serial line unit 0 is the broadcast, which nobody answers" if self.unit == 0 else ""
            raise ValueError(f"meter {self.id}: unit must be {low} to {high}, got {self.unit}{why}")
