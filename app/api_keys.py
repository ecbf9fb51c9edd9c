"""API keys at rest: who may do what, as entries name:scopes:sha256 of TRINITY_API_KEYS; a key itself is never kept."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

SCOPES = ("read", "predict", "fit")
KEY_PREFIX = "trk_"  # tells people and scanners for leaked secrets what they look at
KEY_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Key(NamedTuple):
    """A key as the service knows it. A fast hash is enough: nobody guesses 256 random bits."""

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
    """Return a random key, and what is to be kept of it; raise ValueError for a bad name or scope."""
    secret = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    return secret, _parsed(f"{name}:{scopes}:{digest_of(secret.encode())}")


def parse(text: str) -> list[Key]:
    """Return the keys of TRINITY_API_KEYS; raise ValueError with every problem, a line each, none quoting the text."""
    keys: list[Key] = []
    problems: list[str] = []
    entries = [entry.strip() for entry in re.split(r"[,\n]", text) if entry.strip()]
    for number, entry in enumerate(entries, 1):
        try:
            keys.append(_parsed(entry))
        except ValueError as error:
            problems.append(f"entry {number}: {error}")
    if not entries:
        problems.append("there is no entry in it")  # whoever sets it doesn't mean to leave the service open
    problems += [f"two entries have the same {what}" for what in _shared(keys)]
    if problems:
        raise ValueError("\n".join(problems))
    return keys


def _parsed(entry: str) -> Key:
    if entry.count(":") != 2:  # noqa: PLR2004  three parts
        raise ValueError("expected name:scopes:sha256")
    name, scopes, digest = entry.split(":")
    wanted = frozenset(scopes.split("+"))
    if not _NAME.fullmatch(name):
        raise ValueError("its name must be letters, digits, ., - and _, at most 64 of them")
    if not wanted <= set(SCOPES):
        raise ValueError(f"its scopes must be some of {', '.join(SCOPES)}, joined by +")
    if not _DIGEST.fullmatch(digest.lower()):
        raise ValueError("its last part must be a SHA-256 in hexadecimal, 64 digits; `python -m app key` makes entries")
    return Key(name, wanted, digest.lower())


def _shared(keys: Iterable[Key]) -> list[str]:
    names, digests = [key.name for key in keys], [key.digest for key in keys]
    return [what for what, all_ in (("name", names), ("SHA-256", digests)) if len(set(all_)) < len(all_)]
