"""Which URLs a webhook may call, decided by their text alone, without the DNS."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from app.errors import Invalid
from app.queue.webhooks.addresses import is_public, parse_address

POINTER = "/webhook/url"
MAX_CHARACTERS = 2048
HOST_AND_PORT = "the URL needs a host, and a port from 1 to 65535 if it has one"
PORTS = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[!-~]+")
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


class Target(NamedTuple):
    """The parts of a URL: `host` is a name or an address without brackets, `path` includes the query."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header: with the port unless it is the scheme's default."""
        default = PORTS["https" if self.secure else "http"]
        return _bracketed(self.host) if self.port == default else f"{_bracketed(self.host)}:{self.port}"

    def named_in(self, allowed_hosts: Collection[str]) -> bool:
        """Whether the operator allowed this host, alone or with this port."""
        shown = _bracketed(self.host)
        return any(name in allowed_hosts for name in (self.host, shown, f"{shown}:{self.port}"))


def named_hosts(setting: str) -> frozenset[str]:
    """Return the hosts that TRINITY_WEBHOOK_HOSTS names, each a host or host:port."""
    return frozenset(filter(None, (name.strip().lower() for name in setting.split(","))))


def check_url(url: str, allowed_hosts: Collection[str]) -> None:
    """Raise Invalid unless it is a URL that may be called: public, or with an allowed host.

    `localhost` and names that end in it mean this machine, whatever the DNS says (RFC 6761 §6.3).
    """
    target = parse_url(url)
    if target.host.rpartition(".")[2] == "localhost" and not target.named_in(allowed_hosts):
        raise _refused("the host is this machine; add it to TRINITY_WEBHOOK_HOSTS to allow it")
    address = parse_address(target.host)
    if address is not None and not is_public(address) and not target.named_in(allowed_hosts):
        raise _refused("the host is an address that is not public; add it to TRINITY_WEBHOOK_HOSTS to allow it")


def parse_url(url: str) -> Target:
    """Return the URL's parts; raise Invalid unless it is http(s) with a host and has neither a user nor a fragment."""
    if len(url) > MAX_CHARACTERS:
        raise _refused(f"the URL has {len(url)} characters, at most {MAX_CHARACTERS} are allowed")
    if not _PRINTABLE.fullmatch(url):  # urlsplit would silently drop line breaks and tabs
        raise _refused("the URL may contain only printable ASCII characters, without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(HOST_AND_PORT) from None
    if port == 0:
        raise _refused(HOST_AND_PORT)
    if parts.scheme not in PORTS:
        raise _refused("the URL must begin with http:// or https://")
    if "@" in parts.netloc:
        raise _refused("the URL must not contain a user or a password; receivers check the signature")
    if "#" in url:
        raise _refused("the URL must not have a fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", _host(parts), port or PORTS[parts.scheme], path)


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "[" in parts.netloc:
        if parse_address(host) is None or "%" in host:
            raise _refused("the host in brackets is not an IPv6 address")
        return host
    host = host.removesuffix(".")  # the DNS root; certificates and lists of hosts omit it
    if not _NAME.fullmatch(host):
        raise _refused("the URL's host must be a name of letters, digits, - and _ (punycode for others), or an address")
    return host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _refused(detail: str) -> Invalid:
    return Invalid.at(POINTER, detail)
