"""Every make that the program knows can be shown, and is recognised by how it introduces itself."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from ems.sim.quirks import AbsoluteSchedule, Composite, Zero
from ems.sim.station_kinds import KINDS
from tests.sim.sites import CHECKOUT

FILES = {path.stem: path for path in sorted((CHECKOUT / "config" / "stations").glob("*.yaml"))}


def described(name: str) -> dict[str, Any]:
    with FILES[name].open(encoding="utf-8") as file:
        found: dict[str, Any] = YAML(typ="safe").load(file) or {}
        return found


def test_there_is_a_kind_for_each_make() -> None:
    assert set(KINDS) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_kind_introduces_itself_as_its_make(name: str) -> None:
    kind, match = KINDS[name], described(name).get("match", {})
    for words, said in ((match.get("vendor", ()), kind.vendor), (match.get("model", ()), kind.model)):
        assert not words or any(word in said.lower() for word in words)


@pytest.mark.parametrize("name", FILES)
def test_a_kind_has_the_ways_that_are_described(name: str) -> None:
    """Where the description says that something does not work, it must not work here."""
    kind, says = KINDS[name], described(name)
    quirks = kind.quirks
    if "rate_unit" in says:
        assert says["rate_unit"] in quirks.units
    if says.get("max_stack_level") == 0 and name != "generic":
        assert quirks.highest_level == 0
    if says.get("kind") == "relative":
        assert quirks.absolute is not AbsoluteSchedule.WORKS
    if says.get("zero", "pauses") != "pauses":
        assert quirks.zero in {Zero.ENDS_SESSION, Zero.IGNORED, Zero.STAYS}
    if says.get("allowed_a"):
        assert quirks.steps_a == tuple(says["allowed_a"])
    if says.get("session_profile") is False:
        assert quirks.tx_profile_locks or not quirks.tx_profile
    assert quirks.smart_charging is says.get("smart_charging", True)
    assert quirks.forgets_offline is not says.get("keeps_offline", True)
    assert quirks.forgets_at_boot is not says.get("keeps_over_boot", True)
    assert (quirks.composite is Composite.RIGHT) is says.get("composite", True)
    assert quirks.first_after_zero_ignored is says.get("repeat_after_zero", False)
    assert quirks.boot_trigger_kills is not says.get("trigger_boot", True)
    assert (quirks.settle_s > 0) is (says.get("settle_s", 0) > 0)
    if name != "generic" and says.get("sample_interval_s", 10) != 10:
        assert kind.metering.every_s == says["sample_interval_s"]
