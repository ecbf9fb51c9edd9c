"""Addresses to listen on, and which of them other machines reach."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

LOOPBACK = "127.0.0.1"


def address(host: str, port: int) -> str:
    """Return host and port as gunicorn's `bind` and URLs have them: IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host; other names than localhost count as open."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def open_addresses(bound: Iterable[tuple[str, int] | str | int]) -> list[str]:
    """Return those that other machines reach, of what gunicorn binds: pairs, paths of sockets, descriptors."""
    return [address(each[0], each[1]) for each in bound if isinstance(each, tuple) and not is_loopback(each[0])]
