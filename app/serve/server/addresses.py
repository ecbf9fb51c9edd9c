"""Addresses to listen on, and whether other machines can reach them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

LOOPBACK = "127.0.0.1"


def address(host: str, port: int) -> str:
    """Return host and port in the form of gunicorn's `bind` and of URLs: IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a host; names other than localhost count as reachable."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def open_addresses(bound: Iterable[tuple[str, int] | str | int]) -> list[str]:
    """Return the addresses that other machines can reach; gunicorn binds pairs, paths of sockets and descriptors."""
    return [address(each[0], each[1]) for each in bound if isinstance(each, tuple) and not is_loopback(each[0])]
