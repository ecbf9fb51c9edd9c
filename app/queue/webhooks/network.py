"""The network of one delivery: it connects to checked addresses only, and reads a bounded number of bytes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from typing import Any

from httpcore import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream, ConnectError, ConnectTimeout, ReadError


class NoResponse(OSError):
    """The receiver closed the connection before it sent a byte."""


class CheckedNetwork(AsyncNetworkBackend):
    """Connects to the given addresses and ports, whatever host the URL names, without a second DNS lookup."""

    def __init__(self, addresses: Sequence[tuple[str, int]], max_bytes: int) -> None:
        self._addresses = addresses
        self._max_bytes = max_bytes
        self._network = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002  httpcore's call
        port: int,  # noqa: ARG002  same
        timeout: float | None = None,  # noqa: ASYNC109  same
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first address that accepts, each within its share of the time; raise httpcore's errors."""
        clock = asyncio.get_running_loop().time
        end_s = clock() + (timeout or 0.0)
        failure: ConnectError | ConnectTimeout = ConnectError("there is no address")
        for tried, (address, its_port) in enumerate(self._addresses):
            share_s = None if timeout is None else max(0.0, end_s - clock()) / (len(self._addresses) - tried)
            try:
                stream = await self._network.connect_tcp(address, its_port, share_s, local_address, socket_options)
            except (ConnectError, ConnectTimeout) as error:
                failure = error
            else:
                return _BoundedStream(stream, self._max_bytes)
        raise failure


class _BoundedStream(AsyncNetworkStream):
    def __init__(self, stream: AsyncNetworkStream, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = self._left_bytes = max_bytes

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  httpcore's call
        if not self._left_bytes:
            raise ReadError("the response is too long")
        data = await self._stream.read(min(max_bytes, self._left_bytes), timeout)
        if not data and self._left_bytes == self._max_bytes:
            raise NoResponse("the connection was closed without a response")
        self._left_bytes -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  httpcore's call
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  same
    ) -> AsyncNetworkStream:
        return _BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._max_bytes)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
