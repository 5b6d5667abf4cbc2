"""Record how well a trained encoder tells word senses apart without some heads.

    .venv/bin/python tools/recordings/record_head_removal.py

Writes `head_removal.json`. Layers and heads are counted from 0. The file has no date in it: running
it again on one machine gives the same bytes.
"""

import json

import torch

from introml.book.paths import ROOT
from introml.data import word_senses
from introml.head_removal import SenseTest, without_heads
from introml.models.encoder import HEADS, LAYERS, load_encoder

OUT = ROOT / "assets" / "recordings" / "head_removal.json"
REMOVED = [0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60, 66, 72]
ORDERS = 10


def recording() -> dict:
    """All that `head_removal.json` holds; `assets/recordings/README.md` says what it means."""
    encoder = load_encoder()
    test = SenseTest(encoder, word_senses.load())
    every = [(layer, head) for layer in range(LAYERS) for head in range(HEADS)]

    def right_without(heads: list[tuple[int, int]]) -> int:
        with without_heads(encoder, heads):
            return test.right()

    random = []
    for seed in range(ORDERS):
        order = torch.randperm(len(every), generator=torch.Generator().manual_seed(seed))
        shuffled = [every[i] for i in order]
        random.append([right_without(shuffled[:count]) for count in REMOVED])
    whole = [[(layer, head) for head in range(HEADS)] for layer in range(LAYERS)]
    return {
        "provenance": {
            "script": "tools/recordings/record_head_removal.py",
            "model": "sentence-transformers/all-MiniLM-L6-v2",
            "torch": torch.__version__,
        },
        "uses": len(word_senses.load()),
        "removed": REMOVED,
        "random": random,
        "single": [[right_without([(la, he)]) for he in range(HEADS)] for la in range(LAYERS)],
        "layer": [right_without(heads) for heads in whole],
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    OUT.write_text(json.dumps(recording()) + "\n", encoding="utf-8")
