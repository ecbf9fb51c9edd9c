"""The project installed: built into a wheel, put into an environment of its own, and used from another folder."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app import __version__
from tests.support import servers
from tests.support.servers import OURS, ROOT, Launch, responds, served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SOURCES = ("pyproject.toml", "README.md", "LICENSE")
TABLE = ROOT / "tests" / "data" / "longley.csv"
LOCKED = ROOT / "requirements" / "server.txt"
FITTED = ("--target", "employed", "--model", "multivariate")


def environment(**own: str) -> dict[str, str]:
    """The environment of a user who has set nothing for Trinity or for Python; versions are those that are locked."""
    foreign = (*OURS, "PYTHON", "VIRTUAL_ENV")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return {**inherited, "PIP_CONSTRAINT": str(LOCKED), "PIP_DISABLE_PIP_VERSION_CHECK": "1", **own}


def run(*command: str | Path, cwd: Path, code: int = 0, **env: str) -> str:
    """What a command prints that ends with `code`."""
    done = subprocess.run(command, cwd=cwd, env=environment(**env), capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def wheel(folder: Path) -> Path:
    """The wheel of the project, built from a copy: setuptools leaves its own folders beside the sources."""
    source = folder / "source"
    shutil.copytree(ROOT / "app", source / "app")
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, source, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and an empty folder to work in."""

    bin: Path
    folder: Path

    @classmethod
    def into(cls, folder: Path, extra: str = "") -> "Installed":
        built, target, work = wheel(folder), folder / "environment", folder / "work"
        venv.create(target, symlinks=True)
        work.mkdir()
        installed = cls(target / "bin", work)
        installed.pip("install", f"{built}{extra}")
        return installed

    def pip(self, *arguments: str) -> str:
        """What pip prints, which works on this environment from outside: a Debian may not have it for a new one."""
        return run(sys.executable, "-m", "pip", "--python", self.bin / "python", *arguments, cwd=self.folder)

    def __call__(self, program: str, *arguments: str | Path, code: int = 0, **env: str) -> str:
        """What one of its programs prints."""
        return run(self.bin / program, *arguments, cwd=self.folder, code=code, **env)

    @contextmanager
    def serve(self, **env: str) -> Iterator[str]:
        """The address at which `trinity serve` answers."""

        def launch() -> Launch:
            url = f"127.0.0.1:{servers.free_port()}"
            return self._launch(url, lambda _: responds(f"http://{url}/ping"), env, "serve", "--bind", url)

        with served("serve", self.folder, launch) as server:
            yield f"http://{server.url}"

    @contextmanager
    def work(self, **env: str) -> Iterator[None]:
        """A `trinity worker` that is started; its jobs wait until it is ready."""
        launch = self._launch("", lambda _: True, env, "worker", "--queues", "fit,predict,score")
        with served("worker", self.folder, lambda: launch):
            yield

    def _launch(self, url: str, ready: Callable[[Path], bool], env: Mapping[str, str], *command: str) -> Launch:
        return Launch(["env", "--chdir", self.folder, self.bin / "trinity", *command], url, ready, env)


def test_the_wheel_holds_all_of_app(tmp_path: Path) -> None:
    """Every file, the templates, scripts, pages and licences too, and nothing else."""
    with zipfile.ZipFile(wheel(tmp_path)) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (path for path in (ROOT / "app").rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    assert packed == {str(path.relative_to(ROOT)) for path in files}


def test_the_client_and_the_command_line(tmp_path: Path) -> None:
    """They need few libraries, work with a server, and say what to install for anything else."""
    trinity = Installed.into(tmp_path)
    there = trinity.pip("list", "--format", "freeze").splitlines()
    assert not {"celery", "falcon", "gunicorn", "python-dotenv", "redis", "rich", "scipy"} & {
        line.partition("==")[0] for line in there
    }
    assert trinity("trinity", "--version") == f"trinity, version {__version__}\n"
    assert "Usage: trinity [OPTIONS]" in trinity("trinity", "--help")
    with servers.web(tmp_path / "served") as server:
        remote = ("--server", server.url)
        assert "multivariate version 1" in trinity("trinity", "fit", TABLE, *FITTED, *remote)
        assert trinity("trinity", "predict", TABLE, "--model", "multivariate", *remote).count("\n") == 17
        script = f"from app.client import Client; print(Client({server.url!r}).version('multivariate', 1)['version'])"
        assert trinity("python", "-c", script) == "1\n"
    refused = trinity("trinity", "predict", TABLE, code=1)
    assert "needs the packages of the server" in refused
    assert refused.endswith("is not installed: pip install 'trinity[server]', or use --server URL\n")
    assert trinity("trinity", "serve", code=1).endswith("'gunicorn' is not installed: pip install 'trinity[server]'\n")


def test_the_server(tmp_path: Path) -> None:
    """The extra `server` serves in both modes, with its page, and works with the local store."""
    trinity = Installed.into(tmp_path, "[server]")
    store = {"TRINITY_STORE": str(tmp_path / "store")}
    assert "multivariate version 1" in trinity("trinity", "fit", TABLE, *FITTED, **store)
    assert trinity("trinity", "predict", TABLE, "--model", "multivariate", **store).count("\n") == 17
    with trinity.serve(**store) as url:
        assert httpx.get(f"{url}/models/multivariate/versions/1").status_code == 200
        assert "<html" in httpx.get(url, headers={"Accept": "text/html"}).text
        assert httpx.get(f"{url}/docs").status_code == 200
        assert "trinity_" in httpx.get(f"{url}/metrics").text
    with servers.valkey(tmp_path / "valkey") as valkey:
        queued = {
            "TRINITY_MODE": "async",
            "TRINITY_BROKER_URL": f"{valkey.url}/0",
            "TRINITY_LEDGER_URL": f"{valkey.url}/1",
        }
        with trinity.serve(**store, **queued) as url, trinity.work(**store, **queued):
            done = httpx.post(f"{url}/fit", headers={"Prefer": "wait=30"}, timeout=60)
            assert (done.status_code, done.json()["status"]) == (200, "SUCCESS")


def test_every_extra_has_its_lock_file() -> None:
    """And no lock file is of an extra that went."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {path.stem for path in (ROOT / "requirements").iterdir()} == set(project["optional-dependencies"])
