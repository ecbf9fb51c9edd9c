"""Files in and out of a whole service: by nginx in front of it, and in memory that does not grow with the file."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.api import Api
from tests.support.file_models import PNG
from tests.support.proxy import nginx
from tests.support.servers import ROOT
from tests.support.trinity import trinity

MODELS = "app.model.models,tests.support.file_models"
MIB = 1024 * 1024
SIZE = 100 * MIB


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("files")
    with trinity("redis", folder, TRINITY_MODELS=MODELS, TRINITY_ACCEL_REDIRECT="/result-files") as running:
        running.result("models/measurer/fit", {})
        running.result("models/upper/fit", {})
        yield running


def web_bytes(api: Api) -> int:
    """The memory of the web processes, of which each may hold what others share."""
    web = next(server for server in api.servers if server.name.startswith("web"))
    main = psutil.Process(web.process.pid)
    return max(each.memory_info().rss for each in main.children(recursive=True))


def test_a_file_of_100_mb_passes_through_a_web_process_that_grows_by_less_than_16(api: Api) -> None:
    def pieces() -> Iterator[bytes]:
        yield PNG
        for _ in range(SIZE // MIB - 1):
            yield b"\0" * MIB

    api.finished(api.http.post("/models/measurer/predict", content=PNG, headers={"Prefer": "wait=30"}))
    before = web_bytes(api)
    found = api.finished(api.http.post("/models/measurer/predict", content=pieces(), timeout=120))
    assert found["result"]["bytes"] == len(PNG) + SIZE - MIB
    assert web_bytes(api) - before < 16 * MIB


CLIENT = """
import resource, sys
from pathlib import Path
from app.client import Client
url, picture, document, result, small = sys.argv[1:]
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Client(url) as client, open(result, "w+b") as file:
    client.predict_file("upper", small).file()
    before = peak()
    print(client.predict_file("measurer", picture).result()["bytes"])
    client.predict_file("upper", document).save_file(file)
    print(peak() - before)
"""


def test_the_client_sends_100_mb_and_saves_40_and_grows_by_less_than_16(api: Api, tmp_path: Path) -> None:
    names = ("picture", "document", "result", "small")
    picture, document, result, small = paths = [tmp_path / name for name in names]
    small.write_text("hello")
    for path, head, size in ((picture, PNG, SIZE), (document, b"", 40 * MIB)):
        with path.open("wb") as file:
            file.write(head)
            for _ in range(size // MIB - bool(head)):
                file.write(b"a" * MIB)
    web, store = str(api.http.base_url).rstrip("/").removeprefix("http://"), api.servers[-1].log.parent / "store"
    with nginx(tmp_path, f"server {web}", TRINITY_STORE=store, TRINITY_MAX_UPLOAD=SIZE + MIB) as url:
        command = [sys.executable, "-c", CLIENT, url, *paths]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    sent_bytes, grown_kib = map(int, ran.stdout.split())
    assert sent_bytes == picture.stat().st_size
    assert result.stat().st_size == document.stat().st_size
    assert grown_kib * 1024 < 16 * MIB


def test_nginx_sends_result_files_whole_and_in_part(api: Api, tmp_path: Path) -> None:
    web = str(api.http.base_url).rstrip("/").removeprefix("http://")
    store = api.servers[-1].log.parent / "store"
    with nginx(tmp_path, f"server {web}", TRINITY_STORE=store) as url, httpx.Client(base_url=url) as http:
        sent = http.post(
            "/models/upper/predict", files={"file": ("a.txt", b"hello world")}, headers={"Prefer": "wait=30"}
        )
        href = sent.json()["result"]["copy1"]["href"]
        whole = http.get(href)
        assert (whole.status_code, whole.content) == (200, b"HELLO WORLD")
        assert whole.headers["Content-Disposition"] == 'attachment; filename="copy1.txt"'
        assert whole.headers["Content-Type"] == "text/plain"
        assert whole.headers["X-Content-Type-Options"] == "nosniff"
        assert whole.headers["Content-Security-Policy"].startswith("sandbox")
        assert "X-Accel-Redirect" not in whole.headers
        part = http.get(href, headers={"Range": "bytes=6-8", "If-Range": whole.headers["ETag"]})
        assert (part.status_code, part.content) == (206, b"WOR")
        assert http.get(href, headers={"Range": "bytes=99-"}).status_code == 416
        assert http.head(href).headers["Content-Length"] == "11"
        (name,) = (store / "payloads").glob(f"*/{sent.json()['id']}.*.out")
        assert http.get(f"/result-files/{name.parent.name}/{name.name}").status_code == 404
        assert api.http.get(href).headers["X-Accel-Redirect"] == f"/result-files/{name.parent.name}/{name.name}"
