"""The command for the person with the cable in hand: probe modbus."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from ems.adapters.modbus.address import Bus, Framing, SerialBus, TcpBus
from ems.adapters.modbus.error import LinkError, NoAnswerError
from ems.adapters.modbus.identity import WrongDeviceError
from ems.adapters.modbus.probe import Table, buses_at, likely_units, render_search, render_table, search, table
from ems.adapters.modbus.register_map import RegisterMap
from ems.cli.outcome import FINDING, FINE, UsageError
from ems.cli.site import yaml_in
from ems.settings.places import Catalogue, catalogue_files

EXAMPLE = "vendor: Eastron"


def probe(options: argparse.Namespace) -> int:
    """Find meter model, framing and unit; or show every value of one meter, raw and decoded."""
    models = _models(options.model)
    buses = _buses(options, models[0] if options.model else None)
    if options.unit is not None and not 0 <= options.unit <= 255:
        raise UsageError(f"--unit {options.unit}: units are 1 to 247, on a gateway up to 255")
    if options.model and options.unit is not None:
        return _show(buses, options.unit, models[0], options.json)
    units = likely_units(models) if options.unit is None else (options.unit,)
    found = asyncio.run(search(buses, units, models, tell=lambda text: print(text, file=sys.stderr)))
    print(json.dumps(asdict(found), default=str, indent=2) if options.json else render_search(found))
    return FINE if found.found else FINDING


def _models(name: str | None) -> list[RegisterMap]:
    """The one that was named, or all; a site's own are found from within its folder."""
    files = catalogue_files(Catalogue.METERS, Path())
    if name is not None and name not in files:
        raise UsageError(f"unknown meter model {name!r}: choose one of {', '.join(sorted(files))}")
    try:
        return [RegisterMap.from_data(n, yaml_in(files[n], EXAMPLE)) for n in ([name] if name else sorted(files))]
    except ValueError as wrong:
        raise UsageError(str(wrong)) from None


def _buses(options: argparse.Namespace, model: RegisterMap | None) -> tuple[Bus, ...]:
    """The ways to the place; on a serial line that of the model, as it leaves the factory, before all others."""
    try:
        buses = buses_at(options.place, options.port)
    except ValueError as wrong:
        raise UsageError(str(wrong)) from None
    if options.framer:
        buses = tuple(b for b in buses if not isinstance(b, TcpBus) or b.framing is Framing(options.framer))
    if model is None or not isinstance(buses[0], SerialBus):
        return buses
    usual = (model.default.baud, model.default.frame)
    return tuple(sorted(buses, key=lambda b: not (isinstance(b, SerialBus) and (b.baud, b.frame) == usual)))


def _show(buses: Iterable[Bus], unit: int, model: RegisterMap, as_json: bool) -> int:
    """Every value of one meter, by the first way that leads to it."""
    shown: Table | None = None
    for bus in buses:
        try:
            shown = asyncio.run(table(bus, unit, model))
            break
        except NoAnswerError as silent:
            print(f"{bus}: {silent}", file=sys.stderr)
        except (LinkError, WrongDeviceError) as failed:
            print(f"{bus}: {failed}", file=sys.stderr)
            return FINDING
    if shown is None:
        return FINDING
    print(json.dumps(asdict(shown), default=str, indent=2) if as_json else render_table(shown))
    return FINE
