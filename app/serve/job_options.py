"""What a request may ask of its job beside the work: a timeout, and a webhook to call when the job ends."""

from __future__ import annotations

from collections.abc import Callable

from app.errors import Invalid
from app.queue.webhooks.urls import check_url, named_hosts
from app.schemas.requests import Request
from app.settings import Mode, Settings


def check_job_options(settings: Settings) -> Callable[[Request], None]:
    """Return a check of a request's options that raises Invalid for what the settings don't allow."""
    queued, signed = settings.mode is Mode.ASYNC, settings.webhook_secret is not None
    hosts = named_hosts(settings.webhook_hosts)

    def check(request: Request) -> None:
        if request.timeout is not None and request.timeout > settings.max_timeout:
            limit = f"the limit of {settings.max_timeout} (TRINITY_MAX_TIMEOUT)"
            raise Invalid.at("/timeout", f"{request.timeout:g} seconds are over {limit}")
        if request.webhook is None:
            return
        if not queued:
            raise Invalid.at("/webhook", "webhooks need async mode; in sync mode the answer is the result")
        if not signed:
            raise Invalid.at("/webhook", "webhooks need TRINITY_WEBHOOK_SECRET")
        check_url(request.webhook.url, hosts)

    return check
