"""Webhook messages (Standard Webhooks): the job's envelope as the body, and headers with the signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import msgspec

from app.schemas.jobs import Status

SECRET_PREFIX = "whsec_"  # noqa: S105  every secret begins with it
TYPES: dict[Status, str] = {"SUCCESS": "job.succeeded", "FAILURE": "job.failed", "REVOKED": "job.revoked"}


def message(status: Status, envelope: msgspec.Raw, finished_s: float) -> bytes:
    """Return the body of the message that a job finished at that time; the status must be final."""
    timestamp = datetime.fromtimestamp(finished_s, UTC)
    return msgspec.json.encode({"type": TYPES[status], "timestamp": timestamp, "data": envelope})


def signed_headers(secret: str, message_id: str, now_s: float, body: bytes) -> dict[str, str]:
    """Return the headers of a message sent at `now_s`; every try of a message has the same id."""
    timestamp = str(int(now_s))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    signature = base64.b64encode(digest).decode()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}
