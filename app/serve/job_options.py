"""What a request may wish for its job beside the work: a timeout, and a webhook to call at the end."""

from __future__ import annotations

from app.errors import Invalid
from app.queue.webhooks.urls import check_url, named_hosts
from app.schemas.requests import Request
from app.settings import Mode, Settings


class JobOptions:
    """Checks them against the settings."""

    def __init__(self, settings: Settings) -> None:
        self._max_timeout_s = settings.max_timeout
        self._queued = settings.mode is Mode.ASYNC
        self._signed = settings.webhook_secret is not None
        self._hosts = named_hosts(settings.webhook_hosts)

    def check(self, request: Request) -> None:
        """Raise Invalid for a wish that can't be granted."""
        if request.timeout is not None and request.timeout > self._max_timeout_s:
            limit = f"the limit of {self._max_timeout_s} (TRINITY_MAX_TIMEOUT)"
            raise Invalid.at("/timeout", f"{request.timeout:g} seconds are over {limit}")
        if request.webhook is not None:
            self._check_webhook(request.webhook.url)

    def _check_webhook(self, url: str) -> None:
        if not self._queued:
            raise Invalid.at("/webhook", "sync mode answers at once; webhooks go with queued jobs")
        if not self._signed:
            raise Invalid.at("/webhook", "webhooks need TRINITY_WEBHOOK_SECRET")
        check_url(url, self._hosts)
