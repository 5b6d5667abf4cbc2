"""A trained encoder's attention weights, recorded.

The file is `assets/recordings/attention.json`; the README beside it says what each field means.
Layers, heads, sentences and tokens are counted from 0.
"""

import base64
import json
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from introml.book.assets import asset

_AGAIN = "Run tools/recordings/record_attention.py to make the file again."


class RecordedSentence(TypedDict):
    """A sentence, its T tokens, and base64 of layers · heads · T · T bytes: 255 · weight."""

    text: str
    tokens: list[str]
    weights: str


class Reading(TypedDict):
    """One measured number: of a sentence, or of one query token and one key token in it."""

    sentence: int
    query: NotRequired[int]
    key: NotRequired[int]
    value: float


class HeadValue(TypedDict):
    """A head, and what a measure gives for it."""

    layer: int
    head: int
    value: float


class NotableHead(HeadValue):
    """The head that comes nearest to a pattern; `value` is the mean of the `readings`."""

    id: str
    claim: str
    measure: str
    readings: list[Reading]
    runner_up: HeadValue
    contrasts: list[Reading]


class AttentionRecording(TypedDict):
    """All of `attention.json`."""

    provenance: dict
    layers: int
    heads: int
    order: list[str]
    counted_from: int
    sentences: list[RecordedSentence]
    notable: list[NotableHead]


def load() -> AttentionRecording:
    """Ten sentences through a trained encoder: tokens, weights as bytes, and notable heads.

    Raises `FileNotFoundError` when the file is missing, and `ValueError` when it does not hold
    together: a wrong number of weights, or a row of weights that does not sum to 1.

    Taught in {ref}`sec-self-attention`.
    """
    recording = json.loads(asset("recordings/attention.json").read_text(encoding="utf-8"))
    for sentence in recording["sentences"]:
        _dequantize(sentence, recording["layers"], recording["heads"])
    return recording


def weights(sentence_index: int) -> NDArray[np.float32]:
    """w[l, h, i, j]: how much of token j goes into token i, in head h of layer l.

    Shape (6, 12, T, T), each within 1/510 of the weight computed, so that a row sums to 1 within
    T/510. Raises `IndexError` for a sentence that was not recorded, else as `load` does.

    >>> weights(0)[3, 1, 10, 2].round(2)  # head 3.1, from "it" to "animal"
    np.float32(0.68)
    """
    recording = load()
    count = len(recording["sentences"])
    if not 0 <= sentence_index < count:
        raise IndexError(f"There is no sentence {sentence_index}; 0 to {count - 1} are recorded.")
    sentence = recording["sentences"][sentence_index]
    return _dequantize(sentence, recording["layers"], recording["heads"])


def _dequantize(sentence: RecordedSentence, layers: int, heads: int) -> NDArray[np.float32]:
    T = len(sentence["tokens"])
    stored = np.frombuffer(base64.b64decode(sentence["weights"], validate=True), dtype=np.uint8)
    if stored.size != layers * heads * T * T:
        raise ValueError(
            f"{sentence['text']!r} has {stored.size} recorded weights; {layers} layers of {heads} "
            f"heads over {T} tokens need {layers * heads * T * T}. {_AGAIN}"
        )
    found = stored.reshape(layers, heads, T, T).astype(np.float32) / np.float32(255)
    # Rounding moves a weight by 1/510 at most; the rest is for sums in single precision.
    worst = np.abs(found.sum(-1) - 1).max()
    if worst > T / 510 + 1e-5:
        raise ValueError(
            f"A row of recorded weights of {sentence['text']!r} sums to 1 ± {worst:.3f}; rounding "
            f"allows {T / 510:.3f}. {_AGAIN}"
        )
    return found
