"""The meter models that the program ships, and registers as real meters hold them."""

from __future__ import annotations

import json
import struct
from itertools import cycle
from pathlib import Path

from hypothesis import strategies as st
from ruamel.yaml import YAML

from ems.adapters.modbus.register_map import RegisterMap

HERE = Path(__file__).parent
FOLDER = HERE.parents[2] / "config" / "meters"

GOLDEN: dict[str, dict[str, object]] = json.loads((HERE / "golden_registers.json").read_text())
"""For each model its function code and registers (hexadecimal words from an address on) of one and the same load:
230.5, 231.0, 229.5 V; 12.3, 5.7, 0.9 A; 2800, -1200, 150 W; 49.9 Hz; 12345 kWh import, 789 kWh export. They
come from the makers' tables and not from the model files; a one-phase meter measures the first conductor. A battery
holds 64 %, and takes 900 W where that is said apart.
"""


def plain(name: str) -> dict[str, object]:
    """A model file as plain data."""
    data: dict[str, object] = YAML(typ="safe").load(FOLDER / f"{name}.yaml")
    return data


def load(name: str) -> RegisterMap:
    """A shipped model."""
    return RegisterMap.from_data(name, plain(name))


NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
MODELS = {name: load(name) for name in NAMES}


def golden(name: str) -> dict[int, int]:
    """The registers of the one load; what is not known holds 0."""
    registers = GOLDEN[name]["registers"]
    assert isinstance(registers, dict)
    known = {int(a) + n: int(word, 16) for a, words in registers.items() for n, word in enumerate(words.split())}
    blocks = (*MODELS[name].fast, *MODELS[name].slow)
    gaps = {address: 0 for block in blocks for address in range(block.address, block.address + block.size)}
    return {**gaps, **known}


def sdm630(
    volts: tuple[float, float, float] = (230.0, 230.0, 230.0),
    amps: tuple[float, float, float] = (10.0, 10.0, 10.0),
    watts: tuple[float, float, float] | None = None,
    hertz: float = 50.0,
) -> dict[int, int]:
    """Registers 0 to 75 of an Eastron SDM630; power as voltage and current give it unless told otherwise."""
    powers = watts or tuple(v * a for v, a in zip(volts, amps, strict=True))
    values = {0: volts, 6: amps, 12: powers, 52: (sum(powers),), 70: (hertz, 1234.5, 10.0)}
    registers = dict.fromkeys(range(80), 0)
    for address, numbers in values.items():
        for offset, word in enumerate(
            struct.unpack(f">{2 * len(numbers)}H", struct.pack(f">{len(numbers)}f", *numbers))
        ):
            registers[address + offset] = word
    return registers


WORDS = st.lists(
    st.one_of(st.sampled_from([0, 0xFFFF, 0x7FFF, 0x8000, 0x7FC0, 0x7F80, 0xFF80, 1]), st.integers(0, 0xFFFF)),
    min_size=1,
    max_size=40,
)


def wild(model: RegisterMap, words: list[int]) -> dict[int, int]:
    """Fill every register that the model reads with these words, over and over."""
    addresses = [a for b in (*model.fast, *model.slow) for a in range(b.address, b.address + b.size)]
    return dict(zip(addresses, cycle(words), strict=False))
