"""Accuracies on two sets of pictures, with layers of a network of MNIST's digits and without.

The file is `assets/recordings/fine_tuning.json`; the README beside it says what each field means.
"""

import json

from introml.book.assets import asset


def load() -> dict:
    """Accuracies of all ways at each number of examples, of all seeds, and how they were measured.

    Taught in {ref}`sec-transfer-learning`.
    """
    return json.loads(asset("recordings/fine_tuning.json").read_text(encoding="utf-8"))
