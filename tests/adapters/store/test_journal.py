"""The journal keeps every tick, says what is missing, and a replay decides the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ems.adapters.store.codec import Codec
from ems.adapters.store.journal import FileJournal, JournalSize
from ems.adapters.store.replay import replay
from ems.adapters.store.segment import MAGIC, Entry, Gap, Header, JournalError, SegmentWriter, Tick, read, segments
from ems.control.memory import Memory
from ems.control.tick import Controller
from ems.domain.apply import apply
from ems.domain.decision import Decision
from ems.domain.events import Event, MeterFailed, MeterRead
from ems.domain.instant import Instant
from ems.domain.site import Site
from ems.domain.state import SiteState
from tests.adapters.store.tape import Taped
from tests.control.installations import SITES

HEADER = Header("0.1.0", "abc123", "site: {name: Test}")
ONE_FILE = JournalSize(waiting=10_000)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[FileJournal]:
    """One that has begun to work."""
    one = FileJournal(tmp_path / "journal", HEADER, ONE_FILE)
    one.start()
    yield one
    one.close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file with two busy minutes."""
    folder = tmp_path_factory.mktemp("journal")
    one = FileJournal(folder, HEADER, ONE_FILE)
    one.start()
    Taped(one).busy(120)
    assert one.close()
    (file,) = segments(folder)
    return file


def entries(file: Path) -> list[Entry]:
    return list(read(file)[1])


def written(file: Path, changed: list[Entry]) -> Path:
    writer = SegmentWriter(file, HEADER)
    for entry in changed:
        writer.add(entry)
    writer.close()
    return file


def test_a_recorded_run_replays_without_a_difference(recorded: Path) -> None:
    result = replay(recorded)
    assert (result.ticks, result.missing, result.difference, result.damage) == (120, 0, None, ())
    levels = {entry.outcome.level for entry in entries(recorded) if isinstance(entry, Tick)}
    assert len(levels) > 2, "the run must have been worth recording"


def test_the_header_says_who_wrote_it_and_for_which_site(recorded: Path) -> None:
    assert read(recorded)[0] == HEADER


@pytest.mark.parametrize("tick", [1, 7, 64, 120])
def test_a_changed_setpoint_is_found_at_its_tick(recorded: Path, tmp_path: Path, tick: int) -> None:
    changed = entries(recorded)
    old = changed[tick]
    assert isinstance(old, Tick)
    setpoints = (*old.outcome.setpoints[:2], old.outcome.setpoints[2] + 0.5, *old.outcome.setpoints[3:])
    changed[tick] = old._replace(outcome=old.outcome._replace(setpoints=setpoints))
    found = replay(written(tmp_path / "x.journal", changed)).difference
    assert found is not None
    assert (found.tick, found.at, found.what) == (tick, old.at, "setpoint of A3/1")
    assert f"tick {tick} at " in str(found)


def test_an_event_that_was_left_out_is_found_where_it_first_matters(recorded: Path, tmp_path: Path) -> None:
    changed = entries(recorded)
    first = next(k for k, entry in enumerate(changed) if isinstance(entry, Tick) and k > 40)
    for k in range(first, first + 5):
        old = changed[k]
        assert isinstance(old, Tick)
        changed[k] = old._replace(events=tuple(e for e in old.events if not isinstance(e, MeterRead)))
    found = replay(written(tmp_path / "x.journal", changed)).difference
    assert found is not None
    assert first <= found.tick <= first + 10


def test_a_program_that_fails_where_the_recorded_one_did_not_is_a_difference(recorded: Path) -> None:
    class Broken:
        def decide(self, state: SiteState, memory: Memory, now: Instant) -> tuple[Decision, Memory]:
            raise KeyError("broken")

    found = replay(recorded, controller_of=lambda _: Broken()).difference
    assert found is not None
    assert found.tick == 1


def test_an_event_that_the_core_refused_is_refused_in_the_replay(recorded: Path) -> None:
    """As the loop does it: the event is left out, the tick goes on."""

    def picky(state: SiteState, event: Event) -> SiteState:
        if isinstance(event, MeterFailed):
            raise KeyError("broken")
        return apply(state, event)

    found = replay(recorded, apply_event=picky)
    assert found.ticks == 120 or (found.difference is not None and found.difference.tick > 40)


