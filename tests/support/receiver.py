"""A webhook receiver: a real HTTP server in a thread, whose response the test chooses."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

# openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost
#   -addext subjectAltName=DNS:localhost
CERTIFICATE = Path(__file__).with_name("localhost.pem")
DEADLINE_S = 10.0
PAUSE_S = 0.02


class Received(NamedTuple):
    """A request that arrived; header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """The requests so far, and how to answer. `hung_up` is set when the caller closes before the response ends."""

    def __init__(self, answer: Callable[["Receiver", BaseHTTPRequestHandler], None]) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self.hung_up = threading.Event()
        self.stopped = threading.Event()
        self.address, self.port = "", 0

    def url(self, host: str = "", scheme: str = "http") -> str:
        return f"{scheme}://{host or self.address}:{self.port}/hook?id=1"

    def endless(self, handler: BaseHTTPRequestHandler, piece: bytes, pause_s: float = 0.0) -> None:
        """Send the piece again and again until the caller closes the connection."""
        try:
            while not self.stopped.wait(pause_s):
                handler.wfile.write(piece)
        except OSError:
            self.hung_up.set()


def status(code: int, **headers: str) -> Callable[[Receiver, BaseHTTPRequestHandler], None]:
    """A complete response with this status."""

    def answer(_: Receiver, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"ok")

    return answer


def raw(head: bytes, piece: bytes, pause_s: float = 0.0) -> Callable[[Receiver, BaseHTTPRequestHandler], None]:
    """A response of these bytes, and then of a piece again and again."""

    def answer(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        receiver.endless(handler, piece, pause_s)

    return answer


def silent(receiver: Receiver, _: BaseHTTPRequestHandler) -> None:
    """Never respond."""
    receiver.stopped.wait(DEADLINE_S)


@contextmanager
def receiving(
    answer: Callable[[Receiver, BaseHTTPRequestHandler], None],
    *,
    secure: bool = False,
    read: bool = True,
    address: str = "127.0.0.1",
) -> Iterator[Receiver]:
    """A receiver on a free port; without `read` it reads only the head of a request."""
    receiver = Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"])) if read else b""
            receiver.received.append(Received(self.path, headers, body))
            receiver.answer(receiver, self)

        do_GET = do_POST  # noqa: N815  http.server's name; a caller that follows redirects would send GET

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            receiver.hung_up.set()

    with Server((address, 0), Handler) as server:
        receiver.address, receiver.port = address, server.server_port
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield receiver
        finally:
            receiver.stopped.set()
            server.shutdown()
            serving.join()
