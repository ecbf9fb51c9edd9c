"""The page when some of its data cannot be read: it says so, and shows the rest."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from app.bootstrap import build
from app.data.records import ColumnRecords
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


def classified(folder: Path, classes: int) -> None:
    """A version of a classifier of so many classes."""
    service: Service = build(settings(folder, Mode.SYNC)).service
    rows = [{"x": float(i % 7), "y": f"label {i % classes} <&>"} for i in range(20 * classes)]
    data = ColumnRecords(
        [[row["x"] for row in rows], [row["y"] for row in rows]], ["x", "y"], "/data/columns", range(2)
    )
    request = Request(model="logistic", data=data, target=["y"])
    service.run(service.check("fit", request), "job", created_s=0.0)


def test_a_classifier_is_drawn(tmp_path: Path) -> None:
    """Its confusion matrix, the ROC curve of two classes, and how well each class is predicted."""
    classified(tmp_path, 2)
    page = home_page(tmp_path, "?model=logistic")
    assert page.status_code == 200
    for text in (
        "Confusion matrix",
        "ROC curve",
        "Accuracy",
        "Log loss",
        '<td class="n">40</td>',
        "label 1 &lt;&amp;&gt;",
    ):
        assert text in page.text
    assert "<&>" not in page.text and "Residuals" not in page.text


@pytest.mark.parametrize(("classes", "drawn"), [(3, True), (30, False)])
def test_a_classifier_of_many_classes_says_why_it_is_not_drawn(tmp_path: Path, classes: int, *, drawn: bool) -> None:
    classified(tmp_path, classes)
    page = home_page(tmp_path, "?model=logistic")
    assert page.status_code == 200
    assert ("Confusion matrix" in page.text) is drawn
    assert ("There are 30 classes, too many to draw." in page.text) is not drawn
    assert "ROC curve" not in page.text
