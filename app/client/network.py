"""The network between client and service: a proxy, trusted certificates, and headers for a gateway."""

from __future__ import annotations

import os
import re
import ssl
import urllib.request
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeAlias

import httpx

Verify: TypeAlias = bool | str | os.PathLike[str] | ssl.SSLContext
_PORTS = {"http": 80, "https": 443}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2


def proxy_of(url: httpx.URL) -> httpx.Proxy | None:
    """Return the proxy for a URL by HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, or the system's settings.

    NO_PROXY may hold networks such as 10.0.0.0/8. Raise ValueError, which does not quote it, if it is not valid.
    """
    proxies = urllib.request.getproxies()
    found = proxies.get(url.scheme) or proxies.get("all")
    if not found or _is_direct(url, proxies.get("no", "")):
        return None
    try:
        return httpx.Proxy(found if "://" in found else f"http://{found}")
    except (httpx.InvalidURL, ValueError):
        raise ValueError(f"the environment's proxy for {url.scheme} is not a valid URL of a proxy") from None


def _is_direct(url: httpx.URL, no_proxy: str) -> bool:
    if urllib.request.proxy_bypass(f"{url.host}:{url.port or _PORTS[url.scheme]}"):
        return True
    try:
        address = ip_address(url.host)
    except ValueError:
        return False
    return any(network is not None and address in network for network in map(_network, no_proxy.split(",")))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text.strip(" []"), strict=False)
    except ValueError:
        return None


def verification(verify: Verify) -> ssl.SSLContext | bool:
    """Return httpx's `verify`: a context that trusts the authorities in a file or folder instead of the usual ones.

    Raise ValueError if it cannot be read.
    """
    if not isinstance(verify, str | os.PathLike):
        return verify
    path = Path(verify)
    folder = path.is_dir()
    try:
        return ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
    except OSError as error:  # ssl.SSLError too
        raise ValueError(f"verify: no certificates can be read from {path}: {error}") from None


def check_headers(headers: Mapping[Any, Any]) -> Mapping[str, str]:
    """Return the caller's headers; raise ValueError, which does not quote a value, if one is not valid."""
    for name, value in headers.items():
        if not (isinstance(name, str) and _TOKEN.fullmatch(name)):
            raise ValueError("headers: a name is not valid")
        if not (isinstance(value, str) and value.isascii() and value.isprintable()):
            raise ValueError(f"headers: the value of {name} is not valid: it is one line of printable ASCII characters")
    return headers


def is_certificate_refused(error: BaseException | None) -> bool:
    """Whether a connection failed because the certificate of the other side is not trusted."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def redirect_target(response: httpx.Response) -> str | None:
    """Return the URL that a redirect leads to, without password and query; None for other responses.

    If only the part before the request's path differs, return that part, which can be given to a client.
    """
    if not response.has_redirect_location:
        return None
    asked = response.url
    target = asked.join(response.headers["Location"]).copy_with(userinfo=b"", query=None, fragment=None)
    theirs, ours = target.path.split("/"), asked.path.split("/")
    while len(theirs) > 1 and len(ours) > 1 and theirs[-1] == ours[-1]:
        theirs.pop()
        ours.pop()
    return str(target.copy_with(path="/".join(theirs) or "/")).rstrip("/")
