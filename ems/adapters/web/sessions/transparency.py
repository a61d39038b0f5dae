"""Signed meter values as the file that transparency software opens (the XML of S.A.F.E. e.V.)."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from ems.domain.record.signed_value import Examined, SignedValue

_FORBIDDEN = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")
"""Characters that XML does not have."""


def as_xml(signed: Iterable[tuple[SignedValue, Examined]]) -> str:
    """The records, each with the key that fits it, else the one that was sent with it."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<values>"]
    for told, found in signed:
        names = f" context={quoteattr(_plain(told.context))}" if told.context else ""
        if told.transaction is not None:
            names += f' transactionId="{told.transaction}"'
        kind = quoteattr(_plain(found.format or "unknown"))
        data = escape(_plain(found.record or told.value))
        lines.append(f"  <value{names}>")
        lines.append(f'    <signedData format={kind} encoding="plain">{data}</signedData>')
        key = found.key or found.sent_key
        if key:
            lines.append(f'    <publicKey encoding="hex">{escape(key)}</publicKey>')
        lines.append("  </value>")
    return "\n".join([*lines, "</values>", ""])


def _plain(text: str) -> str:
    return text.translate(_FORBIDDEN)
