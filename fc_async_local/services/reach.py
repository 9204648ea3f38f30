# SPDX-License-Identifier: MIT
"""Decides which addresses the services push to: this machine, or also others.

A client of the services names the URL of a subscription or a rule. Every page, repository and
function that may make one could otherwise let this machine send requests into its network.

Invariants:

- What is judged is the address that is connected to, after the name was resolved: a name that
  resolves to another address the second time gains nothing.
- Link-local and metadata addresses are never connected to. They give cloud keys to who asks.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver, ResolveResult

_METADATA: Final = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "169.254.169.254", "fd00:ec2::254"))
)
"""Instance metadata of Alibaba Cloud, of most other clouds, and of AWS over IPv6."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_OTHERS: Final = (
    "is not an address of this machine: start the runtime with --allow-cloud to push to others"
)


def refusal(address: str, *, allow_others: bool) -> str:
    """Return why nothing is sent to an address, "" if it may be.

    Args:
        address: An IPv4 or IPv6 address; with or without a zone.
        allow_others: Whether other machines may be connected to.
    """
    ip = _plain(ipaddress.ip_address(address.partition("%")[0]))
    is_special = ip.is_link_local or ip.is_multicast or ip.is_unspecified
    if is_special or ip in _METADATA:
        return f"{address} is a link-local, metadata or multicast address: nothing is sent there"
    if ip.is_loopback or allow_others:
        return ""
    return f"{address} {_OTHERS}"


def refusal_of_literal(host: str, *, allow_others: bool) -> str:
    """Return why nothing is sent to a host that is an address; "" if it is a name or may be."""
    try:
        return refusal(host, allow_others=allow_others)
    except ValueError:
        return ""


def _plain(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    # An IPv6 form of a metadata address leads to the same machine.
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def resolver(*, allow_others: bool) -> AbstractResolver:
    """Return a resolver for aiohttp that returns allowed addresses only."""
    import aiohttp  # noqa: PLC0415 -- slow to import; few runtimes push

    class Resolver(aiohttp.ThreadedResolver):
        """Resolves names as the system does."""

        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            """Return the addresses of a name.

            Raises:
                OSError: It has none, or one that nothing is sent to.
            """
            addresses = await super().resolve(host, port, family)  # type: ignore[arg-type]
            # One address that is refused refuses the name: which of them is connected to is not
            # known here.
            for result in addresses:
                refused = refusal(result["host"], allow_others=allow_others)
                if refused:
                    raise OSError(None, f"{host} is {refused}")
            return addresses

    return Resolver()
