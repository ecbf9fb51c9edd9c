"""Payloads: what is read is what was put, damage is noticed, and nothing outside their folder is touched."""

import errno
import hashlib
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import Damaged, Unavailable
from app.storage.durable_files import DurableFiles
from app.storage.payload_store import Payloads
from tests.support.fakes import DEADLINE_S
from tests.unit.storage.test_durable_files import PowerCut

JOB = "0af3" * 8
NOW_S = 2_000_000_000.0
LEFTOVER = f".{JOB}.work-{'0' * 32}"


@pytest.fixture
def payloads(tmp_path: Path) -> Payloads:
    return Payloads(tmp_path)


def files(folder: Path) -> list[str]:
    """All files below a folder, by their paths."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def ref(name: str, content: bytes = b"") -> str:
    """A reference as `put` would make it."""
    return f"{name}:{len(content)}:{hashlib.sha256(content).hexdigest()}"


def aged(path: Path, age_s: float) -> None:
    """Let a file have been written that long before NOW_S."""
    os.utime(path, (NOW_S - age_s, NOW_S - age_s))


class FullDisk:
    """Takes `free` syncs, then says that the disk is full until `free` is set again."""

    def __init__(self, free: int) -> None:
        self.free = free

    def fsync(self, descriptor: int) -> None:
        self.free -= 1
        if self.free < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("content", [b"", b"\0", b"abc\n", bytes(range(256)) * 10_000], ids=len)
@pytest.mark.parametrize("name", [JOB, f"{JOB}.work", f"{JOB}.3.result", "a", "ab", "a.", "-", "a" * 100])
def test_what_is_put_can_be_got_until_it_is_dropped(
    payloads: Payloads, tmp_path: Path, name: str, content: bytes
) -> None:
    """Any process gives back what one has put, and a drop leaves nothing; a second one finds nothing to do."""
    reference = payloads.put(name, content)
    assert reference == ref(name, content)
    assert files(tmp_path) == [f"payloads/{name[:2]}/{name}"]
    assert Payloads(tmp_path).get(reference) == content
    payloads.drop(reference)
    payloads.drop(reference)
    assert files(tmp_path) == []
    with pytest.raises(Unavailable, match="gone"):
        payloads.get(reference)


def test_it_survives_a_power_cut(tmp_path: Path) -> None:
    """After each put the file, and every folder made for it, are on the disk."""
    power_cut = PowerCut()
    payloads = Payloads(tmp_path / "new/store", DurableFiles(power_cut.fsync))
    for name in ("aa.work", "ab.work", "aa.1.result"):
        payloads.put(name, b"content")
        assert power_cut.leaves(tmp_path) == set(tmp_path.rglob("*"))


def test_it_survives_a_power_cut_in_folders_that_another_process_has_just_made(tmp_path: Path) -> None:
    """Folders that are there, but whose entries nobody has synced yet, are synced before a put returns."""
    power_cut = PowerCut()
    (tmp_path / "payloads/aa").mkdir(parents=True)
    Payloads(tmp_path, DurableFiles(power_cut.fsync)).put("aa.work", b"content")
    assert power_cut.leaves(tmp_path) == set(tmp_path.rglob("*"))


def test_every_flipped_bit_is_noticed(payloads: Payloads, tmp_path: Path) -> None:
    """A file in which any single bit has changed is refused."""
    content = b'{"verb":"fit"}\0\xff'
    reference = payloads.put("job.work", content)
    path = tmp_path / "payloads/jo/job.work"
    for position in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(Damaged):
                payloads.get(reference)
    path.write_bytes(content)
    assert payloads.get(reference) == content


@pytest.mark.parametrize("content", [b"", b"conten", b"content\0", b"x" * 100_000])
def test_other_content_is_noticed(payloads: Payloads, tmp_path: Path, content: bytes) -> None:
    """A file that was cut short, has grown or is something else is refused."""
    reference = payloads.put("job.work", b"content")
    (tmp_path / "payloads/jo/job.work").write_bytes(content)
    with pytest.raises(Damaged):
        payloads.get(reference)


def test_an_empty_file_that_has_grown_is_noticed(payloads: Payloads, tmp_path: Path) -> None:
    """Nothing is no content to be taken for what isn't read."""
    reference = payloads.put("job.work", b"")
    (tmp_path / "payloads/jo/job.work").write_bytes(b"more")
    with pytest.raises(Damaged):
        payloads.get(reference)


def test_every_flipped_bit_of_a_reference_is_noticed(payloads: Payloads) -> None:
    """A reference in which any single bit has changed gives no content."""
    reference = payloads.put("job.work", b"content")
    for position, letter in enumerate(reference):
        for bit in range(8):
            damaged = reference[:position] + chr(ord(letter) ^ 1 << bit) + reference[position + 1 :]
            with pytest.raises((Damaged, Unavailable)):
                payloads.get(damaged)


