"""``ip("…")``: a single address, a range, or a network (grafana.com/docs/loki/latest/query/ip)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from obsctl.languages.errors import QueryError
from obsctl.languages.quoting import excerpt

Address = IPv4Address | IPv6Address

_HINT = re.compile(r"(\d)(?=\.|.\.|..\.)|(?:::[0-9a-fA-F]|[0-9a-fA-F]{1,4}:)", re.ASCII | re.DOTALL)
_FOUR = re.compile(r"[\d.]*", re.ASCII)
_SIX = re.compile(r"[0-9a-fA-F:.]*")


def contains(pattern: str) -> Callable[[str], bool]:
    """Whether a text has an address in it that fits the pattern. ``QueryError`` when the pattern is none."""
    fits = _fits(pattern)

    def test(text: str) -> bool:
        return any(found is not None and fits(found) for found in map(_address, _candidates(text)))

    return test


def _candidates(text: str) -> Iterator[str]:
    """What looks like an address, where Loki looks for one: a full stop right behind it is taken as part of it."""
    position = 0
    while hint := _HINT.search(text, position):
        start = hint.start()
        if start + (3 if hint[1] else 4) >= len(text):
            position = start + 1
            continue
        found = (_FOUR if hint[1] else _SIX).match(text, start)
        candidate = found[0] if found else ""
        yield candidate
        position = start + len(candidate) + 1


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
        low, high = ip_address(first), ip_address(last if dash else first)
        if low.version != high.version or int(low) > int(high):
            raise ValueError("the range ends before it begins")
    except ValueError as cause:
        raise QueryError(f"ip: invalid pattern: {excerpt(pattern)}, no address, range nor network: {cause}") from cause
    return lambda address: address.version == low.version and int(low) <= int(address) <= int(high)
