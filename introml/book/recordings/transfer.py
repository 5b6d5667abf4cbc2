"""Accuracies on five digits from few labels, with features of five others and with the controls.

The file is `assets/recordings/transfer.json`; the README beside it says what each field means.
"""

import json

from introml.book.assets import asset


def load() -> dict:
    """Accuracies of ten runs at each number of labels, of all ways, and how they were measured.

    Taught in {ref}`sec-ways-of-learning`.
    """
    return json.loads(asset("recordings/transfer.json").read_text(encoding="utf-8"))
