"""A keep-alive HTTP/1.1 connection on a bare socket: a client that costs little and hides no lost connection."""

import socket
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import msgspec


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        decoded: dict[str, object] = msgspec.json.decode(self.body)
        return decoded


class Connection:
    """One connection, opened once; any end of it is an error."""

    def __init__(self, url: str, timeout_s: float = 60) -> None:
        self.address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
        self._socket = socket.create_connection(self.address, timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._answers.close()
        self._socket.close()

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Send a request and wait for its response; ConnectionError if the server closes instead."""
        self.send(method, path, body, **headers)
        return self.receive()

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        """Send a request; the underscores of header names become hyphens."""
        self.send_raw(request(method, path, body, **headers))

    def send_raw(self, message: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(message)

    def receive(self) -> Answer:
        """Wait for the response to the oldest open request."""
        if not (line := self._answers.readline()):
            raise ConnectionError("the server closed the connection instead of answering")
        headers = {}
        while header := self._answers.readline().strip().decode("latin-1"):
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        body = self._answers.read(int(headers.get("content-length", 0)))
        return Answer(int(line.split()[1]), headers, body)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of a request with a JSON body."""
    fields = {"host": "bench", "content-type": "application/json", "content-length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
