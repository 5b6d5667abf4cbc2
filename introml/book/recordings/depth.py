"""How deep networks learn small digits, with shortcuts and without, recorded with the controls.

The file is `assets/recordings/depth.json`; the README beside it says what each field means.
"""

import json

from introml.book.assets import asset


def load() -> dict:
    """Accuracies and first gradients at each depth, of all ways and seeds, and how they were made.

    Taught in {ref}`sec-inception-and-resnet`.
    """
    return json.loads(asset("recordings/depth.json").read_text(encoding="utf-8"))