def test_a_file_that_was_cut_off_replays_to_its_end(recorded: Path, tmp_path: Path) -> None:
    whole = recorded.read_bytes()
    ticks = []
    for percent in (50, 60, 70, 80, 90, 99):
        cut = tmp_path / f"{percent}.journal"
        cut.write_bytes(whole[: percent * len(whole) // 100])
        result = replay(cut)
        assert (result.difference, result.damage) == (None, ())
        ticks.append(result.ticks)
    assert ticks == sorted(ticks)
    assert 0 <= ticks[0] < 60 < ticks[-1] < 120


def test_a_file_without_its_header_says_so(recorded: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.journal"
    cut.write_bytes(recorded.read_bytes()[:300])
    with pytest.raises(JournalError, match="header is missing"):
        replay(cut)


def test_a_file_that_was_spoilt_replays_to_the_damage_and_names_it(recorded: Path, tmp_path: Path) -> None:
    spoilt = bytearray(recorded.read_bytes())
    middle = int(0.8 * len(spoilt))
    spoilt[middle : middle + 40] = bytes(40)
    file = tmp_path / "spoilt.journal"
    file.write_bytes(spoilt)
    result = replay(file)
    assert result.difference is None
    assert 10 < result.ticks < 120
    assert "is damaged after entry" in result.damage[0]


def test_a_flipped_bit_that_the_compression_does_not_notice_is_found(recorded: Path, tmp_path: Path) -> None:
    magic, _, packed = recorded.read_bytes().partition(b"\n")
    plain = bytearray(zlib.decompress(packed))
    plain[int(0.9 * len(plain))] ^= 1
    file = tmp_path / "flipped.journal"
    file.write_bytes(magic + b"\n" + zlib.compress(plain))
    result = replay(file)
    assert result.difference is None
    assert 10 < result.ticks < 120
    assert "wrong checksum" in result.damage[0] or "impossible length" in result.damage[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a journal"),
        (b"PK\3\4 something else", "not a journal"),
        (MAGIC % 7 + b"rest", "format 7, this program reads 1"),
        (MAGIC % 1, "header is missing"),
        (MAGIC % 1 + b"no zlib at all", "damaged"),
    ],
)
def test_what_is_not_a_journal_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "x.journal"
    file.write_bytes(content)
    with pytest.raises(JournalError, match=says):
        read(file)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal here"):
        replay(tmp_path)


def test_a_file_of_another_version_says_which_one_reads_it(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = {
        name: [*fields, "mood"] if name == "EvseState" else fields for name, fields in Codec([Entry]).schema.items()
    }
    monkeypatch.setattr(Codec, "schema", property(lambda _: schema))
    file = written(tmp_path / "x.journal", [])
    monkeypatch.undo()
    with pytest.raises(JournalError, match=r"written by ems 0\.1\.0: it knows EvseState\.mood"):
        read(file)


def test_every_file_can_be_replayed_alone_and_the_oldest_are_deleted(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, HEADER, JournalSize(file_bytes=5000, total_bytes=20_000, waiting=10_000))
    journal.start()
    Taped(journal).busy(180)
    journal.close()
    files = segments(tmp_path)
    assert 2 < len(files) < 10
    assert not files[0].name.startswith("00000001")
    assert sum(file.stat().st_size for file in files) <= 20_000 + 5000
    assert sum(replay(file).ticks for file in files) == replay(tmp_path).ticks < 180
    assert replay(tmp_path).difference is None


def test_a_file_ends_at_midnight_and_a_clock_set_back_does_not_shuffle_them(journal: FileJournal) -> None:
    taped = Taped(journal)
    taped.after(3)
    taped.clock_set(86_400).after(3)
    taped.clock_set(-40 * 86_400).after(3)
    journal.close()
    files = segments(journal._folder)
    assert [file.name[:17] for file in files] == ["00000001-20240110", "00000002-20240111", "00000003-20231202"]
    assert replay(journal._folder).ticks == 9
    assert replay(journal._folder).difference is None


def test_a_reloaded_site_begins_a_new_file(journal: FileJournal) -> None:
    Taped(journal).busy(9)
    Taped(journal, SITES["one_feeder"]).car("A1").after(5)
    journal.close()
    assert len(segments(journal._folder)) == 2
    assert (replay(journal._folder).ticks, replay(journal._folder).difference) == (14, None)


def test_a_reload_that_was_not_announced_costs_one_tick(journal: FileJournal) -> None:
    taped = Taped(journal)
    taped.after(3)
    taped.state = replace(taped.state, site=replace(taped.site, name="renamed"))
    taped.after(3)
    journal.close()
    result = replay(journal._folder)
    assert (result.ticks, result.missing, result.difference) == (5, 1, None)


def test_ticks_that_nobody_wrote_are_counted_and_the_replay_goes_on_behind_them(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, HEADER, JournalSize(waiting=50))
    taped = Taped(journal).car("A1")
    taped.after(80)
    journal.start()
    while journal._queue:
        time.sleep(0.01)
    taped.after(20)
    journal.close()
    result = replay(tmp_path)
    assert (result.ticks, result.missing, result.difference) == (70, 30, None)
    assert journal.dropped == 30


def test_handing_over_a_tick_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    """The thread hangs in a pipe that nobody reads."""
    journal = FileJournal(tmp_path / "journal", HEADER)
    os.mkfifo(tmp_path / "journal")
    journal.start()
    began = time.monotonic()
    Taped(journal).after(5)
    assert time.monotonic() - began < 1.0
    assert journal.close(0.1) in {True, False}


def test_a_disk_that_fails_is_trouble_and_the_journal_goes_on_when_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.write_text("a file where the folder should be")
    journal = FileJournal(folder, HEADER)
    journal.start()
    taped = Taped(journal)
    taped.after(5)
    wait_for(lambda: journal.trouble)
    folder.unlink()
    taped.after(20)
    wait_for(lambda: not journal._queue and not journal.trouble)
    journal.close()
    result = replay(folder)
    assert result.difference is None
    assert result.missing >= 5
    assert result.ticks + result.missing == 25


def test_a_full_disk_costs_the_oldest_file(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20k", "tmpfs", disk], check=False).returncode:
        pytest.skip("no right to mount a file system")
    try:
        journal = FileJournal(disk, HEADER, JournalSize(file_bytes=6000, waiting=10_000))
        journal.start()
        taped = Taped(journal)
        for _ in range(7):
            taped.busy(30)
            wait_for(lambda: not journal._queue)
        journal.close()
        result = replay(disk)
        assert result.difference is None
        assert journal.dropped
        assert result.ticks > 20
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def wait_for(condition: object) -> None:
    assert callable(condition)
    ends = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


KILLED = """
import sys, time
from pathlib import Path
from ems.adapters.store.journal import FileJournal
from ems.adapters.store.segment import Header
from tests.adapters.store.tape import Taped

journal = FileJournal(Path(sys.argv[1]), Header("0.1.0", "", ""))
journal.start()
taped = Taped(journal).car("A1").car("B1")
for second in range(10_000):
    taped.after(1)
    while journal._queue:
        time.sleep(0.0005)
    print(second, flush=True)
"""


def test_a_journal_is_readable_after_kill_9(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert child.stdout is not None
    last = 0
    for line in child.stdout:
        last = int(line)
        if last == 60:
            os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    result = replay(tmp_path)
    assert (result.difference, result.damage) == (None, ())
    assert result.ticks >= last, "only the tick that was being written may be missing"


def test_a_gap_is_an_entry_of_its_own(tmp_path: Path) -> None:
    file = written(tmp_path / "x.journal", [Gap(7)])
    assert entries(file) == [Gap(7)]
    assert replay(file).missing == 7


def test_the_replay_can_be_given_another_controller(recorded: Path) -> None:
    """So that a new version can be held against yesterday."""
    seen: list[Site] = []

    def counted(site: Site) -> Controller:
        seen.append(site)
        return Controller.of(site)

    assert replay(recorded, controller_of=counted).difference is None
    assert [site.name for site in seen] == ["test"]
