"""API keys as TRINITY_API_KEYS lists them, name:scopes:sha256. The keys themselves are stored nowhere."""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import NamedTuple

SCOPES = ("read", "predict", "fit", "import")
KEY_PREFIX = "trk_"  # lets people, and scanners for leaked secrets, recognise a key
KEY_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Key(NamedTuple):
    """A key as the service stores it. A fast hash is enough: 256 random bits cannot be guessed."""

    name: str
    scopes: frozenset[str]
    digest: str

    @property
    def entry(self) -> str:
        """The key as TRINITY_API_KEYS lists it."""
        return f"{self.name}:{'+'.join(scope for scope in SCOPES if scope in self.scopes)}:{self.digest}"


def digest_of(secret: bytes) -> str:
    """Return the SHA-256 of a key in hexadecimal."""
    return sha256(secret).hexdigest()


def new_key(name: str, scopes: str) -> tuple[str, Key]:
    """Return a new random key and its entry; raise ValueError for a bad name or scope."""
    secret = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    return secret, _parse_entry(f"{name}:{scopes}:{digest_of(secret.encode())}")


def parse(text: str) -> list[Key]:
    """Parse TRINITY_API_KEYS; raise ValueError with all problems, one per line. The text itself is never quoted."""
    keys: list[Key] = []
    problems: list[str] = []
    entries = [entry.strip() for entry in re.split(r"[,\n]", text) if entry.strip()]
    for number, entry in enumerate(entries, 1):
        try:
            keys.append(_parse_entry(entry))
        except ValueError as error:
            problems.append(f"entry {number}: {error}")
    if not entries:
        problems.append("it has no entry")  # leaving the service open must not happen by accident
    for what, values in (("name", {key.name for key in keys}), ("SHA-256", {key.digest for key in keys})):
        if len(values) < len(keys):
            problems.append(f"two entries have the same {what}")
    if problems:
        raise ValueError("\n".join(problems))
    return keys


def _parse_entry(entry: str) -> Key:
    if entry.count(":") != 2:  # noqa: PLR2004  three parts
        raise ValueError("expected name:scopes:sha256")
    name, scopes, digest = entry.split(":")
    wanted = frozenset(scopes.split("+"))
    if not _NAME.fullmatch(name):
        raise ValueError("the name must have 1 to 64 letters, digits, ., - and _")
    if not wanted <= set(SCOPES):
        raise ValueError(f"the scopes must be some of {', '.join(SCOPES)}, joined by +")
    if not _DIGEST.fullmatch(digest.lower()):
        raise ValueError("the last part must be a SHA-256 of 64 hexadecimal digits; `python -m app key` makes entries")
    return Key(name, wanted, digest.lower())
