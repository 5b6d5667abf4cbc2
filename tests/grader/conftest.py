"""One warm template for all tests that need a box; without a sandbox they fail, they never skip."""

import pytest

from introml.grader.box.template import Template


@pytest.fixture(scope="session")
def template():
    with Template() as template:
        yield template