@pytest.mark.parametrize(
    "claim", ["content", "9" * 15, "9" * 16, "007", "-7", "7.0", "\N{ARABIC-INDIC DIGIT SEVEN}", ""]
)
def test_a_size_that_is_not_the_files(payloads: Payloads, claim: str) -> None:
    """Whatever size a reference claims, it is refused before memory is allocated."""
    name, _, sha256 = payloads.put("job.work", b"content").split(":")
    with pytest.raises(Damaged):
        payloads.get(f"{name}:{claim}:{sha256}")


PATHS = ["../secret", "..", ".", "", "/", "/secret", "se/cret", "x/../../secret", "\\secret", "..\\secret"]
BAD_NAMES = [*PATHS, ".secret", "SECRET", "secret\n", "\nsecret", "sec\0ret", "sécret", "sec ret", "a:b", "a" * 101]


@pytest.mark.parametrize("name", [*BAD_NAMES, "{absolute}"])
def test_a_path_in_a_reference_leads_nowhere(payloads: Payloads, tmp_path: Path, name: str) -> None:
    """Nothing that isn't a plain name is read, removed or written, wherever it leads."""
    payloads.put("job.work", b"content")
    for folder in ("", "payloads/", "payloads/se/", "payloads/../"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "secret").write_bytes(b"secret")
    before = files(tmp_path)
    name = name.format(absolute=tmp_path / "secret")
    for use in (payloads.get, payloads.drop):
        with pytest.raises(Damaged):
            use(ref(name, b"secret"))
    with pytest.raises(ValueError, match="not a name"):
        payloads.put(name, b"changed")
    assert files(tmp_path) == before
    assert (tmp_path / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("reference", ["", "job.work", "job.work:7", ref("job.work") + "\n", " " + ref("job.work")])
def test_what_is_no_reference(payloads: Payloads, reference: str) -> None:
    """Anything else that may stand in the ledger is damage, too."""
    payloads.put("job.work", b"")
    for use in (payloads.get, payloads.drop):
        with pytest.raises(Damaged):
            use(reference)
    assert payloads.get(ref("job.work")) == b""


def test_puts_at_once(tmp_path: Path) -> None:
    """Threads and processes that put at the same moment, into folders that nobody has made yet, all find their own."""
    threads = 8
    together = threading.Barrier(threads)
    houses = [Payloads(tmp_path / "store") for _ in range(2)]

    def put(number: int) -> list[tuple[str, bytes]]:
        together.wait(DEADLINE_S)
        contents = {f"{letter}{number}.work": b"%d" % number * 1000 for letter in "abcd"}
        return [(houses[number % 2].put(name, content), content) for name, content in contents.items()]

    with ThreadPoolExecutor(threads) as pool:
        made = [pair for pairs in pool.map(put, range(threads)) for pair in pairs]
    assert all(houses[0].get(reference) == content for reference, content in made)
    assert len(files(tmp_path)) == len(made) == 4 * threads


def test_puts_of_the_same_at_once(payloads: Payloads, tmp_path: Path) -> None:
    """A result that is put twice at the same moment is there once, and whole at every moment."""
    content = b"content" * 10_000
    reference = payloads.put("job.1.result", content)
    with ThreadPoolExecutor(4) as pool:
        puts = [pool.submit(payloads.put, "job.1.result", content) for _ in range(40)]
        gets = [pool.submit(payloads.get, reference) for _ in range(40)]
        assert {put.result() for put in puts} == {reference}
        assert {get.result() for get in gets} == {content}
    assert files(tmp_path) == ["payloads/jo/job.1.result"]


def test_a_full_disk_refuses_and_keeps_nothing(tmp_path: Path) -> None:
    """Whichever step of a put finds the disk full, the caller may try again, and no file is left in its way."""
    disk = FullDisk(free=100)
    Payloads(tmp_path / "enough/store", DurableFiles(disk.fsync)).put("job.work", b"content")
    steps = 100 - disk.free
    assert steps >= 4
    for free in range(steps):
        disk.free = free
        store = tmp_path / f"{free}/store"
        payloads = Payloads(store, DurableFiles(disk.fsync))
        with pytest.raises(Unavailable, match="No space left on device"):
            payloads.put("job.work", b"content")
        assert files(tmp_path / f"{free}") == []
        disk.free = steps
        assert payloads.get(payloads.put("job.work", b"content")) == b"content"


@pytest.mark.parametrize("free", range(2))
def test_a_full_disk_leaves_what_was_put_before(tmp_path: Path, free: int) -> None:
    """A second put of the same that fails takes nothing from those who hold the first's reference."""
    disk = FullDisk(free=100)
    payloads = Payloads(tmp_path, DurableFiles(disk.fsync))
    reference = payloads.put("job.work", b"content")
    disk.free = free
    with pytest.raises(Unavailable):
        payloads.put("job.work", b"content")
    assert payloads.get(reference) == b"content"
    assert files(tmp_path) == ["payloads/jo/job.work"]


def test_a_disk_that_fails(tmp_path: Path) -> None:
    """Where no file can be, every method says that the store doesn't answer, and nothing else escapes."""
    (tmp_path / "payloads").touch()
    payloads = Payloads(tmp_path)
    uses: list[Callable[[], object]] = [
        lambda: payloads.put("job.work", b""),
        lambda: payloads.get(ref("job.work")),
        lambda: payloads.drop(ref("job.work")),
        lambda: payloads.sweep(lambda name: False, 0, NOW_S),
    ]
    for use in uses:
        with pytest.raises(Unavailable, match="store"):
            use()


def test_a_sweep_removes_what_is_old_and_unwanted(payloads: Payloads, tmp_path: Path) -> None:
    """What is young stays, whatever it is; of what is old, only what is wanted; leftovers are never wanted."""
    for name, age_s in (("aa.work", 101), ("ab.work", 101), ("ac.work", 99), ("ad.work", -50)):
        payloads.put(name, b"")
        aged(tmp_path / "payloads" / name[:2] / name, age_s)
    for name, age_s in ((LEFTOVER, 101), (LEFTOVER.replace("0af3", "1"), 99)):
        (tmp_path / "payloads" / name).touch()
        aged(tmp_path / "payloads" / name, age_s)
    names = []

    def keep(name: str) -> bool:
        names.append(name)
        return name == "ab.work"

    assert payloads.sweep(keep, older_than_s=100, now_s=NOW_S) == 2
    assert sorted(names) == ["aa.work", "ab.work"]
    left = ["payloads/ab/ab.work", "payloads/ac/ac.work", "payloads/ad/ad.work"]
    assert files(tmp_path) == [f"payloads/{LEFTOVER.replace('0af3', '1')}", *left]
    assert payloads.sweep(keep, older_than_s=100, now_s=NOW_S) == 0


def test_a_sweep_touches_nothing_else(payloads: Payloads, tmp_path: Path) -> None:
    """What somebody else laid into the folder, and the models beside it, are none of its business."""
    others = ["models/m/x", "payloads/README", "payloads/aa/ab.work", "payloads/aa/Aa", "payloads/aa/.a", "aa/aa.work"]
    for other in (*others, "payloads/aa/aa/aa"):
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).touch()
        aged(tmp_path / other, 1000)
    assert payloads.sweep(lambda name: False, older_than_s=1, now_s=NOW_S) == 0
    assert files(tmp_path) == sorted([*others, "payloads/aa/aa/aa"])


