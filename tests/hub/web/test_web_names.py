"""What is no name of anything, in addresses: refused as not there, on both databases."""

import pytest
from served import Browser, app_of

NAMES = ["..", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "a%00b", "1' OR '1'='1",
         "a" * 5000, "%25", "%ff", "\u202e"]  # fmt: skip


@pytest.mark.parametrize("part", ["", "/events", "/feedback", "/receipt", "/file"])
def test_of_a_submission(course, part):
    ann = Browser(app_of(course), "ann")
    for name in NAMES:
        assert ann.get(f"submissions/{name}{part}").status_code == 404, name


def test_of_a_lab(course):
    ann = Browser(app_of(course), "ann")
    for name in NAMES:
        if name != "..":  # which the client itself resolves
            assert ann.get(f"labs/{name}").status_code == 404, name
