"""A lab is tested with one thread; the small lab's checker serves the tests of a file."""

import pytest
from tiny import tiny
from torch_threads import one_thread

from introml.grader.run.checker import Checker, Setup


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def checker():
    with Checker(Setup(str(tiny().folder), 0)) as one:
        yield one