def test_a_sweep_of_nothing(payloads: Payloads) -> None:
    """Before the first put there is no folder, and nothing to remove."""
    assert payloads.sweep(lambda name: False, older_than_s=0, now_s=NOW_S) == 0


def test_sweeps_at_once(payloads: Payloads, tmp_path: Path) -> None:
    """A file that another sweep, or a drop, removes in between is no failure, and counted once at most."""
    references = [payloads.put(f"{number:02}.work", b"") for number in range(20)]
    for path in tmp_path.glob("payloads/*/*"):
        aged(path, 1000)

    def keep(name: str) -> bool:
        payloads.drop(references[0])
        swept.append(Payloads(tmp_path).sweep(lambda name: re.match("0", name) is None, 1, NOW_S))
        return False

    swept: list[int] = []
    swept.append(payloads.sweep(keep, older_than_s=1, now_s=NOW_S))
    assert sum(swept) == 19
    assert files(tmp_path) == []


def test_uploads_of_killed_processes_are_removed_and_those_that_come_now_are_not(tmp_path: Path) -> None:
    payloads, now_s = Payloads(tmp_path), 1_000_000.0
    ages_s = {"aa-unfinished": 7_200, "bb-growing": 60, "cc-whole": 2 * 86_400, "dd-young": 7_200}
    for name, age_s in ages_s.items():
        writer = payloads.writer(f"{name}.file")
        writer.begin()
        writer.write(b"1")
        if name.startswith(("cc", "dd")):
            writer.finish()
        for path in tmp_path.rglob(f"*{name}.file*"):
            os.utime(path, (now_s - age_s, now_s - age_s))
    result = payloads.put("ee-result", b"2")
    os.utime(payloads.path(result), (0, 0))
    assert payloads.sweep_uploads(now_s) == 2
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert [name.strip(".")[:8] for name in left] == ["bb-growi", "dd-young", "ee-resul"]
