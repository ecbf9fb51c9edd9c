"""Log lines on a pipe arrive whole and in order, and no writer waits for the reader."""

import fcntl
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.telemetry.stderr_writer import MAX_QUEUED_BYTES, LineWriter
from tests.support.fakes import DEADLINE_S


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(writing)
    os.close(reading)


def everything(reading: int) -> bytes:
    """What is in a pipe, whose writers have written all."""
    os.set_blocking(reading, False)
    found = b""
    while True:
        try:
            found += os.read(reading, 65_536)
        except BlockingIOError:
            return found


def test_what_is_written_arrives(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    writer.write(b"one\n")
    writer.write(b"two\nthree\n")
    writer.flush()
    assert os.read(pipe[0], 100) == b"one\ntwo\nthree\n"


def test_nobody_waits_for_a_reader_and_all_lines_come_in_order(pipe: tuple[int, int]) -> None:
    """Far more than the pipe holds is taken at once; it arrives when somebody reads."""
    reading, writing = pipe
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    lines = [b"line %d\n" % number for number in range(5000)]
    writer = LineWriter(writing)
    begun = time.monotonic()
    for line in lines:
        writer.write(line)
    assert time.monotonic() - begun < 1
    found: list[bytes] = []

    def read() -> None:
        while sum(map(len, found)) < sum(map(len, lines)):
            found.append(os.read(reading, 1000))

    thread = threading.Thread(target=read)
    thread.start()
    writer.flush()
    thread.join(10)
    assert b"".join(found) == b"".join(lines)


def test_a_reader_that_never_reads_costs_a_bounded_time_and_memory(pipe: tuple[int, int]) -> None:
    """So does the end of the process. When the reader reads again, a line says how many lines were dropped."""
    reading, writing = pipe
    writer = LineWriter(writing)
    line = b"x" * 1023 + b"\n"
    for _ in range(2 * MAX_QUEUED_BYTES // len(line)):
        writer.write(line)
    begun = time.monotonic()
    writer.flush(0.2)
    assert time.monotonic() - begun < 1
    found = b""
    while b"dropped" not in found:
        found += os.read(reading, 65_536)
    found += everything(reading)
    assert re.search(rb'\n\{"timestamp":"20[^"]+Z","level":"warning","event":"[^"]+","lines":\d+\}\n', found)
    in_the_pipe_and_at_its_end = 65_536 + len(line)
    assert found.count(b"x\n") * len(line) <= MAX_QUEUED_BYTES + len(line) + in_the_pipe_and_at_its_end


def test_lines_of_several_writers_do_not_mix(pipe: tuple[int, int]) -> None:
    """Two of them, as two processes have them, write to one pipe that is full most of the time: each line is whole."""
    reading, writing = pipe
    writers = [LineWriter(writing), LineWriter(writing)]
    lines = {number: b"%d" % number * 300 + b"\n" for number in range(2)}
    threads = [threading.Thread(target=lambda n=n: [writers[n].write(lines[n] * 20) for _ in range(50)]) for n in lines]
    for thread in threads:
        thread.start()
    found = b""
    while len(found) < 2 * 50 * 20 * len(lines[0]):
        found += os.read(reading, 10_000)
    for thread in threads:
        thread.join()
    assert set(found.splitlines(keepends=True)) == set(lines.values())


def test_a_long_line_arrives_whole(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    writer.write(b"y" * 20_000 + b"\nz\n")
    writer.flush()
    assert everything(pipe[0]) == b"y" * 20_000 + b"\nz\n"


def test_a_reader_that_is_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    writer = LineWriter(writing)
    os.close(reading)
    writer.write(b"nobody\n")
    writer.write(b"nor here\n")
    begun = time.monotonic()
    writer.flush(DEADLINE_S)
    assert time.monotonic() - begun < DEADLINE_S / 2
    os.close(writing)


def test_files_are_written_where_others_write(tmp_path: Path) -> None:
    """The position is shared: what another wrote in between stays."""
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    writer = LineWriter(descriptor)
    writer.write(b"ours\n")
    writer.flush()
    os.write(descriptor, b"theirs\n")
    writer.write(b"ours\n")
    writer.flush()
    os.close(descriptor)
    assert path.read_bytes() == b"ours\ntheirs\nours\n"


def test_a_descriptor_that_another_program_made_non_blocking_is_waited_for(pipe: tuple[int, int]) -> None:
    """The flag belongs to the pipe, and so to every process that has it."""
    reading, writing = pipe
    os.set_blocking(writing, False)
    writer = LineWriter(writing)
    line = b"z" * 9_999 + b"\n"
    for _ in range(30):
        writer.write(line)
    found = b""
    while len(found) < 30 * len(line):
        found += os.read(reading, 65_536)
    assert found == line * 30


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_writes_nothing_twice(pipe: tuple[int, int]) -> None:
    """What waits in the parent is the parent's to write; the child writes its own, and each line arrives once."""
    reading, writing = pipe
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    writer = LineWriter(writing)
    lines = {b"a" * 4000 + b"\n", b"b" * 200 + b"\n"}
    for line in sorted(lines):
        writer.write(line)
    child = os.fork()
    if child == 0:
        try:
            writer.write(b"child\n")
            writer.flush(DEADLINE_S)
        finally:
            os._exit(0)
    lines.add(b"child\n")
    found = b""
    while len(found) < sum(map(len, lines)):
        found += os.read(reading, 65_536)
    os.waitpid(child, 0)
    writer.flush()
    found += everything(reading)
    assert sorted(found.splitlines(keepends=True)) == sorted(lines)
