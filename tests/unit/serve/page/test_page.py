"""The page when some of its data cannot be read: it says so, and shows the rest."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from app.bootstrap import build
from app.dispatch.inline import InlineDispatcher
from app.errors import Unavailable
from app.schemas.jobs import Job, JobQuery
from app.schemas.requests import Request
from app.serve.app import create_app
from app.service import Service
from app.settings import Mode, Settings
from tests.support.fakes import pool, run

HTML = {"Accept": "text/html"}


class Away(InlineDispatcher):
    """A dispatcher whose jobs cannot be read."""

    async def jobs(self, query: JobQuery) -> tuple[list[Job], str | None]:
        raise Unavailable("the ledger doesn't answer")


def settings(folder: Path, mode: Mode) -> Settings:
    urls = {} if mode is Mode.SYNC else {"broker_url": "redis://nowhere/1", "ledger_url": "redis://nowhere/0"}
    return Settings(mode=mode, store=str(folder), **urls)  # type: ignore[arg-type]


def home_page(folder: Path, query: str = "", mode: Mode = Mode.SYNC) -> httpx.Response:
    """The page of a new application."""

    async def answered() -> httpx.Response:
        site = build(settings(folder, mode))
        with pool(1) as threads:
            kind = InlineDispatcher if mode is Mode.SYNC else Away
            api: Any = create_app(site.settings, site.service, kind(site.service, threads, 1), threads, {})
            async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://here") as client:
                return await client.get(f"/{query}", headers=HTML)

    return run(answered())


def fitted(folder: Path) -> Path:
    """The folder of the default model, which has one version."""
    service: Service = build(settings(folder, Mode.SYNC)).service
    service.run(service.check("fit", Request()), "job", created_s=0.0)
    return folder / "models" / "polynomial"


def unreadable(file: Path) -> None:
    """Replace a file by a folder, which not even root can read as a file."""
    file.unlink()
    file.mkdir()


def test_an_alias_that_cannot_be_read_hides_no_version(tmp_path: Path) -> None:
    """The list of versions says so, and still has them by number."""
    unreadable(fitted(tmp_path) / "aliases" / "latest")
    answer = home_page(tmp_path, "?model=polynomial&version=1")
    assert answer.status_code == 200
    assert "The aliases can’t be read now." in answer.text
    assert 'href="/?model=polynomial&amp;version=1"' in answer.text
    latest = home_page(tmp_path)
    assert (latest.status_code, latest.headers["Retry-After"]) == (503, "2")
    assert "The store can’t be read now." in latest.text


@pytest.mark.parametrize("file", ["manifest.json", "sample.npz"])
def test_a_version_of_which_a_file_cannot_be_read(tmp_path: Path, file: str) -> None:
    """Without the manifest it cannot be shown; without the sample it is not drawn."""
    unreadable(fitted(tmp_path) / "versions" / "1" / file)
    answer = home_page(tmp_path)
    assert answer.status_code == (503 if file == "manifest.json" else 200)
    assert "The store can’t be read now." in answer.text
    assert str(tmp_path) not in answer.text


def test_jobs_that_cannot_be_read_are_not_said_to_be_none(tmp_path: Path) -> None:
    answer = home_page(tmp_path, mode=Mode.ASYNC)
    assert "The jobs can’t be read now: the ledger doesn&#39;t answer." in answer.text
    assert "No jobs yet." not in answer.text


def test_a_damaged_version_is_no_missing_one(tmp_path: Path) -> None:
    (fitted(tmp_path) / "versions" / "1" / "manifest.json").write_bytes(b"{")
    answer = home_page(tmp_path)
    assert answer.status_code == 500
    assert "damaged" in answer.text
