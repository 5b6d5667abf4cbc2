"""Which Python of the machine's every user can run: students' servers need one.

`make hub` asks before anything is installed, so this file uses Python's own modules alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_VERSIONS = ("3.11", "3.12", "3.13")
#: Where a Python that all users can run lies, if there is one.
_PLACES = ("/usr/bin", "/usr/local/bin")


class NoPython(Exception):
    """Students can have no Python; the text says why, and what to install."""


def find_interpreter() -> str:
    """A Python that any user can run and that has venv. Raises `NoPython`."""
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}"
    versions = [wanted, *(version for version in _VERSIONS if version != wanted)]
    names = [f"python{version}" for version in versions] + ["python3"]
    lacks_venv = ""
    for path in (Path(place) / name for name in names for place in _PLACES):
        if not path.exists():
            continue
        version = said_by(path, "import sys; print('%d.%d' % sys.version_info[:2])")
        if version not in _VERSIONS or not others_can_run(str(path)):
            continue
        if said_by(path, "import venv, ensurepip; print('yes')") == "yes":
            return str(path)
        lacks_venv = version
    if lacks_venv:
        raise NoPython(
            f"Python {lacks_venv} lacks its venv module. Debian or Ubuntu: "
            f"apt install python{lacks_venv}-venv"
        )
    raise NoPython(
        f"there is no Python ({', '.join(_VERSIONS)}) that students can run: the one at "
        f"{sys.executable} lies where other users cannot read. Debian or Ubuntu: "
        "apt install python3 python3-venv"
    )


def others_can_run(python: str, code: str = "pass") -> bool:
    """Whether a user without any rights can run it."""
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        who = {"user": "nobody", "group": 65534, "extra_groups": []}
    try:
        done = subprocess.run(
            [python, "-P", "-c", code], cwd="/", env={"PATH": "/usr/bin:/bin"}, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **who,
        )  # fmt: skip
    except OSError:
        return False
    return done.returncode == 0


def said_by(python: Path, code: str) -> str:
    """What that Python prints for `code`; "" if it cannot."""
    try:
        done = subprocess.run(
            [str(python), "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip()
