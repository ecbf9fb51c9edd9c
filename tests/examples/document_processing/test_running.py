"""Document processing as `make example` runs it: over HTTP, with its page, and with a process that is killed."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.examples.harness import Example, arguments, collect_all, example, submit_all
from tests.support import made_documents as made
from tests.support.browser import chromium, missing_chromium, visit
from tests.support.servers import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TEXT = "The solar panels are on the roof. The inverter of the solar panels is new, and the roof is old.\n\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    with example("document_processing", tmp_path_factory.mktemp("documents")) as started:
        yield started


@pytest.fixture
def http(running: Example) -> Iterator[httpx.Client]:
    with running.client() as client:
        yield client


def upload(http: httpx.Client, name: str, content: bytes, form: str = "markdown") -> str:
    answer = http.post("/upload", params={"format": form}, files={"document": (name, content)})
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"].endswith(answer.json()["task_id"])
    assert list(answer.json()) == ["task_id"]
    return str(answer.json()["task_id"])


def ended(http: httpx.Client, task: str) -> dict[str, object]:
    state: dict[str, object] = {}

    def is_ended() -> bool:
        state.update(http.get(f"/elab_status/{task}").raise_for_status().json())
        return state["status"] not in {"PENDING", "STARTED"}

    until(is_ended, f"the end of {task}", 60)
    return state


def test_a_document_comes_back_as_a_download(http: httpx.Client) -> None:
    task = upload(http, "Größe.md", f"# Roof\n\n{TEXT}".encode())
    assert ended(http, task)["status"] == "SUCCESS"
    new = http.get(f"/elab_result/{task}")
    assert new.status_code == 200 and new.headers["Content-Type"].startswith("text/markdown")
    assert new.headers["Content-Disposition"].startswith("attachment")
    assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe-processed.md" in new.headers["Content-Disposition"]
    assert new.text.startswith("# Größe.md\n\nmarkdown, en, 21 words")
    assert "Key terms: solar panels" in new.text


@pytest.mark.parametrize(("form", "start"), [("json", b'{"name":"a.pdf"'), ("pdf", b"%PDF-")])
def test_the_new_document_is_of_the_format_in_the_query(http: httpx.Client, form: str, start: bytes) -> None:
    task = upload(http, "a.pdf", made.pdf(TEXT.strip()), form)
    assert ended(http, task)["status"] == "SUCCESS"
    assert http.get(f"/elab_result/{task}").content.startswith(start)


def test_the_format_may_be_a_field_of_the_form(http: httpx.Client) -> None:
    sent = http.post("/upload", data={"format": "pdf"}, files={"document": ("a.txt", TEXT.encode())})
    task = sent.raise_for_status().json()["task_id"]
    assert ended(http, task)["status"] == "SUCCESS"
    assert http.get(f"/elab_result/{task}").content.startswith(b"%PDF-")


def test_what_is_wrong_with_a_request_is_refused_at_once(http: httpx.Client) -> None:
    files = {"document": ("a.txt", b"text")}
    for name, value in (("format", "rtf"), ("formt", "pdf")):
        refused = http.post("/upload", data={name: value}, files=files)
        assert refused.status_code == 422
        assert [each["pointer"] for each in refused.json()["errors"]] == [f"/{name}"]
    assert http.post("/upload", params={"format": "rtf"}, files=files).status_code == 422
    assert http.post("/upload", files={"picture": ("a.txt", b"text")}).status_code == 422
    for path in ("elab_status", "elab_result"):
        assert http.get(f"/{path}/{'0' * 32}").status_code == 404


@pytest.mark.parametrize("name", ["encrypted.pdf", "scanned.pdf", "bomb.pdf", "bomb.docx", "picture.pdf", "binary.txt"])
def test_a_bad_document_is_a_failure_with_its_reason(http: httpx.Client, running: Example, name: str) -> None:
    make, words = made.REFUSED[name]
    before = {process.pid for process in running.processes() if "celery" in " ".join(arguments(process))}
    task = upload(http, name, make())
    state = ended(http, task)
    assert state["status"] == "FAILURE" and words in str(state["error"])
    assert 400 <= http.get(f"/elab_result/{task}").status_code < 500
    assert before <= {process.pid for process in running.processes()}


def test_a_long_document_says_which_page_it_is_at_and_its_result_comes_when_it_is_there(http: httpx.Client) -> None:
    task = upload(http, "long.pdf", made.pdf(*[TEXT.strip() * 20] * 400))
    seen: list[dict[str, object]] = []

    def is_at_a_page() -> bool:
        seen.append(http.get(f"/elab_status/{task}").json())
        return "progress" in seen[-1] or seen[-1]["status"] not in {"PENDING", "STARTED"}

    until(is_at_a_page, "the first progress", 60)
    assert seen[-1]["status"] == "STARTED", seen[-1]
    assert 0 <= float(str(seen[-1]["progress"])) <= 1 and " of 400" in str(seen[-1]["step"])
    assert http.get(f"/elab_result/{task}").status_code == 409
    assert ended(http, task)["status"] == "SUCCESS"


def test_routes_are_listed_with_an_example(http: httpx.Client) -> None:
    listed = {route["path"]: route for route in http.get("/", headers={"Accept": "application/json"}).json()["routes"]}
    assert {"/upload", "/elab_status/{task_id}", "/elab_result/{task_id}", "/document_processing"} <= listed.keys()
    assert "document=@" in str(listed["/upload"])


def test_the_page_uploads_a_document_and_offers_the_new_one(running: Example, tmp_path: Path) -> None:
    if missing := missing_chromium():
        pytest.skip(missing)
    path = made.write_document(tmp_path, "roof.txt", TEXT)
    wrong = made.write_document(tmp_path, "wrong.pdf", made.png())
    with chromium() as browser, visit(browser, f"{running.url}/document_processing") as page:
        page.page.set_input_files("#document", path)
        page.page.select_option("#format", "pdf")
        page.page.click("button")
        with page.page.expect_download() as download:
            page.page.click("#download")
        assert download.value.suggested_filename == "roof-processed.pdf"
        page.page.set_input_files("#document", wrong)
        page.page.click("button")
        page.page.get_by_text("though its name says pdf").wait_for()


def test_no_task_is_lost_when_a_process_of_a_worker_is_killed(running: Example) -> None:
    def submit(http: httpx.Client, number: int) -> str:
        return upload(http, f"{number}.txt", f"Document number{number}.\n\n{TEXT * 20}".encode(), "json")

    def collect(http: httpx.Client, task: str) -> str | None:
        state = http.get(f"/elab_status/{task}").raise_for_status().json()
        assert state["status"] in {"PENDING", "STARTED", "SUCCESS"}, state
        return str(http.get(f"/elab_result/{task}").json()["name"]) if state["status"] == "SUCCESS" else None

    found = collect_all(running, submit_all(running, submit), collect, kill_after=10)
    assert found == [f"{number}.txt" for number in range(100)]
