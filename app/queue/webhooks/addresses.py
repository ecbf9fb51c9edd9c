"""IP addresses: those a host's text spells, those its name has, and which of them anybody may be sent to."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Answer: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
Resolver: TypeAlias = Callable[[str, int], Sequence[Answer]]


_UNICAST = ip_network("2000::/3")  # the part of IPv6 that is given out
# what `is_global` of this or another version of Python lets pass: protocols, relays, documentation
_SPECIAL = [ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")]


class AddressRefused(OSError):
    """The host has no address that may be called."""


def literal(host: str) -> Address | None:
    """Return the address that the host is, in any spelling the resolver takes (127.1, 0x7f.1, 2130706433), or None."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def is_public(address: Address) -> bool:
    """Whether the address is one of the open Internet (IANA's special-purpose registries)."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in _UNICAST:
            return False
    special = address.is_multicast or address.is_reserved or any(address in network for network in _SPECIAL)
    return address.is_global and not special


def resolve(host: str, port: int) -> Sequence[Answer]:
    """Ask the system for the host's addresses; raise OSError."""
    return socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)


def reachable(
    host: str, port: int, *, private: bool, timeout_s: float, resolver: Resolver = resolve
) -> list[tuple[socket.AddressFamily, Any]]:
    """Return the host's addresses as sockets take them; raise OSError, or Unreachable if any of them isn't public.

    With `private`, all are fine. Whoever connects must do so to these: asked again, the DNS might answer otherwise.
    """
    answers = _in_time(resolver, host, port, timeout_s)
    if not private and not all(is_public(ip_address(answer[4][0])) for answer in answers):
        raise AddressRefused("the host has an address that isn't public")
    if not answers:
        raise AddressRefused("the host has no address")
    return [(family, place) for family, _, _, _, place in answers]


def _in_time(resolver: Resolver, host: str, port: int, timeout_s: float) -> Sequence[Answer]:
    """Resolve in a thread of its own, since getaddrinfo knows no timeout: it is left to itself when it is late."""
    found: queue.SimpleQueue[Sequence[Answer] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put(resolver(host, port))
        except OSError as error:
            found.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = found.get(timeout=max(timeout_s, 0.0))
    except queue.Empty:
        raise TimeoutError("the host's name wasn't resolved in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
