"""Record how five digits are learned from few labels, and features of others: `transfer.json`."""

import json

import torch

from introml.book.paths import ROOT
from introml.transfer import (
    accuracy,
    digit_tasks,
    first_of_each,
    head_accuracy,
    new_network,
    train,
)

OUT = ROOT / "assets" / "recordings" / "transfer.json"
SIZES = [2, 5, 10, 20, 50, 100, 200, 400]
SEEDS = range(10)
PLACES = {"anywhere": 4, "in the middle": 0}


def accuracies(seed: int, reach: int) -> list[dict[str, float]]:
    """The accuracies of all ways, one dictionary a size."""
    tasks = digit_tasks(seed, reach)
    untrained = new_network(196, 128, 5, seed)
    pretrained = train(new_network(196, 128, 5, seed), tasks.source, passes=8, seed=seed)
    centred = digit_tasks(seed, reach=0).source
    elsewhere = train(new_network(196, 128, 5, seed), centred, passes=8, seed=seed)
    found = []
    for each in SIZES:
        few = first_of_each(tasks.pool, each)
        scratch, further = (new_network(196, 128, 5, seed) for _ in range(2))
        further[0].load_state_dict(pretrained[0].state_dict())  # the head is new
        for network in (scratch, further):
            train(network, few, passes=100, batch_size=len(few.X))
        found.append(
            {
                "pretrained": head_accuracy(few, tasks.test, pretrained),
                "untrained": head_accuracy(few, tasks.test, untrained),
                "pixels": head_accuracy(few, tasks.test),
                "scratch": accuracy(scratch, tasks.test),
                "trained_on": accuracy(further, tasks.test),
                "pretrained_centred": head_accuracy(few, tasks.test, elsewhere),
            }
        )
    return found


def recording() -> dict:
    """All that `transfer.json` holds; `assets/recordings/README.md` says what each part means."""
    torch.set_num_threads(1)
    places = {}
    for place, reach in PLACES.items():
        runs = [accuracies(seed, reach) for seed in SEEDS]
        places[place] = {
            way: [[round(size[way], 4) for size in run] for run in runs] for way in runs[0][0]
        }
    return {
        "provenance": {
            "script": "tools/recordings/record_transfer.py",
            "torch": torch.__version__,
        },
        "labels": SIZES,
        "accuracy": places,
    }


if __name__ == "__main__":
    OUT.write_text(json.dumps(recording(), indent=1) + "\n", encoding="utf-8")
