"""IP addresses of a host, from its text or from the DNS, and whether they are public."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
AddressInfo: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""What getaddrinfo returns: the last member is the socket address, (IP address, port, …)."""
Resolver: TypeAlias = Callable[[str, int], Sequence[AddressInfo]]

_UNICAST = ip_network("2000::/3")  # the only part of IPv6 that is assigned to hosts on the Internet
# `is_global` accepts these in some version of Python: protocol assignments, relays, documentation
_SPECIAL = [ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")]


class AddressRefused(OSError):
    """The host has no address that may be called."""


def parse_address(host: str) -> Address | None:
    """Return the host as an address, in any spelling that resolvers accept (127.1, 0x7f.1, 2130706433), or None."""
    with suppress(ValueError):
        return ip_address(host)
    with suppress(OSError):
        return IPv4Address(socket.inet_aton(host))
    return None


def is_public(address: Address) -> bool:
    """Whether the address is on the public Internet (IANA's special-purpose address registries)."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in _UNICAST:
            return False
    special = address.is_multicast or address.is_reserved or any(address in network for network in _SPECIAL)
    return address.is_global and not special


def resolve(host: str, port: int) -> Sequence[AddressInfo]:
    """Ask the system's resolver for the host's addresses; raise OSError."""
    return socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)


def checked_addresses(
    host: str, port: int, *, private: bool, timeout_s: float, resolver: Resolver = resolve
) -> list[tuple[str, int]]:
    """Return the host's addresses with their ports; raise OSError, or AddressRefused if one of them is not public.

    With `private`, every address is allowed. Connect to these addresses and not to the name: a second DNS lookup could
    return another address.
    """
    found = _resolve_within(resolver, host, port, timeout_s)
    if not private and not all(is_public(ip_address(info[4][0])) for info in found):
        raise AddressRefused("the host has an address that is not public")
    if not found:
        raise AddressRefused("the host has no address")
    return [(info[4][0], info[4][1]) for info in found]


def _resolve_within(resolver: Resolver, host: str, port: int, timeout_s: float) -> Sequence[AddressInfo]:
    """Resolve in a thread, because getaddrinfo has no timeout; a late thread is abandoned."""
    found: Future[Sequence[AddressInfo]] = Future()

    def run() -> None:
        try:
            found.set_result(resolver(host, port))
        except OSError as error:
            found.set_exception(error)

    threading.Thread(target=run, name="resolve", daemon=True).start()
    return found.result(max(timeout_s, 0.0))
