"""One energy register per EVSE, whatever a station makes of it."""

from __future__ import annotations

from dataclasses import dataclass

SLACK_WH = 100_000.0
"""Registers are coarse, clocks wrong and test stands quick; a jump by megawatt-hours is none of that."""

STRETCH = 2.0

PER_KWH = 1000.0
AS_KWH_FROM_WH = 200_000.0
"""Of a register below this the number of its kilowatt-hours may as well be watt-hours since the start."""


@dataclass(slots=True)
class Register:
    """Turns what MeterValues say into a lifetime register that fits the transaction.

    Some stations count from the start of the transaction there and for life at its ends (Q68); which one it is, is
    decided by the first value of a transaction, as is whether it is in kilowatt-hours, which some say without a word
    (Q61). A value that would need more energy than the outlet can deliver, or lies before the start, is dropped.
    """

    max_w: float
    last_wh: float | None = None
    last_at: float = 0.0
    _transaction: int | None = None
    _offset_wh: float = 0.0
    _unit_wh: float = 1.0

    def began(self, start_wh: float, now: float) -> None:
        """A transaction begins at this register."""
        self.last_wh, self.last_at = start_wh, now

    def read(self, value_wh: float, transaction: int | None, start_wh: float, now: float) -> float | None:
        """The lifetime register for a value; None when it cannot be."""
        if transaction is not None:
            if transaction != self._transaction:
                self._transaction = transaction
                in_kwh = self._counts_kwh(value_wh, start_wh, now)
                self._unit_wh = PER_KWH if in_kwh else 1.0
                self._offset_wh = start_wh if value_wh < start_wh and not in_kwh else 0.0
            value_wh = self._offset_wh + value_wh * self._unit_wh
            if value_wh < start_wh:
                return None
        if self.last_wh is not None and value_wh > self.last_wh + self.most_wh(now - self.last_at):
            return None
        if self.last_wh is None or value_wh > self.last_wh:
            self.last_wh, self.last_at = value_wh, now
        return value_wh

    def _counts_kwh(self, value: float, start_wh: float, now: float) -> bool:
        """Whether the first value of a transaction is the register at its start and what may have flowed since, but in
        kilowatt-hours: with decimals, because energy since the start comes in whole watt-hours.
        """
        if start_wh < AS_KWH_FROM_WH or value == int(value):
            return False
        flowed_wh = SLACK_WH if self.last_wh is None else self._delivers_wh(now - self.last_at) + PER_KWH
        return start_wh - PER_KWH <= value * PER_KWH <= start_wh + flowed_wh

    def most_wh(self, seconds: float) -> float:
        """More than this cannot have flowed in that time."""
        return self._delivers_wh(seconds) + SLACK_WH

    def _delivers_wh(self, seconds: float) -> float:
        return self.max_w * max(0.0, seconds) / 3600.0 * STRETCH
