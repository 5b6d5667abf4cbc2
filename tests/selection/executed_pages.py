"""What the result of executing a page's notebook again depends on, as a hash."""

import json
from pathlib import Path

from inputs_of_tests import sha256

NOTEBOOKS = Path("_build/html/notebooks")


def notebook_key(root: Path, file: str) -> str:
    """The hash for a notebook that the build wrote: the page's key and the cells with code.

    The key holds what the code depends on (see introml/site/cache.py); tags and outputs are what
    is compared. Prose is not executed, so it does not count.
    """
    docname = Path(file).relative_to(NOTEBOOKS).with_suffix("").as_posix()
    page = json.loads((root / "_build/cache/pages.json").read_text())["pages"].get(docname, {})
    cells = json.loads((root / file).read_text())["cells"]
    code = [
        [cell["source"], cell["metadata"], cell["outputs"]]
        for cell in cells
        if cell["cell_type"] == "code"
    ]
    how = sha256((root / "tests/pages/execute_again.py").read_bytes())
    return sha256(json.dumps([page.get("key"), code, how]).encode())
