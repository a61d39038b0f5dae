"""A broken file stops neither a start nor a running controller."""

from __future__ import annotations

import stat
from datetime import date, time
from pathlib import Path

import pytest

from ems.domain.recurrence import Holidays
from ems.domain.service_class import ServiceClass
from ems.domain.vehicle import Guarantee
from ems.settings.build import SiteSettings
from ems.settings.load import load
from ems.settings.password import new_password
from ems.settings.revision import load_or_last_good, reload
from tests.settings.folder import GOOD, replaced, site_folder

PASSWORD, HASH = new_password()
WITH_FILES = (
    replaced(("fallback_a: 6", "fallback_a: 6, model: own, password_file: secrets/a")) + "tariff: {file: t.yaml}\n"
)
TARIFF = "name: fixed\nenergy: {supply: {per_kwh: 0.31}}\n"
BROKEN = replaced(("parent: grid", "parent: gird"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return site_folder(tmp_path / "site", WITH_FILES, secrets__a=HASH, t_yaml=TARIFF, stations__own_yaml="step_a: 2")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def running(site: Path, state: Path) -> SiteSettings:
    started = load_or_last_good(site, state)
    assert started.settings is not None, started.findings
    assert not started.is_last_good
    return started.settings


def test_a_broken_file_at_start_runs_the_last_good_revision(site: Path, state: Path) -> None:
    before = running(site, state)
    (site / "site.yaml").write_text(BROKEN)
    started = load_or_last_good(site, state)
    assert started.is_last_good
    assert started.settings is not None
    assert started.settings.revision == before.revision
    assert started.settings.site == before.site
    assert started.settings.path == site / "site.yaml"
    assert started.settings.text == WITH_FILES
    messages = [str(finding) for finding in started.findings]
    assert any("the parent 'gird' of circuit 'row-a' does not exist" in message for message in messages)
    assert any(f"the last good revision {before.revision} runs instead" in message for message in messages)


def test_everything_beside_the_file_may_be_gone(site: Path, state: Path) -> None:
    """Passwords, tariff and own models come from the copy."""
    running(site, state)
    for name in ("site.yaml", "t.yaml", "secrets/a", "stations/own.yaml", "meters/m1.yaml"):
        (site / name).unlink()
    started = load_or_last_good(site, state)
    assert started.settings is not None
    known = started.settings.access["CP-01"]
    assert known is not None
    assert known.verify(PASSWORD)
    assert started.settings.site.stations[0].model.step_a == 2.0
    assert started.settings.tariff is not None
    assert started.settings.tariff.energy[0].prices[0].per_kwh == 0.31


def test_the_copy_holds_no_password_and_nobody_else_may_read_it(site: Path, state: Path) -> None:
    (site / "secrets" / "a").write_text("a plain password here")
    running(site, state)
    for path in state.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        assert path.is_dir() or b"a plain password here" not in path.read_bytes()


def test_without_a_copy_a_broken_file_gives_no_settings(site: Path, state: Path) -> None:
    (site / "site.yaml").write_text(BROKEN)
    started = load_or_last_good(site, state)
    assert started.settings is None
    assert started.findings == load(site).findings


DAMAGE = [
    ("last-good", "nonsense"), ("last-good", "0123456789abcdef"), ("last-good", "../../etc"), ("access.json", "[1]"),
    ("access.json", "{"), ("site.yaml", GOOD), ("site.yaml", "circuits: {"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), DAMAGE)
def test_a_damaged_copy_is_never_run(site: Path, state: Path, name: str, content: str) -> None:
    running(site, state)
    (path,) = (state / "revisions").rglob(name)
    path.write_text(content)
    (site / "site.yaml").write_text(BROKEN)
    started = load_or_last_good(site, state)
    assert started.settings is None
    assert len(started.findings) > len(load(site).findings)


def test_a_state_dir_that_cannot_be_written_is_a_warning(site: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    started = load_or_last_good(site, tmp_path / "file")
    assert started.settings is not None
    assert "no copy of this revision could be kept" in started.findings[-1].message


def test_the_newest_copies_are_kept(site: Path, state: Path) -> None:
    revisions = []
    for amps in range(100, 115):
        (site / "site.yaml").write_text(WITH_FILES.replace("rating_a: 125", f"rating_a: {amps}"))
        revisions.append(running(site, state).revision)
    kept = {path.name for path in (state / "revisions").iterdir() if path.is_dir()}
    assert kept == set(revisions[-10:])


def test_starting_twice_keeps_one_copy(site: Path, state: Path) -> None:
    running(site, state)
    running(site, state)
    assert sorted(path.name for path in (state / "revisions").iterdir())[1:] == ["last-good"]


def test_a_broken_reload_changes_nothing(site: Path, state: Path) -> None:
    before = running(site, state)
    (site / "site.yaml").write_text(BROKEN)
    after = reload(site, before, state)
    assert after.refused
    assert after.settings is before
    assert after.findings == load(site).findings


def test_policy_limits_and_passwords_take_effect_at_once(site: Path, state: Path) -> None:
    before = running(site, state)
    changed = WITH_FILES.replace("strategy: equal", "strategy: first-come").replace("max_kw: 80", "max_kw: 60")
    (site / "site.yaml").write_text(changed)
    (site / "secrets" / "a").write_text(new_password()[1])
    after = reload(site, before, state)
    assert not after.refused
    assert after.settings.site.policy.strategy == "first-come"
    assert after.settings.site.limits[0].max_w == 60_000
    assert after.settings.revision != before.revision
    known = after.settings.access["CP-01"]
    assert known is not None
    assert not known.verify(PASSWORD)
    assert [str(line) for line in after.differences] == [
        "policy: strategy equal → first-come (takes effect at once)",
        "limit gone: limit Mon-Fri 17:00-20:00: 80 kW on grid (takes effect at once)",
        "limit new: limit Mon-Fri 17:00-20:00: 60 kW on grid (takes effect at once)",
    ]


def test_promises_and_holidays_take_effect_at_once(site: Path, state: Path) -> None:
    (site / "site.yaml").write_text(
        WITH_FILES + "classes: {0: {minimum_always: true}}\ncalendar: {holidays: [12-25]}\n"
    )
    before = running(site, state)
    (site / "site.yaml").write_text(
        WITH_FILES + 'classes: {0: {name: staff, guarantee_kwh: 8, by: "16:00"}}\ncalendar: {holidays: [2026-04-03]}\n'
    )
    after = reload(site, before, state)
    assert after.settings.site.service_class(0) == ServiceClass(0, "staff", Guarantee(8e3, time(16, 0)))
    assert after.settings.site.holidays == Holidays(dates=frozenset({date(2026, 4, 3)}))
    assert [str(line) for line in after.differences] == [
        "class 0: never below its minimum current → class 0, staff: at least 8 kWh by 16:00 (takes effect at once)",
        "holidays gone: 12-25 (takes effect at once)",
        "holidays new: 2026-04-03 (takes effect at once)",
        "tariff: what fixed says has changed (takes effect at once)",
    ]


def test_who_is_told_of_what_changes_at_once(site: Path, state: Path) -> None:
    before = running(site, state)
    told = (
        "mail: {host: mail.example, sender: ems@depot.example}\n"
        "alarms: {offline_s: 60, mail: {to: [anna@depot.example]}}\n"
        "webhooks: {back: {url: 'https://back.example.com/ems', events: [alarm]}}\n"
    )
    (site / "site.yaml").write_text(WITH_FILES + told + "mqtt: {host: broker.example, tls: true}\n")
    after = reload(site, before, state)
    assert not after.refused, after.findings
    assert [str(line) for line in after.differences] == [
        "mail: new (takes effect at once)",
        "webhook back is new (takes effect at once)",
        "mqtt broker broker.example is new (takes effect at once)",
        "alarms: offline_s 300 → 60 (takes effect at once)",
        "alarms by mail: new (takes effect at once)",
    ]
    notices = after.settings.notices
    assert after.settings.mail is not None
    assert notices.mail is not None
    assert (after.settings.mail.host, notices.mail.to) == ("mail.example", ("anna@depot.example",))
    assert ([one.name for one in notices.webhooks], notices.patience.offline_s) == (["back"], 60.0)
    assert notices.mqtt is not None
    assert notices.mqtt.host == "broker.example"


def test_the_installation_changes_only_by_a_restart(site: Path, state: Path) -> None:
    before = running(site, state)
    changed = (
        WITH_FILES.replace("rating_a: 125", "rating_a: 200")
        .replace("phases: L1 L2 L3", "phases: L2 L3 L1")
        .replace("unit: 1", "unit: 2")
        .replace("fallback_a: 6,", "fallback_a: 0,")
        .replace(
            "limits:",
            "  CP-02: {circuit: grid, evses: {1: {max_a: 16, phases: L1}}}\nlimits:\n  - {evse: CP-02/1, max_a: 8}",
        )
        .replace("margin_a: 5", "margin_a: 6")
    )
    (site / "site.yaml").write_text(changed)
    after = reload(site, before, state)
    assert after.settings.site.circuits == before.site.circuits
    assert after.settings.site.stations == before.site.stations
    assert after.settings.meters == before.meters
    assert after.settings.revision.startswith(f"{before.revision}+")
    assert reload(site, after.settings, state).settings.revision == after.settings.revision
    assert len(after.settings.site.limits) == 1, "a limit on a station that is not there yet waits"
    assert [line.text for line in after.differences if line.needs_restart] == [
        "circuit grid: margin_a 5 → 6",
        "circuit row-a: rating_a 125 → 200",
        "meter main: unit 1 → 2",
        "station CP-02 is new",
        "EVSE CP-01/1: wiring L1 L2 L3 → L2 L3 L1",
        "EVSE CP-01/1: fallback_a 6 → 0",
        "EVSE CP-02/1 is new",
    ]
    (site / "site.yaml").write_text(BROKEN)
    started = load_or_last_good(site, state)
    assert started.settings is not None
    assert len(started.settings.site.stations) == 2, "the restart then runs the new installation"
