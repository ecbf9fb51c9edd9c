"""Models whose input is a file: pictures and documents in, results and files out, alike in sync and in async mode."""

import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx
import pytest
from openapi_spec_validator import validate

from app.client import Client, Invalid, TooLarge, fit_once
from app.errors import NotFound, TrinityError
from tests.support.api import WAIT_S, Api, Json, pointers, problem
from tests.support.file_models import PNG
from tests.support.servers import until
from tests.support.trinity import trinity

MODELS = "app.model.models,tests.support.file_models,tests.support.compared_files,tests.support.isolated_models"
ROUTES = "tests.support.file_routes"
MAX_FILE = 300_000
WAIT = {"Prefer": f"wait={WAIT_S}"}


@pytest.fixture(scope="module", params=["inline", "redis"])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    """A service of file models, and its folder of payloads; both models are fitted."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = {
        "TRINITY_MODELS": MODELS,
        "TRINITY_MAX_FILE": str(MAX_FILE),
        "TRINITY_MAX_BODY": "100000",
        "TRINITY_ROUTES": ROUTES,
    }
    with trinity(request.param, folder, **settings) as api:
        api.result("models/measurer/fit", {"params": {"unit": 2}})
        api.result("models/upper/fit", {})
        yield api, folder / "store" / "payloads"


@pytest.fixture
def api(files: tuple[Api, Path]) -> Api:
    return files[0]


@pytest.fixture(autouse=True)
def nothing_left(files: tuple[Api, Path]) -> Iterator[None]:
    """Hold that no uploaded file stays where its job succeeded or was refused."""
    yield
    until(lambda: not left(files[1]), "files are removed with their jobs")


def left(payloads: Path) -> list[str]:
    return [path.name for path in payloads.glob("*/*") if not path.name.endswith((".out", ".kept"))]


def post(api: Api, path: str, content: bytes, **query: Any) -> httpx.Response:
    return api.http.post(f"/models/{path}", content=content, params=query, headers=WAIT)


def form(api: Api, path: str, *parts: Any, **query: Any) -> httpx.Response:
    return api.http.post(f"/models/{path}", files=list(parts), params=query, headers=WAIT)


def result(api: Api, answer: httpx.Response) -> Json:
    envelope = api.finished(answer)
    assert envelope["status"] == "SUCCESS", envelope
    return envelope["result"]


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def test_a_picture_is_predicted_as_raw_body_and_as_a_field_of_a_form(api: Api) -> None:
    raw = result(api, post(api, "measurer/predict", PNG))
    assert raw == {"width": 64.0, "name": "", "media_type": "image/png", "bytes": len(PNG), "together": 1}
    sent = result(api, form(api, "measurer/predict", ("file", ("../a\\b/c.jpg", PNG, "image/jpeg"))))
    assert (sent["name"], sent["media_type"], sent["width"]) == ("c.jpg", "image/png", 64.0)


def test_options_stand_in_the_query_or_beside_the_file(api: Api) -> None:
    assert result(api, post(api, "measurer/predict", PNG, scale=0.5))["width"] == 32.0
    parts = [("file", ("a.png", PNG)), ("scale", (None, "2")), ("tags", (None, "a,b"))]
    found = result(api, form(api, "measurer/predict", *parts))
    assert (found["width"], found["tags"]) == (128.0, ["a", "b"])


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"scale": 0}, "/scale"),
        ({"scale": "x"}, "/scale"),
        ({"colour": "red"}, "/colour"),
        ({"timeout": 0}, "/timeout"),
    ],
)
def test_a_wrong_option_is_refused_with_a_pointer(api: Api, query: Json, pointer: str) -> None:
    assert pointers(problem(post(api, "measurer/predict", PNG, **query), 422)) == [pointer]


def test_a_file_that_is_none_for_the_model_is_refused_at_the_door(api: Api) -> None:
    refused = problem(post(api, "measurer/predict", b"GIF89a" + b"\0" * 20), 415)
    words = "by its first bytes the file is image/gif; the model 'measurer' takes image/png, image/jpeg"
    assert refused["detail"] == words
    lies = form(api, "measurer/predict", ("file", ("a.png", b"no picture", "image/png")))
    assert "is text/plain" in problem(lies, 415)["detail"]
    assert "application/octet-stream" in problem(post(api, "upper/predict", b"caf\xe9"), 415)["detail"]
    compressed = api.http.post("/models/measurer/predict", content=PNG, headers={"Content-Encoding": "gzip"})
    problem(compressed, 415)


def test_an_empty_file_a_wrong_field_and_two_files_are_refused(api: Api) -> None:
    assert pointers(problem(post(api, "measurer/predict", b""), 422)) == ["/file"]
    for parts in ([("picture", (None, "a"))], [("file", ("a.png", PNG)), ("file", ("b.png", PNG))]):
        assert pointers(problem(form(api, "measurer/predict", *parts), 422)) == ["/file"]


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0", b"long " * 20_000], ids=["bytes", "long"])
def test_a_file_in_a_field_of_another_name_is_refused_with_the_name_that_it_needs(api: Api, content: bytes) -> None:
    refused = problem(form(api, "measurer/predict", ("picture", ("a.jpg", content))), 422)
    assert pointers(refused) == ["/picture"] and "send it as the field 'file'" in refused["detail"]
    other = problem(api.http.post("/upload", files={"file": ("a.pdf", content)}), 422)
    assert pointers(other) == ["/file"] and "send it as the field 'document'" in other["detail"]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded; charset=utf-8"])
def test_json_and_the_fields_of_a_form_are_no_document(api: Api, kind: str) -> None:
    for path in ("/models/upper/predict", "/upload"):
        refused = problem(api.http.post(path, content=b'{"file": "a"}', headers={"Content-Type": kind}), 415)
        assert f"is {kind.partition(';')[0]}" in refused["detail"]
    sent = form(api, "upper/predict", ("file", ("a.json", b"{}", kind.partition(";")[0])))
    assert result(api, sent)["characters"] == 2


def test_a_file_over_the_limit_is_refused_whether_announced_or_not(api: Api) -> None:
    too_large = PNG + b"\0" * MAX_FILE
    problem(post(api, "measurer/predict", too_large + b"\0" * 70_000), 413)
    problem(post(api, "measurer/predict", iter([too_large, b"more"])), 413)  # type: ignore[arg-type]
    problem(form(api, "measurer/predict", ("file", ("a.png", too_large))), 413)
    whole = PNG + b"\0" * (MAX_FILE - len(PNG))  # more than a body of rows may have
    assert result(api, post(api, "measurer/predict", whole))["bytes"] == MAX_FILE
    rows = api.http.post("/predict", content=b" " * 200_000, headers={"Content-Type": "application/json"})
    problem(rows, 413)


def test_an_upload_that_breaks_off_leaves_nothing(api: Api) -> None:
    def broken() -> Iterator[bytes]:
        yield PNG
        raise ConnectionError

    with pytest.raises(ConnectionError):
        api.http.post("/models/measurer/predict", content=broken())
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    cut = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG
    problem(api.http.post("/models/measurer/predict", content=cut, headers=boundary), 400)


def test_what_a_model_refuses_and_what_it_raises_are_told_apart(api: Api) -> None:
    refused = api.http.post("/models/measurer/predict", content=PNG + b"broken", headers=WAIT)
    document = problem(refused, 422)
    assert (document["detail"], pointers(document)) == ("the picture is broken", ["/file"])


def test_files_of_several_requests_share_calls_and_none_suffers_for_another(api: Api) -> None:
    contents = [PNG + b"broken" if i == 3 else PNG + b"\0" * i for i in range(24)]
    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda each: post(api, "measurer/predict", each, wait_s=0.05), contents))
    found = [each.json() for each in answers]
    assert [each["result"]["bytes"] if i != 3 else each["status"] for i, each in enumerate(found)] == [
        len(content) if i != 3 else 422 for i, content in enumerate(contents)
    ]
    assert max(each["result"]["together"] for i, each in enumerate(found) if i != 3) > 1


def test_a_fit_takes_a_zip_file_and_so_does_a_score(api: Api) -> None:
    content = zipped(a__one__png=b"", **{"b.png": PNG})
    answer = post(api, "measurer/fit", zipped(**{"a/one.png": PNG, "two.png": PNG}), unit=3)
    fitted = result(api, answer)
    assert (fitted["metrics"], fitted["terms"]) == ({"files": 2.0}, [])
    version = fitted["version"]
    assert result(api, post(api, "measurer/predict", PNG, version=version))["width"] == 96.0
    manifest = api.http.get(f"/models/measurer/versions/{version}").json()
    assert (manifest["task"], manifest["params"]) == ("image", {"unit": 3})
    scored = result(api, form(api, "measurer/score", ("file", ("x.zip", content))))
    assert scored == {"files": 2.0, "nothing": None}
    for kind in ("application/json", "Application/JSON ; charset=utf-8"):
        named = {**WAIT, "Content-Type": kind}
        result(api, api.http.post("/models/measurer/fit", content=b'{"params": {"unit": 2}}', headers=named))
    lines = {"Content-Type": "application/jsonl"}
    problem(api.http.post("/models/measurer/fit", content=b'{"params": {"unit": 2}}', headers=lines), 415)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (PNG, 415),
        (zipped(**{"../out.png": PNG}), 422),
        (zipped(**{"readme.txt": b"none"}), 422),
        (zipped(**{"a.png": b"\0" * 40_000_000}), 422),
        (b"PK\x03\x04cut off", 422),
    ],
    ids=["a picture", "leads out", "no picture", "bomb", "cut off"],
)
def test_a_zip_file_that_cannot_be_used_is_refused(api: Api, content: bytes, status: int) -> None:
    problem(post(api, "measurer/fit", content), status)


def test_a_fit_takes_over_an_alias_only_if_it_is_better_on_the_files_held_out(api: Api) -> None:
    held_out = ("promote_on", ("held.zip", zipped(**{"a.png": PNG, "b.png": PNG})))
    alias = f"gate-{uuid4().hex[:8]}"

    def fitted(*names: str, **query: Any) -> Json:
        training = ("file", ("x.zip", zipped(**{f"{name}.png": PNG for name in names})))
        answer = form(api, "knower/fit", held_out, training, unit=2, promote=alias, **query)
        found: Json = result(api, answer)["promotion"]
        return {key: found[key] for key in ("promoted", "metric", "score", "champion_score")}

    assert fitted("a") == {"promoted": True, "metric": "known", "score": 1.0, "champion_score": None}
    assert fitted("c") == {"promoted": False, "metric": "known", "score": 0.0, "champion_score": 1.0}
    assert fitted("a", "b") == {"promoted": True, "metric": "known", "score": 2.0, "champion_score": 1.0}
    better = fitted("a", "b", "c", promote_metric="unknown", promote_gain=1)
    assert better == {"promoted": False, "metric": "unknown", "score": 0.0, "champion_score": 0.0}


def test_a_gate_without_files_or_without_metrics_is_refused_with_words(api: Api) -> None:
    training, held_out = ("file", ("x.zip", zipped(**{"a.png": PNG}))), ("promote_on", ("h.zip", zipped(a=b"a")))
    for model, parts, query, status, pointer in (
        ("knower", [training], {"promote": "champion"}, 422, "/promote_on"),
        ("knower", [training, held_out], {}, 422, "/promote_on"),
        ("knower", [held_out], {"promote": "champion"}, 422, "/file"),
        ("knower", [training, held_out, held_out], {"promote": "champion"}, 422, "/promote_on"),
        ("knower", [training, ("promote_on", ("a.png", PNG))], {"promote": "champion"}, 415, "/promote_on"),
        ("knower", [training, ("promote_on", ("a.zip", b""))], {"promote": "champion"}, 422, "/promote_on"),
        ("knower", [training, held_out], {"promote": "champion", "promote_metric": "r2"}, 422, "/promote/metric"),
        ("knower", [training, held_out], {"promote": "champion", "promote_source": "dummy"}, 422, "/promote_source"),
        ("upper", [training, held_out], {"promote": "champion"}, 422, "/promote"),
    ):
        assert pointers(problem(form(api, f"{model}/fit", *parts, **query), status)) == [pointer], (parts, query)
    large = [("file", ("x.zip", b"PK" * (MAX_FILE // 3))), ("promote_on", ("h.zip", b"PK" * (MAX_FILE // 3)))]
    problem(form(api, "knower/fit", *large, promote="champion"), 413)
    larger = [("file", ("x.zip", b"PK" * (MAX_FILE // 4))), ("promote_on", ("h.zip", b"PK" * (MAX_FILE // 4 + 1)))]
    refused = problem(form(api, "knower/fit", *larger, promote="champion"), 413)
    assert refused["detail"].endswith(f"the limit is {MAX_FILE}")  # that of both together
    unusable = ("promote_on", ("h.zip", b"PK\x03\x04cut off"))
    promotion = result(api, form(api, "knower/fit", training, unusable, promote="champion", unit=2))["promotion"]
    assert (promotion["promoted"], promotion["score"]) == (False, None)


def test_rows_for_a_model_of_files_are_refused(api: Api) -> None:
    body = {"data": {"X": [[1.0]], "y": [1.0]}}
    assert pointers(problem(api.post("models/measurer/fit", body), 422)) == ["/data"]
    problem(api.post("models/measurer/predict", body), 415)
    infer = api.post("v2/models/measurer/infer", {"inputs": []})
    assert infer.status_code == 400 and "takes files instead of tensors" in infer.json()["error"], infer.text


def test_a_result_file_is_downloaded_whole_and_in_parts(api: Api) -> None:
    envelope = api.finished(form(api, "upper/predict", ("file", ("a.txt", b"hello world")), copies="2"))
    first, second = envelope["result"]["copy1"], envelope["result"]["copy2"]
    assert (first["name"], first["media_type"], first["bytes"]) == ("copy1.txt", "text/plain", 11)
    assert first["href"] == f"/jobs/{envelope['id']}/result/file?name=copy1.txt"
    whole = api.http.get(f"/jobs/{envelope['id']}/result/file")
    assert (whole.status_code, whole.content) == (200, b"HELLO WORLD")
    assert whole.headers["Content-Type"] == "text/plain"
    assert whole.headers["Content-Disposition"] == 'attachment; filename="copy1.txt"'
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert whole.headers["Content-Security-Policy"].startswith("sandbox")
    assert api.http.get(second["href"]).content == b"HELLO WORLD"
    etag = whole.headers["ETag"]
    part = api.http.get(first["href"], headers={"Range": "bytes=6-", "If-Range": etag})
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"WORLD", "bytes 6-10/11")
    assert api.http.get(first["href"], headers={"Range": "bytes=6-", "If-Range": '"other"'}).status_code == 200
    behind = api.http.get(first["href"], headers={"Range": "bytes=11-"})
    assert (behind.status_code, behind.headers["Content-Range"]) == (416, "bytes */11")
    assert api.http.get(first["href"], headers={"If-None-Match": etag}).status_code == 304
    head = api.http.head(first["href"])
    assert (head.headers["Content-Length"], head.content) == ("11", b"")
    problem(api.http.get(f"/jobs/{envelope['id']}/result/file?name=none.txt"), 404)


LONG = "\U0001f600" * 300


@pytest.mark.parametrize(
    ("named", "name"),
    [
        ('a "b" 100%;', 'a "b" 100%;1.txt'),
        ("caf\xe9 \u5199\u771f", "caf\xe9 \u5199\u771f1.txt"),
        ("a\u202egpj.exe", "agpj.exe1.txt"),
        (LONG, LONG[:62] + ".txt"),
        ("..", "..1.txt"),
    ],
    ids=["quotes", "not ASCII", "turns text", "long", "dots"],
)
def test_a_result_file_is_found_under_the_name_that_the_result_has(api: Api, named: str, name: str) -> None:
    found = result(api, post(api, "upper/predict", b"hello", named=named))["copy1"]
    assert found["name"] == name
    answer = api.http.get(found["href"])
    assert (answer.status_code, answer.content) == (200, b"HELLO")
    said = answer.headers["Content-Disposition"]
    assert unquote(said.partition("filename*=UTF-8''")[2] or said.split('"')[1]) == name


def test_the_name_of_an_upload_is_a_name_in_every_answer(api: Api) -> None:
    for given, name in (("../..", ""), ('a/say "hi".png', 'say "hi".png'), (LONG + ".png", LONG[:62] + ".png")):
        assert result(api, form(api, "measurer/predict", ("file", (given, PNG))))["name"] == name


def test_a_job_without_files_and_one_that_is_not_there_have_no_file(api: Api) -> None:
    envelope = api.finished(post(api, "measurer/predict", PNG))
    problem(api.http.get(f"/jobs/{envelope['id']}/result/file"), 404)
    problem(api.http.get(f"/jobs/{uuid4().hex}/result/file"), 404)


def test_the_same_request_sent_again_is_one_job(api: Api) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    sent = [api.http.post("/models/measurer/predict", content=PNG, headers=headers | WAIT).json() for _ in range(2)]
    assert sent[0]["result"] == sent[1]["result"]
    if api.queued:
        assert sent[0]["id"] == sent[1]["id"]
        other = api.http.post("/models/measurer/predict", content=PNG + b"\0", headers=headers)
        problem(other, 422)


def test_an_application_takes_files_and_gives_them_back(api: Api) -> None:
    content = b"a" * 200_000  # more than a body of rows may have
    answer = api.http.post("/upload", files={"document": ("../d.txt", content)})
    assert answer.status_code == 202, answer.text
    found = api.http.get(f"/upload/{answer.json()['task_id']}")
    assert (found.content, found.headers["Content-Disposition"]) == (b"A" * 200_000, 'attachment; filename="copy2.txt"')
    assert pointers(problem(api.http.post("/upload", files={"file": ("d.txt", b"a")}), 422)) == ["/document"]
    assert pointers(problem(api.http.post("/upload", files={"document": ("d.png", PNG)}), 415)) == ["/document"]
    assert pointers(problem(api.http.post("/upload", files={"document": ("d.txt", b"")}), 422)) == ["/document"]


def test_a_route_of_an_application_takes_no_field_that_it_does_not_declare(api: Api) -> None:
    for route, name in (("upload", "other"), ("upload", "copies"), ("copies", "timeout"), ("noted", "named")):
        field = "file" if route == "noted" else "document"
        sent = api.http.post(f"/{route}", files={field: ("d.txt", b"a"), name: (None, "1")})
        refused = problem(sent, 422)
        assert pointers(refused) == [f"/{name}"] and "is no field of the form; this takes" in refused["detail"]
        assert pointers(problem(api.http.post(f"/{route}", params={name: 1}, content=b"a"), 422)) == [f"/{name}"]


def test_fields_of_a_form_count_as_the_query_of_a_route_does(api: Api) -> None:
    document = {"document": ("d.txt", b"a")}
    for sent in ({"params": {"copies": 2}}, {"data": {"copies": "2"}}):
        task = api.http.post("/copies", files=document, **sent).json()["task_id"]
        assert api.http.get(f"/upload/{task}").content == b"A"
        refused = api.http.post("/copies", files=document, **{key: {"copies": "x"} for key in sent})
        assert pointers(problem(refused, 422)) == ["/copies"]
    assert api.http.post("/copies", files=document, params={"named": "A"}).status_code == 202
    refused = problem(api.http.post("/copies", files=document, data={"named": "A"}), 422)
    assert pointers(refused) == ["/named"] and "it goes into the query" in refused["detail"]
    form = api.http.get("/openapi.json").json()["paths"]["/copies"]["post"]["requestBody"]["content"]
    assert form["multipart/form-data"]["schema"]["properties"]["copies"]["description"] == "How many."


def test_an_application_reads_fields_beside_the_file_itself(api: Api) -> None:
    document = {"file": ("d.txt", b"a")}
    for sent in ({"params": {"copies": 2, "note": "n"}}, {"params": {"note": "n"}, "data": {"copies": "2"}}):
        answer = api.http.post("/noted", files=document, **sent).json()
        assert answer["note"] == "n"
        assert api.http.get(f"/upload/{answer['task_id']}").content == b"A"


def test_the_model_of_the_path_is_no_other_one(api: Api) -> None:
    assert pointers(problem(post(api, "measurer/predict", PNG, model="upper"), 422)) == ["/model"]
    fields = [("file", ("a.png", PNG)), ("model", (None, "upper"))]
    assert pointers(problem(form(api, "measurer/predict", *fields), 422)) == ["/model"]
    assert result(api, post(api, "measurer/predict", PNG, model="measurer"))["width"] == 64.0


def test_the_client_sends_files_and_fetches_those_of_results(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    with Client(str(api.http.base_url)) as client:
        job = client.predict_file("upper", path, copies=2)
        assert (job.file(), job.file("copy2.txt"), job.result()["characters"]) == (b"HELLO", b"HELLO", 5)
        with pytest.raises(NotFound):
            job.file("other.txt")
        with pytest.raises(TrinityError, match="is text/plain"):
            client.predict_file("measurer", path)


def test_the_client_fits_and_scores_with_zip_files(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "training.zip"
    path.write_bytes(zipped(**{"a/one.png": PNG, "two.png": PNG}))
    with Client(str(api.http.base_url)) as client:
        fitted = client.submit_file("fit", path, "measurer", unit=2)
        assert (fitted.version, fitted.result()["metrics"]) == (fitted.result()["version"], {"files": 2.0})
        assert client.submit_file("score", path, "measurer", fitted.version).result() == {"files": 2.0, "nothing": None}
        with pytest.raises(Invalid, match="expected an integer >= 1"):
            client.submit_file("fit", path, "measurer", unit=0)
        path.write_bytes(PNG + b"\0" * (MAX_FILE + 100_000))
        with pytest.raises(TooLarge):
            client.predict_file("measurer", path)


def test_the_client_sends_what_a_gate_compares_on(api: Api, tmp_path: Path) -> None:
    training, held_out = tmp_path / "training.zip", tmp_path / "held_out.zip"
    held_out.write_bytes(zipped(**{"a.png": PNG}))
    alias = f"gate-{uuid4().hex[:8]}"
    with Client(str(api.http.base_url)) as client:
        for name, promoted in (("a.png", True), ("c.png", False)):
            training.write_bytes(zipped(**{name: PNG}))
            gate = {"alias": alias, "on": held_out, "metric": "known", "gain": 0.5}
            found = client.submit_file("fit", training, "knower", promote=gate).result()["promotion"]
            assert (found["promoted"], found["alias"], found["gain"]) == (promoted, alias, 0.5)
        with pytest.raises(Invalid) as refused:
            client.submit_file("fit", training, "knower", promote={})
        assert refused.value.pointers == ["/promote_on"]
        with pytest.raises(TypeError, match="promote has no rows; it may have alias, on, metric, gain"):
            client.submit_file("fit", training, "knower", promote={"rows": held_out})


def test_a_file_that_ends_its_process_is_refused_with_the_reason_and_ends_no_other(api: Api) -> None:
    fitted = result(api, post(api, "careless/fit", zipped(hello=b"hello")))
    assert fitted["warnings"] == ["few documents"]
    found = api.finished(post(api, "careless/predict", b"numbers"))["result"]
    assert found == {"found": [0.5, None], "count": 2, "all": [{"a": [1.0]}]}
    for content, reason in [(b"die", "(SIGKILL)"), (b"fill", "needed more than"), (b"refuse", "the document is very")]:
        refused = problem(post(api, "careless/predict", content), 422)
        assert reason in refused["detail"] and pointers(refused) == ["/file"]
    done = result(api, post(api, "careless/predict", b"calm", copies=1))
    assert (done["before"], done["file0"]["bytes"]) == ("calm", 256)


def test_a_first_fit_is_made_once(api: Api, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.png").write_bytes(PNG)
    with Client(str(api.http.base_url)) as client:
        assert fit_once(client, "counted", tmp_path, unit=3)
        manifest = client.version("counted")
        assert (manifest["metrics"], manifest["params"]) == ({"files": 1.0}, {"unit": 3})
        assert not fit_once(client, "counted", tmp_path)
        assert fit_once(client, "line", data={"source": "dummy"}, params={"degree": 1}, estimator="polynomial")
        assert not fit_once(client, "line")
        assert [len(client.models(name)["versions"]) for name in ("counted", "line")] == [1, 1]


def test_models_of_rows_are_made_beside_those_of_files(api: Api) -> None:
    rows = {"content": "x,y\n1,2\n2,4\n3,6\n", "headers": WAIT | {"Content-Type": "text/csv"}}
    query = {"estimator": "polynomial", "target": "y"}
    assert result(api, api.http.post("/models/from_csv/fit", params=query, **rows))["version"] == 1
    problem(api.http.post("/models/unknown/fit", params={"target": "y"}, **rows), 404)
    problem(api.http.post("/models/unknown/predict", **rows), 404)
    packed = {"content": zipped(a=b"a"), "headers": {"Content-Type": "application/zip"}}
    problem(api.http.post("/models/unknown/fit", **packed), 404)


def test_models_of_files_are_described_shown_and_refused_where_they_cannot_be_served(api: Api) -> None:
    document = api.http.get("/openapi.json").json()
    validate(document)
    described = document["paths"]["/models/measurer/predict"]["post"]
    content = described["requestBody"]["content"]
    assert content.keys() == {"image/png", "image/jpeg", "multipart/form-data"}
    assert {"file", "scale", "wait_s", "tags"} == content["multipart/form-data"]["schema"]["properties"].keys()
    assert {"scale", "version", "timeout"} <= {each["name"] for each in described["parameters"]}
    fit = document["paths"]["/models/counted/fit"]["post"]
    form = fit["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert form.keys() == {"file", "promote_on", "unit"}
    assert form["promote_on"]["format"] == "binary" and "zip" in form["promote_on"]["description"]
    assert {"promote", "promote_metric", "promote_gain", "unit"} <= {each["name"] for each in fit["parameters"]}
    without_file = fit["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert without_file["params"]["properties"].keys() == {"unit"}
    assert api.http.get("/models/measurer").json()["task"] == "image"
    page = api.http.get("/", params={"model": "measurer"}, headers={"Accept": "text/html"}).text
    assert '<input type="file" name="file" id="predict-file" accept="image/png,image/jpeg" required>' in page
    first = api.http.get("/", params={"model": "measurer", "version": 1}, headers={"Accept": "text/html"}).text
    assert "UTC without files</p>" in first
    tensor = {"inputs": [{"name": "X", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}]}
    for answer in (api.post("v2/models/measurer/infer", tensor), api.http.get("/v2/models/measurer")):
        assert (answer.status_code, "takes files" in answer.json()["error"]) == (400, True)
