"""Record the attention weights of the trained encoder for the book's widgets: `attention.json`.

    .venv/bin/python tools/recordings/record_attention.py

Ten short sentences go through `introml.models.encoder`, and all 72 heads' weights are kept as one
byte a weight, round(255 · w). Then all heads are scanned for those that come nearest to a stated
pattern, and the numbers found are written beside the weights. Layers, heads, sentences and tokens
are counted from 0. The file has no date in it: running it again on one machine gives
the same bytes.
"""

import base64
import importlib.metadata
import json
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from introml.book.paths import ROOT
from introml.models.encoder import HEADS, LAYERS, PACKAGE, SHA256, Encoder, load_encoder

#: The model whose weights the package carries, by its name where it was published.
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
OUT = ROOT / "assets" / "recordings" / "attention.json"

SENTENCES = (
    # The pair of the Transformer's announcement (Uszkoreit, Google Research blog, 2017).
    "The animal didn't cross the street because it was too tired.",
    "The animal didn't cross the street because it was too wide.",
    "The kite stayed in the tree until it fell.",
    "The robot lifted the box and dropped it.",
    "The bank raised its interest rate in May.",
    "The boat was tied to the muddy bank of the river.",
    "Anna thanked her brother because he fixed the bike.",
    "Where did the boy leave his shoes?",
    "She put the red cup next to the blue cup.",
    "A sleepy hedgehog uncurled by the woodpile.",
)


class Link(NamedTuple):
    """A pronoun and the noun it stands for, by the reading of a person; the tokens occur once."""

    sentence: int
    pronoun: str
    noun: str


TIRED = Link(0, "it", "animal")
THINGS = (TIRED, Link(1, "it", "street"), Link(2, "it", "kite"), Link(3, "it", "box"))
THINGS += (Link(4, "its", "bank"),)
PEOPLE = (Link(6, "her", "anna"), Link(6, "he", "brother"), Link(7, "his", "boy"))


class Recorded(NamedTuple):
    text: str
    tokens: list[str]
    weights: Tensor  # (layers, heads, T, T)


# A measure gives one number a head for one sentence, (layers, heads), or None where the pattern
# does not occur. 1 would be the pattern and nothing else.
Measure = Callable[[list[str], Tensor], Tensor | None]


def on_previous(tokens: list[str], weights: Tensor) -> Tensor:
    return weights.diagonal(-1, -2, -1).mean(-1)


def on_next(tokens: list[str], weights: Tensor) -> Tensor:
    return weights.diagonal(1, -2, -1).mean(-1)


def on_start(tokens: list[str], weights: Tensor) -> Tensor:
    return weights[..., 1:, 0].mean(-1)


def on_end(tokens: list[str], weights: Tensor) -> Tensor:
    return weights[..., :-1, -1].mean(-1)


def on_same_token(tokens: list[str], weights: Tensor) -> Tensor | None:
    pairs = [
        weights[..., i, j]
        for i, query in enumerate(tokens)
        for j, key in enumerate(tokens)
        if i != j and query == key
    ]
    return torch.stack(pairs).mean(0) if pairs else None


def evenness(tokens: list[str], weights: Tensor) -> Tensor:
    """Entropy of a row over its largest possible value, ln T: 1 for equal weights."""
    entropy = torch.special.entr(weights).sum(-1).mean(-1)
    return entropy / torch.log(torch.tensor(len(tokens)))


# Name: the measure, what it says of the head that does it most, and how it is worked out.
PATTERNS: dict[str, tuple[Measure, str, str]] = {
    "previous-token": (
        on_previous,
        "puts {:.3f} of its weight on the token just before",
        "weight on the token just before, mean over all tokens but the first",
    ),
    "next-token": (
        on_next,
        "puts {:.3f} of its weight on the token just after",
        "weight on the token just after, mean over all tokens but the last",
    ),
    "start": (
        on_start,
        "puts {:.3f} of its weight on [CLS], the first token",
        "weight on [CLS], mean over all tokens but [CLS]",
    ),
    "end": (
        on_end,
        "puts {:.3f} of its weight on [SEP], the last token, which no head exceeds",
        "weight on [SEP], mean over all tokens but [SEP]",
    ),
    "same-token": (
        on_same_token,
        "puts {:.3f} of its weight on each other place where the same token stands",
        "weight on another place where the same token stands, mean over all such pairs",
    ),
    "even": (
        evenness,
        "spreads its weight most evenly, with {:.3f} of the largest possible entropy",
        "entropy of the weights over ln T, the entropy of equal weights; mean over all tokens",
    ),
}


