"""What a station says of the public keys of its meters: asked for once a meter was seen to sign, on each link and after
each boot. Who signs nothing is asked nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from ems.adapters.ocpp.v16.record import StationRecord

NAME = "MeterPublicKey"
"""Of the Open Charge Alliance, "Signed Meter Values in OCPP": the number of the connector follows, in brackets or not;
some stations with one outlet leave it out.
"""

MOST_TEXT = 2_000

Ask = Callable[[Sequence[str]], Awaitable[Mapping[str, str] | None]]
"""Names of keys to what the station says of them, by names in lower case; None: it refuses the question."""


async def hear_keys(record: StationRecord, evses: Iterable[str], ask: Ask) -> None:
    """Ask for the keys of the meters of some EVSEs, all at once or, where that is refused, one by one."""
    if record.keys is None:
        return
    names = dict(_names(record, frozenset(evses)))
    told = await ask(tuple(names))
    if told is None:
        told = {}
        for name in names:
            told = {**told, **(await ask((name,)) or {})}
    for name, evse in names.items():
        if text := told.get(name.lower(), ""):
            record.keys.heard(evse, text[:MOST_TEXT])


def _names(record: StationRecord, evses: frozenset[str]) -> Iterable[tuple[str, str]]:
    """The names under which a key may stand, the most usual last, so that it counts."""
    for evse in record.station.evses:
        if evse.id in evses:
            if len(record.station.evses) == 1:
                yield NAME, evse.id
            yield f"{NAME}{evse.number}", evse.id
            yield f"{NAME}[{evse.number}]", evse.id
