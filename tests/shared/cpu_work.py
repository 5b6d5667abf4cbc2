"""How much a call computes, in a unit that is the same on a slow machine and on a busy one."""

import ast
import json
import re
import time
from collections.abc import Callable

_SOURCE = "\n".join(f"def f{n}(x): return [x + {n}, 'text {n}', x * {n} - 1]" for n in range(60))


def _unit() -> float:
    """CPU seconds of a fixed piece of parsing and searching in Python, about 10 ms of a desktop."""
    began = time.process_time()
    for _ in range(5):
        names = [node.name for node in ast.walk(ast.parse(_SOURCE)) if hasattr(node, "name")]
        json.loads(json.dumps({name: re.findall(r"\w+", _SOURCE) for name in names[:5]}))
    return time.process_time() - began


def units_of_work(call: Callable[[], object]) -> float:
    """The CPU time of `call` in this process, as a multiple of a fixed piece of work.

    The unit is measured before and after, and the larger one counts: a machine that is slow, or
    becomes it meanwhile, changes both alike. Waiting does not count.
    """
    before = _unit()
    began = time.process_time()
    call()
    spent = time.process_time() - began
    return spent / max(before, _unit())
