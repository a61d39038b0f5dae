"""A battery read once by the meter that is its inverter, as somebody is about to describe it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ems.assembly.meter_test import described, model_of, read_once
from ems.ports.site import MeterTest, NotPossibleError
from ems.settings.storage_schema import BatterySection

SLACK_W = 100.0


async def tested_battery(
    keys: Mapping[str, Any], meters: Mapping[str, Any], folder: Path, nominal_v: float
) -> MeterTest:
    """Read the battery that these keys of an entry of `batteries` describe; `meters` is that section of the same file.
    Raises NotPossibleError where they describe none, or none that can be read.
    """
    section = described(BatterySection, keys, folder)
    if section.meter is None:
        raise NotPossibleError("name the meter that is the battery's inverter: it is what can be read")
    meter = meters.get(section.meter)
    if not isinstance(meter, Mapping):
        raise NotPossibleError(f"there is no meter '{section.meter[:48]}': describe it first, role battery")
    test = await read_once(meter, folder, nominal_v)
    if test.trouble:
        return test
    writes = model_of(str(meter.get("model")), folder).writes is not None
    return replace(test, hints=(*_hints(section, test, writes), *test.hints))


def _hints(section: BatterySection, test: MeterTest, writes: bool) -> Iterator[str]:
    """What a test shows beside what is written."""
    if test.soc is None:
        yield "the model does not tell the state of charge, so the battery is measured, but not planned with"
    elif not section.soc_min_percent <= 100.0 * test.soc <= section.soc_max_percent:
        yield (
            f"it is charged to {100.0 * test.soc:.0f} %, and is said to be used from {section.soc_min_percent:g} % "
            f"to {section.soc_max_percent:g} %"
        )
    flow = test.total_w if test.storage_w is None else test.storage_w
    for most_kw, watts, doing, key in (
        (section.charge_max_kw, flow, "draws", "charge_max_kw"),
        (section.discharge_max_kw, None if flow is None else -flow, "gives", "discharge_max_kw"),
    ):
        if watts is not None and watts > 1000.0 * most_kw + SLACK_W:
            yield f"it {doing} {watts / 1000.0:.2f} kW now, more than {key} says ({most_kw:g} kW)"
    if section.steered is False:
        yield "it is only measured: steered is false"
    elif writes:
        yield "its model can be told what to do, so armed the controller will tell it"
    else:
        yield "its model has no registers that may be written, so it is only measured"
