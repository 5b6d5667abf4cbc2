"""The order of the test files: long ones first, or one of them is the last and the others wait."""

from pathlib import Path

import pytest
from measured_seconds import Seconds

ROOT = Path(__file__).parents[1]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Seconds(ROOT), "seconds")
