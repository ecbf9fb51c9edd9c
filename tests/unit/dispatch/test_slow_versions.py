"""Versions leave the event loop when they are slow, and come back when it was the machine that was."""

from app.dispatch.slow_versions import (
    FEW_ROWS,
    MAX_PAUSE_S,
    PAUSE_S,
    QUICK_S,
    SLOW_CALLS,
    SLOW_S,
    TRIED_S,
    SlowVersions,
    is_slow,
)

VERSION = "mean", 1


def off_the_loop(took_s: float = SLOW_S) -> SlowVersions:
    versions = SlowVersions()
    for _ in range(SLOW_CALLS):
        versions.add(VERSION, took_s, 0.0, on_loop=True)
    return versions


def test_what_is_slow() -> None:
    """Few rows have a millisecond, as they gain by a shared call; more rows have five."""
    assert not is_slow(QUICK_S, 1)
    assert is_slow(2 * QUICK_S, FEW_ROWS)
    assert not is_slow(2 * QUICK_S, FEW_ROWS + 1)
    assert is_slow(2 * SLOW_S, FEW_ROWS + 1)


def test_one_slow_call_is_none() -> None:
    """A version stays on the loop until it is slow several times in a row; other versions stay in any case."""
    versions = SlowVersions()
    assert not versions
    versions.add(VERSION, SLOW_S, 0.0, on_loop=True)
    assert not versions.keeps_off(VERSION, 0.0)
    versions.add(VERSION, SLOW_S, 0.0, on_loop=True)
    assert versions.keeps_off(VERSION, 0.0)
    assert not versions.keeps_off(("mean", 2), 0.0)


def test_a_quick_call_brings_it_back() -> None:
    """In a thread it is quick: it was the machine that was slow."""
    versions = off_the_loop()
    versions.discard(VERSION)
    assert not versions.keeps_off(VERSION, 0.0)
    assert not versions


def test_slow_calls_in_threads_take_no_version_off_the_loop() -> None:
    """There a quick one may look slow."""
    versions = SlowVersions()
    for _ in range(5):
        versions.add(VERSION, SLOW_S, 0.0, on_loop=False)
    assert not versions


def test_it_is_tried_again_now_and_then() -> None:
    """After a pause one call is made on the loop; each that is slow doubles the pause, up to a minute."""
    versions, now_s, pause_s = off_the_loop(), 0.0, PAUSE_S
    for _ in range(10):
        assert versions.keeps_off(VERSION, now_s + 0.99 * pause_s)
        now_s += pause_s
        assert not versions.keeps_off(VERSION, now_s)
        versions.add(VERSION, SLOW_S, now_s, on_loop=True)
        pause_s = min(2 * pause_s, MAX_PAUSE_S)


def test_what_is_slow_by_itself_is_not_tried_again() -> None:
    """No other request waits for a call that is known to take long."""
    versions = off_the_loop()
    versions.add(VERSION, 2 * TRIED_S, 1.0, on_loop=False)
    assert versions.keeps_off(VERSION, 1e6)
    versions.add(VERSION, TRIED_S, 2.0, on_loop=False)
    assert not versions.keeps_off(VERSION, 1e6)
