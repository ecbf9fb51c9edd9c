"""GET /jobs/{id} and /jobs/{id}/result: how far queued work is, and what came of it."""

from __future__ import annotations

from falcon.asgi import Request, Response

from app.dispatch.base import Dispatcher
from app.errors import Invalid
from app.serve.answer import envelope, send_json, send_result


class JobResource:
    """GET /jobs/{id}[?wait=S]."""

    def __init__(self, dispatcher: Dispatcher, max_wait_s: int) -> None:
        self._dispatcher = dispatcher
        self._max_wait_s = max_wait_s

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return the job's envelope, when it is finished or after `wait` seconds."""
        job = await self._dispatcher.job(job_id, wait_seconds(req, self._max_wait_s))
        send_json(resp, envelope(job, queued=True))


class JobResult:
    """GET /jobs/{id}/result[?wait=S]."""

    def __init__(self, dispatcher: Dispatcher, max_wait_s: int) -> None:
        self._dispatcher = dispatcher
        self._max_wait_s = max_wait_s

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return the result alone, the problem of a failed job, or 202 while there is neither."""
        job = await self._dispatcher.job(job_id, wait_seconds(req, self._max_wait_s))
        send_result(resp, job)


def wait_seconds(req: Request, max_wait_s: int) -> float:
    """Return ?wait=S, bounded; raise Invalid when S is not a number of seconds."""
    text = req.get_param("wait") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 9:  # noqa: PLR2004  nobody waits 30 years
        raise Invalid.at("/wait", "wait is a whole number of seconds")
    return min(int(text), max_wait_s)
