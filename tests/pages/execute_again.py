"""Execute the built pages' notebooks again, by nbval: marked outputs must come out the same.

In CI (CI=true) every page is executed; elsewhere those that changed since they last passed. Cells
tagged `nbval-check-output` are compared; all others must run without an error.
"""

import json
import os
import subprocess
import sys

from introml.book.paths import ROOT

NOTEBOOKS = ROOT / "_build" / "html" / "notebooks"
PASSED = ROOT / "_build" / "nbval.json"
NOTHING_COLLECTED = 5


def main() -> int:
    keys = json.loads((ROOT / "_build" / "cache" / "pages.json").read_text())["pages"]
    passed = {}
    if PASSED.exists() and os.environ.get("CI") != "true":
        passed = json.loads(PASSED.read_text())
    wanted = {
        name: entry["key"]
        for name, entry in keys.items()
        if passed.get(name) != entry["key"] and (NOTEBOOKS / f"{name}.ipynb").exists()
    }
    if not wanted:
        print(f"{len(keys)} pages, none changed since they passed")
        return 0
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax",
        "--nbval-current-env", "--nbval-cell-timeout", "180", "-n", "2", "--dist", "loadfile",
        *(str(NOTEBOOKS / f"{name}.ipynb") for name in sorted(wanted)),
    ]  # fmt: skip
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    code = subprocess.run(command, cwd=ROOT, env=os.environ | threads).returncode
    if code == NOTHING_COLLECTED:
        print("the notebooks hold no cells to execute")
        return 1
    if code == 0:
        PASSED.write_text(json.dumps(passed | wanted))
    return code


if __name__ == "__main__":
    sys.exit(main())
