"""Recorded times of a training step at each batch size, on a processor.

The file is `assets/recordings/throughput.json`; the README beside it says what each field means.
"""

import json

from introml.book.assets import asset


def load() -> dict:
    """Seconds and bytes of one training step at batch sizes 1 to 4,096, and how they were measured.

    Taught in {ref}`sec-minibatch-sgd`.
    """
    return json.loads(asset("recordings/throughput.json").read_text(encoding="utf-8"))
