"""Both central systems side by side, each with a farm of its own, so that they can be measured in turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.bench.child import Child
from tests.bench.site_folder import stations

PHASE = {"L1": 0, "L2": 1, "L3": 2}


class Served(NamedTuple):
    """A central system and the stations that talk to it."""

    central: Child
    farm: Child


class Pair(NamedTuple):
    """Ours, and the one of the package `ocpp`."""

    ours: Served
    stock: Served


def layout(evses: int) -> list[tuple[str, list[int]]]:
    """Station ids with the site phases of their legs, as the farm wants them."""
    return [(name, [PHASE[leg] for leg in phases.split()]) for name, phases in stations(evses)]


@contextmanager
def both(evses: int) -> Iterator[Pair]:
    """Start everything, plug in all stations, and wait until ours has set them up."""
    with (
        Child("our_central", str(evses)) as ours,
        Child("station_farm") as our_farm,
        Child("stock_central") as stock,
        Child("station_farm") as stock_farm,
    ):
        for central, farm in ((ours, our_farm), (stock, stock_farm)):
            farm.ask("connect", host="127.0.0.1", port=central.ask("where")["port"], stations=layout(evses))
        ours.ask("ready")
        yield Pair(Served(ours, our_farm), Served(stock, stock_farm))
