"""Execute the built pages' notebooks again, by nbval: marked outputs must come out the same.

Cells tagged `nbval-check-output` are compared; all others must run without an error. Arguments are
pytest's; `--selection changed` leaves out the pages that are unchanged since they passed.
"""

import json
import os
import subprocess
import sys

from introml.book.paths import ROOT

NOTEBOOKS = ROOT / "_build" / "html" / "notebooks"


def main(arguments: list[str]) -> int:
    pages = json.loads((ROOT / "_build" / "cache" / "pages.json").read_text())["pages"]
    paths = [NOTEBOOKS / f"{name}.ipynb" for name in sorted(pages)]
    there = [str(path) for path in paths if path.exists()]
    if not there:
        print("the build wrote no notebooks to execute")
        return 1
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax",
        "--nbval-current-env", "--nbval-cell-timeout", "180", "--dist", "loadfile",
        *arguments, *there,
    ]  # fmt: skip
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return subprocess.run(command, cwd=ROOT, env=os.environ | threads).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
