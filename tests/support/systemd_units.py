"""The units of deploy/systemd: parsed, and their commands run with their environment, as systemd does."""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import OURS, ROOT

UNITS = ROOT / "deploy" / "systemd"
INSTALLED = "/opt/trinity"
ENVIRONMENT = "/etc/trinity/trinity.env"
Unit = dict[str, list[str]]


def unit(name: str) -> Unit:
    """The settings of an installed unit, `trinity-worker@2.service` say, with those of its drop-ins after its own."""
    template = re.sub(r"@\w+\.", "@.", name)
    found: Unit = {}
    for file in (UNITS / template, *sorted((UNITS / f"{name}.d").glob("*.conf"))):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line and line[0] not in "#[":
                key, _, value = line.partition("=")
                found.setdefault(key, []).append(value)
    return found


def environment(parsed: Unit, file: Path) -> dict[str, str]:
    """What the unit's process sees; `file` stands for /etc/trinity/trinity.env, and wins over Environment= as there."""
    assert parsed["EnvironmentFile"] == [ENVIRONMENT]
    lines = [*parsed.get("Environment", []), *file.read_text(encoding="utf-8").splitlines()]
    own = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {key: value for key, value in os.environ.items() if not key.startswith(OURS)} | own


def command(parsed: Unit, env: Mapping[str, str], instance: str = "") -> list[str]:
    """The words of ExecStart: specifiers and variables replaced, the program looked for in this checkout."""
    (line,) = parsed["ExecStart"]
    line = line.replace("%i", instance).replace("%%", "%")
    line = re.sub(r"\$\{(\w+)\}", lambda found: env[found[1]], line)
    program, *words = shlex.split(line)
    return [program.replace(INSTALLED, str(ROOT)), *words]


@contextmanager
def running(
    name: str, file: Path, log: Path, replace: Mapping[str, str] | None = None, **more: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """The unit's process, killed unless the test stopped it; `replace` has other words for some of its command."""
    parsed = unit(name)
    env = environment(parsed, file) | more
    words = command(parsed, env, instance=name.partition("@")[2].removesuffix(".service"))
    words = [(replace or {}).get(word, word) for word in words]
    with log.open("wb") as out:
        process = subprocess.Popen(words, cwd=ROOT, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def stop(name: str, process: "subprocess.Popen[bytes]") -> int:
    """Stop the unit's process as systemd does, within TimeoutStopSec; return its exit status."""
    parsed = unit(name)
    process.send_signal(signal.Signals[parsed["KillSignal"][0]])
    return process.wait(int(parsed["TimeoutStopSec"][0]))
