"""The options of a request's job: its timeout, and the webhook to call when it ends."""

from __future__ import annotations

from app.errors import Invalid
from app.queue.webhooks.urls import check_url, named_hosts
from app.schemas.requests import Request
from app.settings import Mode, Settings


def check_job_options(settings: Settings, request: Request) -> None:
    """Raise Invalid for options that the settings don't allow."""
    if request.timeout is not None and request.timeout > settings.max_timeout:
        limit = f"the limit of {settings.max_timeout} (TRINITY_MAX_TIMEOUT)"
        raise Invalid.at("/timeout", f"{request.timeout:g} seconds are over {limit}")
    if request.webhook is None:
        return
    if settings.mode is not Mode.ASYNC:
        raise Invalid.at("/webhook", "webhooks need async mode; in sync mode the answer is the result")
    if settings.webhook_secret is None:
        raise Invalid.at("/webhook", "webhooks need TRINITY_WEBHOOK_SECRET")
    check_url(request.webhook.url, named_hosts(settings.webhook_hosts))
