"""The path below which a proxy serves the service, as in `location /trinity/`: all links lead below it."""

from __future__ import annotations

import re

from app.serve.asgi import HEADERS, TRUSTED_PEER, Header, Message
from app.settings import ROOT_PATH

FORWARDED_PREFIX = b"x-forwarded-prefix"
VARY_PREFIX: Header = (b"vary", b"X-Forwarded-Prefix")
MAX_BYTES = 256
_VALID = re.compile(ROOT_PATH)


class RootPath:
    """The path that the settings name, else the one in X-Forwarded-Prefix of a trusted proxy, which has removed it."""

    def __init__(self, configured: str = "") -> None:
        self._configured = configured.rstrip("/")

    def apply(self, scope: Message) -> list[Header] | None:
        """Set ASGI's `root_path`; cut it from the path where the proxy passes on the whole path.

        Return headers for the answer: a cache in front must not give it to requests without this X-Forwarded-Prefix.
        """
        if self._configured:
            scope["root_path"] = self._configured
            self._cut(scope)
        elif FORWARDED_PREFIX in scope[HEADERS] and scope.get(TRUSTED_PEER):
            scope["root_path"] = _forwarded(scope[HEADERS][FORWARDED_PREFIX])
            return [VARY_PREFIX]
        return None

    def _cut(self, scope: Message) -> None:
        path: str = scope["path"]
        if path == self._configured or path.startswith(f"{self._configured}/"):
            scope["path"] = path[len(self._configured) :] or "/"


def _forwarded(value: bytes) -> str:
    """Return the path of the header; '' where it is no plain path, which could lead to another host."""
    text = value.decode("latin-1")
    return text.rstrip("/") if len(value) <= MAX_BYTES and _VALID.fullmatch(text) else ""
