"""Checks that numbers are physical, and the constants of the trade."""

from __future__ import annotations

import math

PILOT_MIN_A = 6.0
"""Smallest current an AC vehicle can be offered; less is a pause (IEC 61851-1, table A.8)."""

EPSILON_A = 1e-6
"""Two currents closer than this are the same current."""


def finite(name: str, value: float) -> float:
    """Return `value` as float; raise ValueError that names it when it is NaN or infinite."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {number}")
    return number


def not_negative(name: str, value: float) -> float:
    """Return `value` as float; raise ValueError that names it when it is negative, NaN or infinite."""
    number = finite(name, value)
    if number < 0:
        raise ValueError(f"{name} must not be negative, got {number:g}")
    return number
