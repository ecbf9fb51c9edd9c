"""Webhooks (Standard Webhooks, standardwebhooks.com): URLs checked, messages signed and delivered."""

from app.queue.webhooks.delivery import Delivery, deliver
from app.queue.webhooks.messages import message, signed_headers
from app.queue.webhooks.retry_schedule import PAUSES_S, TRIES, next_try
from app.queue.webhooks.urls import check_url, named_hosts

__all__ = [
    "PAUSES_S",
    "TRIES",
    "Delivery",
    "check_url",
    "deliver",
    "message",
    "named_hosts",
    "next_try",
    "signed_headers",
]
