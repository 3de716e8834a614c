"""``ip("…")``: a single address, a range, or a network (grafana.com/docs/loki/latest/query/ip)."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from obsctl.languages.errors import QueryError
from obsctl.languages.quoting import excerpt

Address = IPv4Address | IPv6Address

_CANDIDATE = re.compile(
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)|(?<![\w:.])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,8}(?![\w:])",
    re.ASCII,
)


def contains(pattern: str) -> Callable[[str], bool]:
    """Whether a text has an address in it that fits the pattern. ``QueryError`` when the pattern is none."""
    fits = _fits(pattern)

    def test(text: str) -> bool:
        return any(found is not None and fits(found) for found in map(_address, _CANDIDATE.findall(text)))

    return test


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _fits(pattern: str) -> Callable[[Address], bool]:
    try:
        if "/" in pattern:
            network = ip_network(pattern, strict=False)
            return lambda address: address in network
        first, dash, last = pattern.partition("-")
        low, high = ip_address(first.strip()), ip_address((last if dash else first).strip())
        if low.version != high.version or int(low) > int(high):
            raise ValueError("the range ends before it begins")
    except ValueError as cause:
        raise QueryError(f"ip: {excerpt(pattern)} is neither an address, a range nor a network: {cause}") from cause
    return lambda address: address.version == low.version and int(low) <= int(address) <= int(high)
