"""The probe finds framing, unit and meter model, and shows every register raw and decoded."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

import pytest

from ems.adapters.modbus.address import Framing, SerialBus, TcpBus
from ems.adapters.modbus.error import LinkError
from ems.adapters.modbus.identity import WrongDeviceError
from ems.adapters.modbus.point import POINT_NAMES
from ems.adapters.modbus.probe import (
    UNITS,
    Search,
    Table,
    buses_at,
    likely_units,
    render_search,
    render_table,
    search,
    table,
)
from ems.adapters.modbus.reading import Doubt
from ems.domain.meter import MeterReading
from tests.adapters.modbus.bus_server import BusServer, be_silent
from tests.adapters.modbus.models import MODELS, golden, sdm630
from tests.adapters.modbus.test_meter_models import sunspec
from tests.adapters.modbus.virtual import in_virtual_time

ALL = tuple(MODELS.values())


def look(
    units: Mapping[int, MutableMapping[int, int]], *, rtu: bool = False, ask: tuple[int, ...] = (1, 2, 33)
) -> Search:
    """Search a host where a device with these units is."""

    async def main() -> Search:
        server = BusServer(units, rtu=rtu)
        await server.start("10.0.0.9")
        found = await search(buses_at("10.0.0.9"), ask, ALL)
        await server.stop()
        return found

    return in_virtual_time(main())


# Models that share their registers cannot be told apart; any of them reads the meter rightly.
TWINS = {
    "abb-a43": "abb-b23",
    "wago-879": "inepro-pro380",
    "schneider-pm5000": "schneider-iem3000",
    "eastron-sdm72dm-v2": "eastron-sdm630",
}


@pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu-over-tcp"])
@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if not model.sunspec])
def test_a_meter_is_recognised_by_its_registers(name: str, rtu: bool) -> None:
    found = look({2: golden(name)}, rtu=rtu)
    assert [(unit.bus, unit.unit) for unit in found.found] == [
        (TcpBus("10.0.0.9", framing=Framing.RTU if rtu else Framing.TCP), 2)
    ]
    fits = found.found[0].fits
    best = {fit.model for fit in fits if fit.score == fits[0].score}
    assert best & {name, TWINS.get(name, name)}, [(fit.model, fit.score) for fit in fits]
    assert fits[0].reading is not None
    assert fits[0].reading.amps[0] == pytest.approx(12.3, rel=1e-5)


@pytest.mark.parametrize(("sign", "name"), [(1, "sunspec-meter"), (-1, "solaredge-meter")])
def test_a_sunspec_chain_is_recognised(sign: int, name: str) -> None:
    fits = look({1: sunspec(sign)}).found[0].fits
    assert {fit.model for fit in fits[:2]} == {"sunspec-meter", "solaredge-meter"}, "the sign is for a person to say"


def test_every_unit_that_answers_is_listed() -> None:
    found = look({1: golden("eastron-sdm630"), 33: golden("finder-7m38")}, rtu=True)
    assert [(unit.unit, unit.fits[0].model) for unit in found.found] == [(1, "eastron-sdm630"), (33, "finder-7m38")]


def test_a_turned_word_order_is_pointed_out() -> None:
    registers = golden("janitza-umg96")
    swapped = {**registers, **{a: registers[a ^ 1] for a in registers if a ^ 1 in registers}}
    fits = look({1: swapped}).found[0].fits
    assert ("janitza-umg96", "would fit with the low word first: turn the word order on the meter") in [
        (fit.model, fit.note) for fit in fits
    ]


def test_what_answers_but_is_no_meter_is_said_so() -> None:
    found = look({1: {0: 1, 1: 2}})
    assert found.found[0].fits == ()
    assert "answers, but no known meter model fits" in render_search(found)


def test_nothing_there_is_said_with_what_to_check() -> None:
    text = render_search(look({}))
    assert "10.0.0.9:502: 0 of 3 units answer" in text
    assert "10.0.0.9:502 (RTU over TCP): 0 of 3 units answer" in text
    assert "Check wiring" in text


def test_nobody_listening_is_said_with_the_reason() -> None:
    async def main() -> Search:
        return await search(buses_at("10.0.0.9"), (1,), ALL)

    said = render_search(in_virtual_time(main()))
    assert "no connection to 10.0.0.9:502: the machine is there, but nothing listens" in said


def test_the_search_says_what_to_write_into_the_site_file() -> None:
    text = render_search(look({2: golden("eastron-sdm630")}, rtu=True))
    assert "eastron-sdm630             fits: L1 12.30 A, L2 -5.70 A, L3 0.90 A, 1.75 kW" in text
    assert "main: {model: eastron-sdm630, host: 10.0.0.9, port: 502, framer: rtu, unit: 2}" in text


def show(name: str, registers: dict[int, int]) -> Table:
    """The table of one meter."""

    async def main() -> Table:
        server = BusServer({1: registers})
        await server.start("10.0.0.9")
        try:
            return await table(TcpBus("10.0.0.9"), 1, MODELS[name])
        finally:
            await server.stop()

    return in_virtual_time(main())


def test_the_table_shows_every_value_raw_and_decoded() -> None:
    shown = show("carlo-gavazzi-em24-e1", golden("carlo-gavazzi-em24-e1"))
    assert {row.name for row in shown.rows} == set(MODELS["carlo-gavazzi-em24-e1"].points)
    assert isinstance(shown.outcome, MeterReading)
    text = render_table(shown)
    assert "voltage_l1                0 s32   0901 0000            230.5 V" in text
    assert "power_l2                 20 s32   d120 ffff            -1200 W" in text
    assert "usable as carlo-gavazzi-em24-e1: L1 12.30 A, L2 -5.70 A, L3 0.90 A, 1.75 kW" in text


def test_every_value_that_a_model_may_have_has_a_unit_in_the_table() -> None:
    assert {name.split("_")[0] for name in POINT_NAMES} == set(UNITS)


def test_the_table_says_why_a_meter_is_not_usable() -> None:
    shown = show("eastron-sdm630", sdm630(volts=(230, 3, 230), watts=(0, 0, 0)) | {6: 0x7FC0})
    assert isinstance(shown.outcome, Doubt)
    text = render_table(shown)
    assert "register 6 holds 0x7fc00000, which is not a number" in text
    assert "not usable: current of conductor 1 is not available" in text


def test_the_table_shows_scale_factors_and_what_was_not_read() -> None:
    text = render_table(show("sunspec-meter", sunspec()))
    assert "current_sf" in text
    missing = {a: w for a, w in golden("carlo-gavazzi-em24-e1").items() if a not in {78, 79}}
    assert "energy_export            78 s32   ---- ----            not read" in render_table(
        show("carlo-gavazzi-em24-e1", missing)
    )


def test_a_table_of_the_wrong_device_is_refused_in_words() -> None:
    with pytest.raises(WrongDeviceError, match="register 11 holds 0x0"):
        show("carlo-gavazzi-em24-e1", dict.fromkeys(range(100), 0))


def test_a_table_of_a_silent_device_is_an_error_in_words() -> None:
    async def main() -> None:
        server = BusServer({1: golden("eastron-sdm630")})
        server.manner = be_silent
        await server.start("10.0.0.9")
        try:
            await table(TcpBus("10.0.0.9"), 1, MODELS["eastron-sdm630"])
        finally:
            await server.stop()

    with pytest.raises(LinkError, match="unit 1 does not answer within 1 s"):
        in_virtual_time(main())


def test_places_and_units_to_look_at() -> None:
    assert buses_at("meter", 1502) == (TcpBus("meter", 1502), TcpBus("meter", 1502, Framing.RTU))
    assert buses_at("/dev/ttyUSB0")[0] == SerialBus("/dev/ttyUSB0", 9600, "8N1")
    assert {1, 5, 10, 33} <= set(likely_units(ALL))
