"""An HTTP server that gives prepared responses, one after the other, and records the requests."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Answer:
    status: int
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Scripted:
    url: str
    asked: list[dict[str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """The first line of each request, without the version of HTTP."""
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def scripted(*answers: Answer, certificate: Path | None = None) -> Iterator[Scripted]:
    """Serve the answers; over TLS with a certificate, whose host is localhost."""
    left = list(answers)
    server = Scripted("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.lines.append(f"{self.command} {self.path}")
            server.asked.append({key.lower(): value for key, value in self.headers.items()})
            server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            answer = left.pop(0)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body.encode())

        do_GET = do_CONNECT = do_POST  # noqa: N815  http.server's names

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        http.socket = context.wrap_socket(http.socket, server_side=True)
        server.url = f"https://localhost:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
