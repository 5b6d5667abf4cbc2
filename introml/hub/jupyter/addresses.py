"""Whence a request to the hub comes: what the tries of one visitor are counted by."""

from __future__ import annotations

import ipaddress
from typing import Any


def address_of(request: Any) -> str:
    """Whence a request to the hub comes, as the proxy saw it.

    Tornado's `remote_ip` believes the header X-Real-Ip, which anyone can send.
    """
    seen = [one.strip() for one in request.headers.get("X-Forwarded-For", "").split(",")]
    # A server before the proxy, on this machine, is no visitor.
    return next((one for one in reversed(seen) if not _is_here(one)), "127.0.0.1")


def _is_here(address: str) -> bool:
    try:
        return not address or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the 64 bits that an IPv6 user owns."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
