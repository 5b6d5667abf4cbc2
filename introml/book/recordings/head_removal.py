"""A trained encoder without some of its heads, recorded.

The file is `assets/recordings/head_removal.json`; the README beside it says what each field means.
"""

import json

from introml.book.assets import asset


def load() -> dict:
    """How many of 48 word senses are told right without one head, a layer's, or random ones.

    Taught in {ref}`sec-multi-head-attention`.
    """
    return json.loads(asset("recordings/head_removal.json").read_text(encoding="utf-8"))
