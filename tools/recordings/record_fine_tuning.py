"""Record what a network of MNIST's digits gives to other pictures: `fine_tuning.json`."""

import json
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from torch import nn

from introml.book.paths import ROOT
from introml.fine_tuning import (
    ENDS,
    TARGETS,
    draw_of_each,
    epochs_for,
    fine_tune,
    new_head,
    picture_network,
    pictures,
)
from introml.picture_training import accuracy, train
from introml.transfer import Examples, head_accuracy

OUT = ROOT / "assets" / "recordings" / "fine_tuning.json"
SEEDS = range(5)
SIZES = {"scanned": [2, 5, 10, 20, 50, 100], "clothes": [2, 5, 10, 20, 50, 100, 200]}
DEPTH_EACH = 10
EPOCHS, EPOCHS_EACH = [3, 10, 30, 90], 50
LAST = len(ENDS) - 1


def flat(examples: Examples) -> Examples:
    return Examples(examples.X.flatten(1), examples.y)


def by_size(source: nn.Sequential, target: str, seed: int) -> dict[str, list[float]]:
    """{way: an accuracy for each size}."""
    pool, test = pictures(target)
    untrained = picture_network(seed + 100)
    found = defaultdict(list)
    for each in SIZES[target]:
        few = draw_of_each(pool, each, seed)

        def tuned(layers: int, rate: float, few: Examples = few) -> float:
            return accuracy(fine_tune(source, few, layers, rate, seed + 200), *test)

        found["head"].append(head_accuracy(few, test, source))
        found["untrained"].append(head_accuracy(few, test, untrained))
        found["pixels"].append(head_accuracy(flat(few), flat(test)))
        found["scratch"].append(tuned(0, 0))
        found["block"].append(tuned(2, 0))
        found["all"].append(tuned(LAST, 1e-3))
        found["all_fast"].append(tuned(LAST, 5e-3))
    return found


def by_depth(source: nn.Sequential, target: str, seed: int) -> dict[str, list[float]]:
    """{"frozen" or "tuned": an accuracy for 0 to 4 copied layers}."""
    pool, test = pictures(target)
    few = draw_of_each(pool, DEPTH_EACH, seed)
    return {
        way: [
            accuracy(fine_tune(source, few, layers, rate, seed + 200), *test)
            for layers in range(LAST + 1)
        ]
        for way, rate in (("frozen", 0), ("tuned", 1e-3))
    }


def by_epochs(source: nn.Sequential, seed: int) -> dict[str, list[float]]:
    """How often clothes were gone through: all layers tuned, at two rates, and from scratch."""
    pool, test = pictures("clothes")
    few = draw_of_each(pool, EPOCHS_EACH, seed)

    def score(layers: int, rate: float, epochs: int) -> float:
        return accuracy(fine_tune(source, few, layers, rate, seed + 200, epochs=epochs), *test)

    ways = {"scratch": (0, 0), "all": (LAST, 1e-3), "all_fast": (LAST, 5e-3)}
    return {way: [score(*how, epochs) for epochs in EPOCHS] for way, how in ways.items()}


def drift(digits: Examples, digits_test: Examples, seed: int) -> dict[str, float]:
    """A network with batch norm, its body frozen, gets a new head for clothes, in two modes."""
    pool, test = pictures("clothes")
    few = draw_of_each(pool, 50, seed)
    old = train(picture_network(seed, batch_norm=True), *digits, seed=seed)
    found = {"before": accuracy(old, *digits_test)}
    for mode in ("train", "eval"):
        net = new_head(old, 10, seed + 200)
        body, head = net[:-1], net[-1]
        body.requires_grad_(False)
        if mode == "train":
            train(net, *few, epochs=epochs_for(len(few.y)), seed=seed)
        else:
            train(head, body(few.X), few.y, epochs=epochs_for(len(few.y)), seed=seed)
        found[f"clothes_{mode}"] = accuracy(net, *test)
        found[f"digits_{mode}"] = accuracy(nn.Sequential(body, old[-1]), *digits_test)
    return found


def one_run(seed: int) -> dict:
    """All accuracies of one seed: of the source's weights, the examples, the new layers."""
    torch.set_num_threads(1)
    digits, digits_test = pictures("digits")
    source = train(picture_network(seed), *digits, seed=seed)
    return {
        "unchanged": {
            "digits": accuracy(source, *digits_test),
            "scanned": accuracy(source, *pictures("scanned")[1]),
        },
        "sizes": {target: by_size(source, target, seed) for target in TARGETS},
        "depth": {target: by_depth(source, target, seed) for target in TARGETS},
        "epochs": by_epochs(source, seed),
        "drift": drift(digits, digits_test, seed),
    }


def stacked(runs: list) -> dict | list:
    """Alike nested dictionaries as one, with a list of the runs' values, to four places."""
    if isinstance(runs[0], dict):
        return {name: stacked([run[name] for run in runs]) for name in runs[0]}
    if isinstance(runs[0], list):
        return [[round(value, 4) for value in run] for run in runs]
    return [round(value, 4) for value in runs]


def recording(runs: list[dict]) -> dict:
    """All that `fine_tuning.json` holds; the README beside it says what each part means."""
    return {
        "provenance": {
            "script": "tools/recordings/record_fine_tuning.py",
            "torch": torch.__version__,
        },
        "each": SIZES,
        "depth_each": DEPTH_EACH,
        "epochs": EPOCHS,
        "epochs_each": EPOCHS_EACH,
        "accuracy": stacked(runs),
    }


if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        made = recording(list(pool.map(one_run, SEEDS)))
    OUT.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
