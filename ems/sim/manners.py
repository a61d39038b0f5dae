"""How a virtual station takes what people ask of it, besides what it does with limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ems.sim.station_link import CallError, Reply

_REFUSALS = {"UnlockConnector": "UnlockFailed", "SendLocalList": "Failed", "ClearChargingProfile": "Unknown"}
_WITHOUT_STATUS = frozenset({"GetConfiguration", "GetDiagnostics", "GetLocalListVersion", "UpdateFirmware"})


@dataclass(frozen=True, slots=True)
class Manners:
    """Names of requests: `refused`: answered with a no. `unsupported`: with a CALLERROR. `silent`: never answered.
    `idle`: accepted, and nothing is done. `late_s`: answered only after so long. `answers`: answered with just that.
    """

    refused: frozenset[str] = frozenset()
    unsupported: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()
    late_s: Mapping[str, float] = field(default_factory=dict)
    answers: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def before(self, action: str) -> Reply | None:
        """The reply where the request is not even looked at. Raises CallError."""
        if action in self.silent:
            return Reply({}, after_s=math.inf)
        if action in self.unsupported:
            raise CallError("NotSupported", f"{action} is not supported")
        if action in self.refused:
            if action in _WITHOUT_STATUS:
                raise CallError("GenericError", "not now")
            return Reply({"status": _REFUSALS.get(action, "Rejected")})
        return Reply(self.answers[action]) if action in self.answers else None

    def after(self, action: str, reply: Reply) -> Reply:
        """The reply as it leaves, once the request was looked at."""
        then = None if action in self.idle else reply.then
        return Reply(reply.payload, max(reply.after_s, self.late_s.get(action, 0.0)), then)


POLITE = Manners()
