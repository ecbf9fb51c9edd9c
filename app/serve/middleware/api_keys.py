"""API keys: finds the key of a request, and checks whether the key allows the request (RFC 6750)."""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from app.api_keys import SCOPES, Key, digest_of
from app.errors import Forbidden, TrinityError, Unauthenticated
from app.schemas.verbs import VERBS, Verb
from app.serve.asgi import Message
from app.serve.middleware.body_limits import IMPORT_PATH, Refusal, has_small_body
from app.serve.preferences import prefers_html

PUBLIC_PATHS = frozenset({"/ping", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
READ, PREDICT, FIT, IMPORT = (frozenset({scope}) for scope in SCOPES)
POLLING = READ | PREDICT | FIT | IMPORT
READING = frozenset({"GET", "HEAD"})
REALM = 'Bearer realm="trinity"'
BASIC = b'Basic realm="trinity", charset="UTF-8"'
_VERB = re.compile(rf"(?:/models/[^/]+)?/({'|'.join(VERBS)})")
_INFER = re.compile(r"/v2/models/[^/]+(/versions/[^/]+)?/infer")


class Access(NamedTuple):
    """The name of a request's key, and whether the request is allowed."""

    key_name: str = ""
    """The name of the key; '' for a request without a known key."""
    failure: Refusal | None = None


class ApiKeyAuth:
    """Allows requests whose key has a required scope."""

    def __init__(self, keys: Sequence[Key], scopes: Callable[[str, str], frozenset[str]] | None = None) -> None:
        """`scopes` returns the scopes of a method and path, of which one is required; by default the service's."""
        self._keys = keys
        self._scopes = scopes or required_scopes

    def check(self, scope: Message) -> Access:
        """Return the name of a request's key, and the reason of a refusal; public paths need no key."""
        if scope["path"] in PUBLIC_PATHS:
            return Access()
        presented = _credentials(scope)
        if len(presented) != 1:
            one = "a single key" if presented else "a key"
            error = Unauthenticated(f"this needs {one}, as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
            return Access(failure=_failure(scope, error, REALM))
        key = self._known(presented.pop())
        if key is None:
            error = Unauthenticated("this key is unknown")
            return Access(failure=_failure(scope, error, f'{REALM}, error="invalid_token"'))
        needed = self._scopes(scope["method"], scope["path"])
        if needed & key.scopes:
            return Access(key.name)
        wanted, has = " or ".join(sorted(needed)), " and ".join(sorted(key.scopes))
        forbidden = Forbidden(f"this needs a key with the scope {wanted}; {key.name!r} has {has}")
        challenge = f'{REALM}, error="insufficient_scope", scope="{wanted}"'
        return Access(key.name, _failure(scope, forbidden, challenge))

    def _known(self, secret: bytes) -> Key | None:
        """Return the key; the time it takes does not depend on the key."""
        digest, found = digest_of(secret), None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def _failure(scope: Message, error: TrinityError, challenge: str) -> Refusal:
    """Return the failure with its WWW-Authenticate header."""
    headers = [(b"www-authenticate", challenge.encode())]
    if isinstance(error, Unauthenticated) and _is_browser(scope):
        headers.append((b"www-authenticate", BASIC))
    return Refusal(error, headers, has_small_body(scope))


def required_scopes(method: str, path: str) -> frozenset[str]:
    """Return the scopes of which a request needs at least one."""
    if method in SAFE:
        # a client that submits jobs may follow them, but not see the list of all jobs
        return POLLING if path.startswith("/jobs/") and path != "/jobs/events" else READ
    if method == "POST" and (found := _VERB.fullmatch(path)):
        return frozenset({VERBS[cast("Verb", found[1])].scope})
    if method == "POST" and IMPORT_PATH.fullmatch(path):
        return IMPORT
    return PREDICT if method == "POST" and _INFER.fullmatch(path) else FIT


def _credentials(scope: Message) -> set[bytes]:
    """Return the keys of a request; ignore other credentials, which may be for a proxy.

    Without a key, the password of a browser's Basic credentials (RFC 7617) counts as a key, for reading only: a browser
    also adds these to requests that another site's page makes it send.
    """
    keys, passwords = set(), set()
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            keys.add(value.strip())
        elif name == b"authorization":
            kind, _, secret = value.partition(b" ")
            if kind.lower() == b"bearer":
                keys.add(secret.strip())
            elif kind.lower() == b"basic" and scope["method"] in READING:
                passwords.add(_password(secret))
    return keys or passwords


def _password(credentials: bytes) -> bytes:
    try:
        return b64decode(credentials.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _is_browser(scope: Message) -> bool:
    """Return whether a browser requests a page: it can prompt its user for a key."""
    accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), None)
    return scope["method"] in READING and prefers_html(accept)
