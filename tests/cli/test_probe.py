"""The person with the cable in hand: probe modbus against a real server, and against nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Thread

import pytest

from tests.assembly.grid_meter import grid_meter
from tests.assembly.installation import Installation
from tests.cli.typed import Ended, ems
from tests.ports import free_ports

AMPS = 12.5, 6.0, 3.0


@pytest.fixture(scope="module")
def meter() -> Iterator[int]:
    """The port of a meter that answers at unit 1, in a loop of its own."""
    (port,) = free_ports(1)
    loop = asyncio.new_event_loop()
    ready, done = asyncio.Event(), asyncio.Event()

    async def serve() -> None:
        async with grid_meter(port, *AMPS):
            ready.set()
            await done.wait()

    thread = Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    asyncio.run_coroutine_threadsafe(ready.wait(), loop).result(10)
    yield port
    loop.call_soon_threadsafe(done.set)
    thread.join(10)
    loop.close()


def probe(port: int, *words: str) -> Ended:
    return ems("probe", "modbus", "127.0.0.1", "--port", str(port), *words)


def test_a_meter_is_found_with_its_model_and_unit(meter: int) -> None:
    ended = probe(meter, "--unit", "1")
    assert ended.status == 0
    assert "eastron-sdm630             fits: L1 12.50 A, L2 6.00 A, L3 3.00 A" in ended.out
    assert f"127.0.0.1:{meter}: asking 1 units" in ended.err


def test_every_value_is_shown_raw_and_decoded(meter: int) -> None:
    ended = probe(meter, "--unit", "1", "--model", "eastron-sdm630")
    assert ended.status == 0
    assert "current_l1                6 f32   4148 0000            12.5 A" in ended.out
    assert "usable as eastron-sdm630: L1 12.50 A, L2 6.00 A, L3 3.00 A" in ended.out


def test_both_speak_to_programs_too(meter: int) -> None:
    found = probe(meter, "--unit", "1", "--json").data["found"][0]
    assert (found["unit"], found["fits"][0]["reading"]["amps"]) == (1, list(AMPS))
    shown = probe(meter, "--unit", "1", "--model", "eastron-sdm630", "--json").data
    assert {row["name"]: row["value"] for row in shown["rows"]}["current_l2"] == 6.0


def test_a_silent_unit_and_the_wrong_model_are_findings(meter: int) -> None:
    silent = probe(meter, "--unit", "9", "--model", "eastron-sdm630")
    assert (silent.status, silent.out) == (1, "")
    wrong = probe(meter, "--unit", "1", "--model", "carlo-gavazzi-em24-e1")
    assert (wrong.status, wrong.out) == (1, "")
    assert f"127.0.0.1:{meter}: " in wrong.err


def test_nobody_there_is_a_finding_with_what_to_check() -> None:
    (port,) = free_ports(1)
    ended = probe(port)
    assert ended.status == 1
    assert "Nothing answers. Check wiring" in ended.out
    alone = probe(port, "--unit", "1", "--model", "eastron-sdm630")
    assert (alone.status, alone.out) == (1, "")
    assert "nothing listens at that port" in alone.err


def test_a_serial_line_that_is_not_there_is_a_finding() -> None:
    ended = ems("probe", "modbus", "/dev/ttyNOT0", "--unit", "1", "--model", "abb-b23")
    assert (ended.status, ended.out) == (1, "")
    assert "could not open port /dev/ttyNOT0" in ended.err
    assert ended.err.startswith("/dev/ttyNOT0 19200 8E1: "), "as this meter leaves the factory"


def test_the_line_that_is_found_can_be_pasted_into_the_site_file(site: Installation) -> None:
    from tests.adapters.modbus.bus_server import BusServer  # noqa: PLC0415
    from tests.adapters.modbus.models import golden  # noqa: PLC0415

    async def scenario() -> Ended:
        server = BusServer({1: golden("eastron-sdm630")}, rtu=True)
        await server.start("127.0.0.1", site.modbus)
        found = await asyncio.to_thread(probe, site.modbus, "--unit", "1", "--framer", "rtu")
        await server.stop()
        return found

    found = asyncio.run(scenario())
    line = next(line for line in found.out.splitlines() if "site.yaml:" in line).partition("site.yaml:")[2].strip()
    lines = site.text().splitlines(keepends=True)
    site.file.write_text("".join(f"  {line}\n" if "model: eastron" in text else text for text in lines))
    assert ems("check", site.folder).status == 0
