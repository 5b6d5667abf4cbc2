"""Whence a request comes: what the proxy saw, and not what a header says that anyone can send."""

from types import SimpleNamespace

import pytest

from introml.hub.jupyter.addresses import address_of, network_of


def seen(**headers):
    return address_of(SimpleNamespace(headers={k.replace("_", "-"): v for k, v in headers.items()}))


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1", "192.0.2.1"),  # the visitor sent the first one
        ("192.0.2.1, 127.0.0.1", "192.0.2.1"),  # another proxy on this machine
        ("192.0.2.1, ::1", "192.0.2.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("nonsense", "nonsense"),
        ("", "127.0.0.1"),
        (" , ", "127.0.0.1"),
    ],
)
def test_the_last_address_that_is_not_this_machine_counts(forwarded, address):
    assert seen(X_Forwarded_For=forwarded, X_Real_Ip="198.51.100.7") == address


def test_what_a_visitor_says_of_itself_counts_nothing():
    assert seen(X_Real_Ip="198.51.100.7") == "127.0.0.1"


def test_one_user_of_ipv6_has_a_network_and_one_of_ipv4_an_address():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert network_of("nonsense") == "unknown"
