"""Files that stations upload: into slots nobody can guess, within bounds, whole or not at all."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ems.domain.instant import Instant
from ems.ports.stations import Received, UploadRefusedError
from ems.runtime.uploads import MOST_FILES, VALID, Uploads


@dataclass
class HandClock:
    """A clock that is set by hand."""

    utc: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> Instant:
        return Instant(0.0, self.utc)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def receive(box: Uploads, word: str, parts: Iterable[bytes] = (b"log",), name: str = "a.log") -> Received:
    return asyncio.run(box.receive(word, name, chunks(*parts)))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def box(tmp_path: Path, clock: HandClock) -> Uploads:
    return Uploads(tmp_path / "uploads", clock, most_bytes=1000)


def test_a_file_is_kept_whole_and_found_again_after_a_restart(box: Uploads, tmp_path: Path, clock: HandClock) -> None:
    received = receive(box, box.open("CP/ü 1"), [b"one ", b"two"])
    assert (received.size, received.station, received.name) == (7, "CP/ü 1", "a.log")
    path = box.path("CP/ü 1", received.number)
    assert path is not None
    assert path.read_bytes() == b"one two"
    again = Uploads(tmp_path / "uploads", clock)
    assert again.received("CP/ü 1") == (received,)
    assert receive(again, again.open("B")).number == received.number + 1


@pytest.mark.parametrize("name", ["diag.part", "incoming-1", "a.log.part", ".part", "x__20260301T120000Z__1__y"])
def test_whatever_a_station_calls_its_file_it_is_kept(
    box: Uploads, tmp_path: Path, clock: HandClock, name: str
) -> None:
    received = receive(box, box.open("A"), name=name)
    again = Uploads(tmp_path / "uploads", clock)
    assert again.received("A") == (received,)
    path = again.path("A", received.number)
    assert path is not None
    assert path.read_bytes() == b"log"


def test_what_a_power_cut_left_of_a_file_takes_no_room_for_ever(box: Uploads, tmp_path: Path, clock: HandClock) -> None:
    folder, kept = tmp_path / "uploads", tmp_path / "kept"

    async def cut() -> AsyncIterator[bytes]:
        yield b"half"
        shutil.copytree(folder, kept)  # as a disk is found after it
        raise UploadRefusedError(400, "the file was cut off")

    with pytest.raises(UploadRefusedError):
        asyncio.run(box.receive(box.open("A"), "a.log", cut()))
    assert list(folder.iterdir()) == []
    assert list(kept.iterdir()) != []
    assert Uploads(kept, clock).received("A") == ()
    assert list(kept.iterdir()) == []


def test_a_disk_that_is_nearly_full_is_left_to_what_is_measured(tmp_path: Path, clock: HandClock) -> None:
    box = Uploads(tmp_path, clock, least_free=1 << 60)
    word = box.open("A")
    with pytest.raises(UploadRefusedError, match="nearly full") as refused:
        receive(box, word)
    assert (refused.value.status, list(tmp_path.iterdir()), box.is_open(word)) == (507, [], True)


def test_a_word_is_good_for_one_file_and_two_hours(box: Uploads, clock: HandClock) -> None:
    word = box.open("A")
    assert len(word) >= 32
    assert box.is_open(word)
    receive(box, word)
    late = box.open("A")
    clock.utc += VALID
    for no in (word, late, "", "x" * 1000, "../../etc"):
        with pytest.raises(UploadRefusedError) as refused:
            receive(box, no)
        assert refused.value.status == 404


def test_two_cannot_upload_under_one_word_at_the_same_time(box: Uploads) -> None:
    async def story() -> None:
        word, go_on = box.open("A"), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"1"
            await go_on.wait()

        first = asyncio.create_task(box.receive(word, "a", slow()))
        await asyncio.sleep(0.05)
        with pytest.raises(UploadRefusedError):
            await box.receive(word, "b", chunks(b"2"))
        go_on.set()
        assert (await first).size == 1

    asyncio.run(story())


def test_what_is_too_large_or_cut_off_leaves_nothing_and_may_come_again(box: Uploads, tmp_path: Path) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield b"half"
        raise UploadRefusedError(400, "the file was cut off")

    word = box.open("A")
    with pytest.raises(UploadRefusedError) as refused:
        receive(box, word, [b"x" * 600, b"x" * 600])
    assert refused.value.status == 413
    with pytest.raises(UploadRefusedError):
        asyncio.run(box.receive(word, "a", cut()))
    assert list((tmp_path / "uploads").iterdir()) == []
    assert receive(box, word).size == 3


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../etc/passwd", "passwd"),
        ("", "file"),
        (".", "file"),
        ("..", "file"),
        ("a b\nc\u202e.zip", "a_b_c_.zip"),
        ("x" * 300, "x" * 80),
        ("a__b__1__c", "a__b__1__c"),
    ],
)
def test_the_name_of_a_file_stays_in_its_folder(box: Uploads, tmp_path: Path, name: str, kept: str) -> None:
    received = receive(box, box.open("A"), name=name)
    assert received.name == kept
    path = box.path("A", received.number)
    assert path is not None
    assert path.parent == tmp_path / "uploads"
    assert Uploads(tmp_path / "uploads", HandClock()).received("A") == (received,)


def test_a_disk_that_refuses_is_told(tmp_path: Path, clock: HandClock) -> None:
    (tmp_path / "uploads").write_text("not a folder")
    box = Uploads(tmp_path / "uploads", clock)
    with pytest.raises(UploadRefusedError) as refused:
        receive(box, box.open("A"))
    assert refused.value.status == 507


def test_the_oldest_files_go_where_there_are_too_many(box: Uploads, tmp_path: Path, clock: HandClock) -> None:
    for _ in range(MOST_FILES + 3):
        receive(box, box.open("A"))
        clock.utc += timedelta(seconds=1)
    numbers = [one.number for one in box.received("A")]
    assert numbers == list(range(MOST_FILES + 3, 3, -1))
    assert len(list((tmp_path / "uploads").iterdir())) == MOST_FILES
