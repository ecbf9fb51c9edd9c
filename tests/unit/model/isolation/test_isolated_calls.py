"""Calls in a child: what it may take, and that whatever it does, the caller gets an answer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from app.errors import Fault
from app.model.isolation.environment import short_environment
from app.model.isolation.isolated_calls import CallFailed, CallLimits, IsolatedCalls
from app.model.progress import reporting, wanted_while
from tests.support.servers import until

HERE = "tests.unit.model.isolation.calls"
SLOW = "tests.unit.model.isolation.slow_library"
MIB = 1024**2


@pytest.fixture(scope="module")
def calls() -> Iterator[IsolatedCalls]:
    isolated = IsolatedCalls(CallLimits(256 * MIB, 2.0), preload=["numpy", "there_is_no_such_module"])
    yield isolated
    isolated.close()


def test_a_call_returns_what_its_function_returns(calls: IsolatedCalls) -> None:
    assert calls.call(f"{HERE}:echoed", value={"a": [1, 2.5, "é", None]}) == {"a": [1, 2.5, "é", None]}


def test_each_call_has_a_child_of_its_own_of_one_server(calls: IsolatedCalls) -> None:
    (server, child), (same, other) = calls.call(f"{HERE}:pids"), calls.call(f"{HERE}:pids")
    assert server == same != os.getpid()
    assert child != other


def test_an_error_of_ours_comes_back_with_its_pointers(calls: IsolatedCalls) -> None:
    with pytest.raises(CallFailed, match="not good") as caught:
        calls.call(f"{HERE}:refused")
    assert caught.value.failure is not None
    assert caught.value.failure.errors == [Fault("/file", "it is not good")]


def test_what_a_call_reports_of_its_progress_is_reported_to_its_caller(calls: IsolatedCalls) -> None:
    said: list[float] = []
    with reporting(lambda fraction, _: said.append(fraction)):
        assert calls.call(f"{HERE}:reported", times=4) == "done"
    assert said == [0, 0.25, 0.5, 0.75]


def test_a_caller_that_ends_at_a_report_ends_nothing_else(calls: IsolatedCalls) -> None:
    with pytest.raises(ZeroDivisionError), reporting(lambda fraction, _: print(1 / fraction)):
        calls.call(f"{HERE}:reported", times=4)
    assert calls.call(f"{HERE}:echoed", value=1) == 1


def test_a_call_that_is_not_wanted_any_more_ends_at_once_with_its_child(calls: IsolatedCalls, tmp_path: Path) -> None:
    """Though it says nothing; and one that is not wanted from the first does not begin."""
    wanted = iter([None, None])
    path = tmp_path / "written"
    began_s = time.monotonic()
    with pytest.raises(StopIteration), wanted_while(lambda: next(wanted)):
        calls.call(f"{HERE}:slept_and_wrote", seconds=1.8, path=str(path))
    assert time.monotonic() - began_s < 1.7
    with pytest.raises(StopIteration), wanted_while(lambda: next(wanted)):
        calls.call(f"{HERE}:slept_and_wrote", seconds=0, path=str(path))
    (server, _) = calls.call(f"{HERE}:pids")
    until(lambda: not psutil.Process(server).children(), "the end of the child")
    assert not path.exists()


def test_what_a_call_needs_is_loaded_before_its_limits_begin() -> None:
    """However long that takes: a slow machine, or a first call, does not make it fail."""
    isolated = IsolatedCalls(CallLimits(64 * MIB, 1.0), needed=[SLOW])
    try:
        assert isolated.call(f"{SLOW}:used") == 96 * MIB
    finally:
        isolated.close()


def test_any_other_error_comes_back_in_words(calls: IsolatedCalls) -> None:
    with pytest.raises(CallFailed, match="raised KeyError: 'nothing'"):
        calls.call(f"{HERE}:raised")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL, signal.SIGBUS])
def test_a_child_that_dies_fails_its_call_alone(calls: IsolatedCalls, number: signal.Signals) -> None:
    with pytest.raises(CallFailed, match=number.name) as caught:
        calls.call(f"{HERE}:killed", number=number)
    [fault] = caught.value.refusal("the file").faults
    assert ("write it again" in fault.detail, "Try again" in fault.detail) == (
        number != signal.SIGKILL,
        number == signal.SIGKILL,
    )
    assert calls.call(f"{HERE}:echoed", value=1) == 1


@pytest.mark.parametrize(("name", "arguments"), [("looped", {}), ("slept", {"seconds": 60})])
def test_a_child_that_takes_too_long_is_ended(calls: IsolatedCalls, name: str, arguments: dict[str, float]) -> None:
    started_s = time.monotonic()
    with pytest.raises(CallFailed, match="too long"):
        calls.call(f"{HERE}:{name}", **arguments)
    assert time.monotonic() - started_s < 30


def test_a_child_gets_no_more_memory_than_it_may(calls: IsolatedCalls) -> None:
    assert calls.call(f"{HERE}:filled", size_bytes=64 * MIB) == 64 * MIB
    with pytest.raises(CallFailed, match=f"more than {256 * MIB} bytes"):
        calls.call(f"{HERE}:filled", size_bytes=512 * MIB)


def test_a_child_writes_no_files(calls: IsolatedCalls, tmp_path: Path) -> None:
    with pytest.raises(CallFailed):
        calls.call(f"{HERE}:wrote", path=str(tmp_path / "file"))
    assert not (tmp_path / "file").exists() or (tmp_path / "file").stat().st_size == 0


def test_a_child_gets_no_variable_that_may_be_a_secret() -> None:
    names = ["TRINITY_API_KEYS", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "PGPASSWORD", "HTTPS_PROXY", "HOME"]
    secrets = dict.fromkeys(names, "secret")
    kept = {"PATH": os.environ["PATH"], "TZ": "Europe/Zurich", "LC_ALL": "C.UTF-8", "OMP_WAIT_POLICY": "passive"}
    fresh = IsolatedCalls(CallLimits(64 * MIB, 5.0), environment=short_environment({**secrets, **kept}))
    try:
        found = fresh.call(f"{HERE}:variables")
    finally:
        fresh.close()
    assert set(kept) <= set(found)
    assert not set(secrets) & set(found)
    assert "ORT_DISABLE_TELEMETRY" in found


def test_a_child_gets_no_descriptor_but_that_of_its_call() -> None:
    """Not even one that a library opened for children."""
    inherited = [os.open(os.devnull, os.O_RDONLY) for _ in range(10)]
    for each in inherited:
        os.set_inheritable(each, True)  # noqa: FBT003  it takes no name
    fresh = IsolatedCalls(CallLimits(64 * MIB, 5.0))
    try:
        found = fresh.call(f"{HERE}:descriptors")
    finally:
        fresh.close()
        for each in inherited:
            os.close(each)
    # 0 to 2 are /dev/null; then the pipe that wakes the server, the socket of the call, and the folder that is listed
    assert len(found) <= 3 + 2 + 1 + 1, found


def test_onnxruntime_writes_nothing_about_its_use(tmp_path: Path) -> None:
    """In any process of the service, whatever loads the library."""
    command = "import app, onnxruntime as o, os; o.SessionOptions(); print(len(os.listdir('/proc/self/task')))"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", command], env=environment, check=True, timeout=60)
    assert list(tmp_path.rglob("*")) == []


def test_threads_call_at_once(calls: IsolatedCalls) -> None:
    started_s = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda value: calls.call(f"{HERE}:echoed", value=value), range(40)))
        list(pool.map(lambda _: calls.call(f"{HERE}:slept", seconds=0.5), range(8)))
    assert found == list(range(40))
    assert time.monotonic() - started_s < 20


def test_a_server_that_is_lost_is_replaced(calls: IsolatedCalls) -> None:
    server, _ = calls.call(f"{HERE}:pids")
    os.kill(server, signal.SIGKILL)
    other, _ = calls.call(f"{HERE}:pids")
    assert other != server


def test_the_server_ends_with_its_user() -> None:
    calls = IsolatedCalls(CallLimits(64 * MIB, 5.0))
    server, _ = calls.call(f"{HERE}:pids")
    calls.close()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_a_call_within_a_call_has_the_bounds_of_both(calls: IsolatedCalls) -> None:
    assert calls.call(f"{HERE}:nested", memory_bytes=1024 * MIB, time_s=60.0) == [
        3,
        0,
    ]  # a second beyond the 2 s of the outer one
    assert calls.call(f"{HERE}:nested", memory_bytes=128 * MIB, time_s=1.0) == [1, 0]