def head_name(index: int) -> dict[str, int]:
    return {"layer": index // HEADS, "head": index % HEADS}


def scan(values: list[Tensor], sentences: list[int]) -> dict:
    """The head with the largest mean over `values`, each (layers, heads), and the runner-up."""
    mean = torch.stack(values).mean(0).flatten()  # (layers, heads) -> (layers · heads)
    best, second = mean.topk(2).indices.tolist()
    readings = [
        {"sentence": sentence, "value": round(value.flatten()[best].item(), 3)}
        for sentence, value in zip(sentences, values, strict=True)
    ]
    return {
        **head_name(best),
        "value": round(mean[best].item(), 3),
        "readings": readings,
        "runner_up": {**head_name(second), "value": round(mean[second].item(), 3)},
    }


def find_pattern(name: str, recorded: list[Recorded]) -> dict:
    measure, does, how = PATTERNS[name]
    values = {i: measure(r.tokens, r.weights) for i, r in enumerate(recorded)}
    values = {i: value for i, value in values.items() if value is not None}
    found = scan(list(values.values()), list(values))
    lowest = min(reading["value"] for reading in found["readings"])
    claim = (
        f"Head {found['layer']}.{found['head']} {does.format(found['value'])}, on average over "
        f"{len(values)} sentences ({lowest:.3f} in the lowest)."
    )
    how += ", then over the sentences"
    return {"id": name, "claim": claim, "measure": how, **found, "contrasts": []}


def weight_of(link: Link, recorded: list[Recorded]) -> Tensor:
    """The weight of each head from the pronoun to the noun, (layers, heads)."""
    tokens, weights = recorded[link.sentence].tokens, recorded[link.sentence].weights
    for word in (link.pronoun, link.noun):
        if tokens.count(word) != 1:
            raise ValueError(f"{word!r} must stand once in {tokens}.")
    return weights[..., tokens.index(link.pronoun), tokens.index(link.noun)]


def reading(link: Link, recorded: list[Recorded], layer: int, head: int) -> dict:
    tokens = recorded[link.sentence].tokens
    return {
        "sentence": link.sentence,
        "query": tokens.index(link.pronoun),
        "key": tokens.index(link.noun),
        "value": round(weight_of(link, recorded)[layer, head].item(), 3),
    }


def follow(links: tuple[Link, ...], others: tuple[Link, ...], recorded: list[Recorded]) -> dict:
    """The head with most weight on `links`, and what the same head does on `others`."""
    found = scan([weight_of(link, recorded) for link in links], [link.sentence for link in links])
    layer, head = found["layer"], found["head"]
    return {
        "measure": "weight from the pronoun to the noun, mean over the readings",
        **found,
        "readings": [reading(link, recorded, layer, head) for link in links],
        "contrasts": [reading(link, recorded, layer, head) for link in others],
    }


def find_it_to_animal(recorded: list[Recorded]) -> dict:
    # The same head on the twin sentence, where a person takes "it" for the street.
    twin = (Link(1, "it", "animal"), Link(1, "it", "street"))
    found = follow((TIRED,), twin, recorded)
    animal, street = (contrast["value"] for contrast in found["contrasts"])
    claim = (
        f"Head {found['layer']}.{found['head']} puts {found['value']:.3f} of the weight of “it” on "
        f"“animal” in sentence 0. In sentence 1, where “it” is the street, the same head puts "
        f"{animal:.3f} on “animal” and {street:.3f} on “street”."
    )
    return {"id": "it-to-animal", "claim": claim, **found}


def find_pronoun_to_thing(recorded: list[Recorded]) -> dict:
    found = follow(THINGS, PEOPLE, recorded)
    people = sum(contrast["value"] for contrast in found["contrasts"]) / len(PEOPLE)
    values = [reading["value"] for reading in found["readings"]]
    claim = (
        f"Head {found['layer']}.{found['head']} leads from “it” and “its” to the noun they stand "
        f"for: {found['value']:.3f} on average over {len(THINGS)} pronouns, from {min(values):.3f} "
        f"to {max(values):.3f}. For “he”, “his” and “her” its average is {people:.3f}."
    )
    return {"id": "pronoun-to-thing", "claim": claim, **found}


def find_notable(recorded: list[Recorded]) -> list[dict]:
    patterns = [find_pattern(name, recorded) for name in PATTERNS]
    return [*patterns, find_it_to_animal(recorded), find_pronoun_to_thing(recorded)]


def quantize(weights: Tensor) -> Tensor:
    return (255 * weights).round().to(torch.uint8)


def record(encoder: Encoder, text: str) -> Recorded:
    return Recorded(text, *encoder.attention(text))


def recording(encoder: Encoder) -> dict:
    """All that `attention.json` holds; `assets/recordings/README.md` says what each part means."""
    recorded = [record(encoder, text) for text in SENTENCES]
    bytes_of = [quantize(r.weights) for r in recorded]
    errors = [(q / 255 - r.weights).abs().max() for q, r in zip(bytes_of, recorded, strict=True)]
    return {
        "provenance": {
            "model": MODEL,
            "license": "Apache-2.0",
            "package": PACKAGE,
            "version": importlib.metadata.version(PACKAGE),
            "sha256": SHA256,
            "torch": torch.__version__,
            "script": "tools/recordings/record_attention.py",
            "quantization": {
                "stored": "round(255 * weight), unsigned bytes, base64",
                "error_bound": "1/510",
                "largest_error": round(max(errors).item(), 6),
            },
        },
        "layers": LAYERS,
        "heads": HEADS,
        "order": ["layer", "head", "query", "key"],
        "counted_from": 0,
        "sentences": [
            {
                "text": r.text,
                "tokens": r.tokens,
                "weights": base64.b64encode(q.numpy().tobytes()).decode("ascii"),
            }
            for r, q in zip(recorded, bytes_of, strict=True)
        ],
        "notable": find_notable(recorded),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)  # sums in one order, so that the last digits do not depend on threads
    OUT.write_text(json.dumps(recording(load_encoder()), ensure_ascii=False, indent=1) + "\n")
    print(f"{OUT}: {OUT.stat().st_size / 1000:.0f} kB")
