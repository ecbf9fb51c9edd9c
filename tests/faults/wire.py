"""A TCP relay between two parts that can be cut and slowed, and that can strike when it sees some bytes pass."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from urllib.parse import urlsplit

from tests.support.servers import free_port

CHUNK_BYTES = 65_536


class Wire:
    """Relays 127.0.0.1:`port` to a server. `partition`: bytes vanish; `delay_s`: each piece is late."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.port is not None
        self._target = ("127.0.0.1", parts.port)
        self.port = free_port()
        self.url = url.replace(f":{parts.port}", f":{self.port}")
        self.delay_s = 0.0
        self._open: asyncio.Event
        self._server: asyncio.Server
        self._strike: tuple[bytes, Callable[[], None], bool] | None = None
        self._awaited = False  # the request to strike after is on its way
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = Thread(target=self._run, name=f"wire-{self.port}", daemon=True)
        self._thread.start()

    def partition(self) -> None:
        """Let nothing through, without closing connections."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def heal(self) -> None:
        """Let all through again, at full speed; connections of the time before are reset, as after any long silence."""
        self.delay_s = 0.0
        self._loop.call_soon_threadsafe(self._reset)

    def strike(self, words: bytes, action: Callable[[], None], *, after: bool) -> Event:
        """Act once when a request with `words` comes: before it is passed on, or `after`, when its answer is there.

        The event is set when the action is done.
        """
        done = Event()

        def act() -> None:
            action()
            done.set()

        self._strike = (words, act, after)
        return done

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.run_forever()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def _reset(self) -> None:
        if not self._open.is_set():
            for task in self._tasks:
                task.cancel()
        self._open.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        back = None
        with suppress(OSError, asyncio.CancelledError):
            await self._open.wait()
            answers, back = await asyncio.open_connection(*self._target)
            pipes = [
                asyncio.create_task(self._requests(reader, back)),
                asyncio.create_task(self._pass(answers, writer)),
            ]
            try:
                await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pipe in pipes:
                    pipe.cancel()
        self._tasks.discard(task)
        for end in filter(None, (writer, back)):
            end.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._let_through()
                if self._strike and self._strike[0] in data and not self._strike[2]:
                    await self._act()
                self._awaited = self._awaited or bool(self._strike and self._strike[0] in data)
                writer.write(data)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._let_through()
                if self._strike and self._awaited:
                    await self._act()
                writer.write(data)

    async def _let_through(self) -> None:
        await self._open.wait()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)

    async def _act(self) -> None:
        assert self._strike is not None
        action, self._strike, self._awaited = self._strike[1], None, False
        await asyncio.get_running_loop().run_in_executor(None, action)
