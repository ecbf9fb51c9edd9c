"""What the web server is given: the ASGI app, and a way to tell it that the process is about to stop."""

from __future__ import annotations

from app.dispatch.dispatcher import Dispatcher
from app.serve.asgi import Asgi, Message, Receive, Send


class Api:
    """The outermost ASGI app."""

    def __init__(self, app: Asgi, dispatcher: Dispatcher) -> None:
        self._app = app
        self._dispatcher = dispatcher

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand on."""
        await self._app(scope, receive, send)

    def stop_waiting(self) -> None:
        """Let requests that wait for a job be answered at once, in the event loop's thread; ASGI has no word for it."""
        self._dispatcher.stop_waiting()
