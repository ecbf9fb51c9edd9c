"""API keys in front of everything else: who asks without one, or for more than it allows, is refused by the head."""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode
from collections.abc import Sequence
from typing import NamedTuple, cast

from app.api_keys import SCOPES, Key, digest_of
from app.errors import Forbidden, TrinityError, Unauthenticated
from app.schemas.verbs import VERBS, Verb
from app.serve.asgi import Asgi, Message, Receive, Send, length_of
from app.serve.middleware.body_limits import refuse
from app.serve.negotiation import prefers_html

PUBLIC_PATHS = frozenset({"/ping", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
READ, PREDICT, FIT = (frozenset({scope}) for scope in SCOPES)
POLLING = READ | PREDICT | FIT
READING = frozenset({"GET", "HEAD"})
REALM = 'Bearer realm="trinity"'
BASIC = b'Basic realm="trinity", charset="UTF-8"'
SMALL_BODY_BYTES = 65_536  # what the server reads past more cheaply than a client opens a new connection
_VERB = re.compile(rf"(?:/models/[^/]+)?/({'|'.join(VERBS)})")
_INFER = re.compile(r"/v2/models/[^/]+(/versions/[^/]+)?/infer")


class AuthFailure(NamedTuple):
    """Why a request may not pass, and the words of WWW-Authenticate for it."""

    error: TrinityError
    challenge: str


class ApiKeyAuth:
    """An ASGI app in front of another: lets requests pass whose key has a scope that they need (RFC 6750)."""

    def __init__(self, api: Asgi, keys: Sequence[Key]) -> None:
        self._api = api
        self._keys = keys

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand on, or refuse without asking for the body."""
        if scope["type"] != "http":
            await self._api(scope, receive, send)
            return
        refusal = None if scope["path"] in PUBLIC_PATHS else self._refusal(scope)
        if refusal is None:
            await self._api(scope, receive, send)
        else:
            challenges = [(b"www-authenticate", refusal.challenge.encode())]
            if isinstance(refusal.error, Unauthenticated) and _is_browser(scope):
                challenges.append((b"www-authenticate", BASIC))
            await refuse(scope, receive, send, refusal.error, *challenges, keep=_has_small_body(scope))

    def _refusal(self, scope: Message) -> AuthFailure | None:
        needed, given = required_scopes(scope["method"], scope["path"]), _credentials(scope)
        if len(given) != 1:
            one = "a single key" if given else "a key"
            return AuthFailure(
                Unauthenticated(f"this needs {one}, as `Authorization: Bearer KEY` or `X-API-Key: KEY`"), REALM
            )
        key = self._known(given.pop())
        if key is None:
            return AuthFailure(Unauthenticated("this key is unknown"), f'{REALM}, error="invalid_token"')
        if needed & key.scopes:
            return None
        wanted, has = " or ".join(sorted(needed)), " and ".join(sorted(key.scopes))
        return AuthFailure(
            Forbidden(f"this needs a key with the scope {wanted}; {key.name!r} has {has}"),
            f'{REALM}, error="insufficient_scope", scope="{wanted}"',
        )

    def _known(self, secret: bytes) -> Key | None:
        """Return the key; as long for every key, known or not, as it takes to compare with all."""
        digest, found = digest_of(secret), None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def required_scopes(method: str, path: str) -> frozenset[str]:
    """Return the scopes of which a request needs one."""
    if method in SAFE:
        # who submits a job may follow it, and not everybody's
        return POLLING if path.startswith("/jobs/") and path != "/jobs/events" else READ
    if method == "POST" and (found := _VERB.fullmatch(path)):
        return frozenset({VERBS[cast("Verb", found[1])].scope})
    return PREDICT if method == "POST" and _INFER.fullmatch(path) else FIT


def _credentials(scope: Message) -> set[bytes]:
    """Return the keys that a request comes with; credentials of another kind are somebody else's.

    Where there is none, the password of a browser's Basic credentials (RFC 7617) is taken for one, for reading only: a
    browser adds those to whatever another site's page makes it send.
    """
    given, typed = set(), set()
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            given.add(value.strip())
        elif name == b"authorization":
            kind, _, secret = value.partition(b" ")
            if kind.lower() == b"bearer":
                given.add(secret.strip())
            elif kind.lower() == b"basic" and scope["method"] in READING:
                typed.add(_password(secret))
    return given or typed


def _password(credentials: bytes) -> bytes:
    try:
        return b64decode(credentials.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _is_browser(scope: Message) -> bool:
    """Whether the request is one for a page, which a person can be asked for a key for."""
    accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), None)
    return scope["method"] in READING and prefers_html(accept)


def _has_small_body(scope: Message) -> bool:
    """Whether the rest of the request is so little, and so sure to come, that the connection may go on after it."""
    announced = b"0"
    for name, value in scope["headers"]:
        if name in (b"transfer-encoding", b"expect"):
            return False
        if name == b"content-length":
            announced = value
    length = length_of(announced)
    return length is not None and length <= SMALL_BODY_BYTES
