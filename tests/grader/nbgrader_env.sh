#!/usr/bin/env bash
# nbgrader in an environment of its own, _build/nbgrader-venv: its pins must not bind the book's.
# torch, NumPy and introml come from the book's environment, after nbgrader's own packages.
# Prints the path of its Python. Does nothing when it is there already.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=0.9.6
venv=_build/nbgrader-venv
mkdir -p _build
exec 9> "$venv.lock"
flock 9  # one makes it, others wait
if [ "$(cat "$venv/ready" 2>/dev/null)" != "$version" ]; then
  rm -rf "$venv"
  .venv/bin/python -m venv "$venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "nbgrader==$version" ipykernel >&2
  # Last on the path, so that nbgrader finds its own packages first.
  .venv/bin/python - "$venv" <<'PYTHON'
import sys, sysconfig
from pathlib import Path

book = sysconfig.get_paths()["purelib"]
own = next(Path(sys.argv[1]).glob("lib/python3*/site-packages"))
(own / "zz-book.pth").write_text(f"{book}\n{Path.cwd()}\n")
PYTHON
  "$venv/bin/python" -m ipykernel install --prefix "$venv" --name python3 >&2
  echo "$version" > "$venv/ready"
fi
echo "$PWD/$venv/bin/python"
