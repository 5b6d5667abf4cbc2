"""Attention weights: computed from the reader's own Q, K, V, or recorded from a trained encoder."""

from __future__ import annotations

import base64
from functools import cache
from typing import TYPE_CHECKING, Any

import traitlets

from introml.widgets.base import Widget
from introml.widgets.traits import BadValue, Choice, Numbers, Real, Switch, Text, Whole

if TYPE_CHECKING:
    from introml.models.encoder import Encoder

#: More tokens than this leave the labels of the heat map no room.
MOST_TOKENS = 24


class Recording(traitlets.TraitType):
    """What `recordings.attention.load()` returns, or None."""

    fields = ("provenance", "layers", "heads", "sentences", "notable")

    def form(self) -> dict[str, Any]:
        return {"kind": "record", "fields": list(self.fields), "none": True}

    def validate(self, obj: Any, value: Any) -> dict | None:
        if value is not None and not (isinstance(value, dict) and set(self.fields) <= set(value)):
            raise BadValue(
                f"{type(obj).__name__}.{self.name} must be None or the dictionary that "
                f"recordings.attention.load() returns, with {', '.join(self.fields)}; it was "
                f"given {value!r:.80}"
            )
        return value


class AttentionHeatmap(Widget):
    """softmax(QKᵀ/√d_k)V step by step, or all heads of a trained encoder at a glance and one large.

    `AttentionHeatmap()` computes from `q`, `k` and `v`.
    `AttentionHeatmap(mode="recorded")` shows the recorded sentences; with a kernel it also runs
    the encoder on the reader's `sentence`. Layers, heads and tokens are counted from 0.
    Taught in {ref}`sec-scaled-dot-product-attention` and {ref}`sec-self-attention`.
    """

    mode = Choice("live", ("live", "recorded"), help="whose weights are shown").tag(sync=True)

    q = Numbers([[2.0, 1.0]], dims=2, low=-100, high=100, most=6, help="Q, one row a query").tag(
        sync=True
    )
    k = Numbers(
        [[1.0, 0.0], [-1.0, 1.0], [0.0, 1.0]],
        dims=2, low=-100, high=100, most=6, help="K, one row a key, as wide as Q",
    ).tag(sync=True)  # fmt: skip
    v = Numbers(
        [[10.0, 0.0], [0.0, 10.0], [10.0, 10.0]],
        dims=2, low=-100, high=100, most=6, help="V, one row a key",
    ).tag(sync=True)  # fmt: skip
    scaled = Switch(True, help="divide QKᵀ by √d_k").tag(sync=True)
    temperature = Real(1, 0.1, 10, help="divides the scores; low is sharp").tag(sync=True)
    mask = Choice("none", ("none", "causal", "padding"), help="what may attend").tag(sync=True)
    length = Whole(2, 0, 6, help="keys before the padding, for that mask").tag(sync=True)
    row = Whole(0, 0, 5, help="the row of Q that is described").tag(sync=True)

    recording = Recording(None, allow_none=True, help="a recorded encoder").tag(
        sync=True, file=True
    )
    example = Whole(0, 0, 99, help="which recorded sentence").tag(sync=True)
    layer = Whole(3, 0, 99, help="the layer of the head shown large").tag(sync=True)
    head = Whole(1, 0, 99, help="the head shown large, within its layer").tag(sync=True)
    token = Whole(-1, -1, MOST_TOKENS - 1, help="the query token chosen; −1: none").tag(sync=True)
    display = Choice("map", ("map", "lines"), help="how the large head is drawn").tag(sync=True)
    sentence = Text("", 200, help="the reader's own, for the encoder").tag(sync=True)
    # Tokens and weights of `sentence`, or what was wrong with it: {"text", "error"}.
    _own: Any = traitlets.Dict(None, allow_none=True).tag(sync=True)

    def __init__(self, **traits: Any):
        if traits.get("mode") == "recorded" and traits.get("recording") is None:
            from introml.book.recordings import attention

            traits["recording"] = attention.load()
        super().__init__(**traits)
        q, k, v = self.q, self.k, self.v
        if len(q[0]) != len(k[0]) or len(k) != len(v):
            raise BadValue(
                f"q ({len(q)}, {len(q[0])}), k ({len(k)}, {len(k[0])}) and v ({len(v)}, "
                f"{len(v[0])}) do not fit; they must be (T, d_k), (S, d_k) and (S, d_v)"
            )

    @traitlets.observe("sentence")
    def _run_encoder(self, change: Any) -> None:
        self._own = _attention_of(change["new"]) if change["new"] else None


@cache
def _encoder() -> Encoder:
    from introml.models.encoder import load_encoder

    return load_encoder()


def _attention_of(text: str) -> dict[str, Any]:
    """One sentence in the form of a recorded one, or the reason why it has no weights."""
    try:
        tokens = _encoder().tokens(text)
        if len(tokens) > MOST_TOKENS:
            raise ValueError(
                f"The sentence has {len(tokens)} tokens; the picture has room for {MOST_TOKENS}, "
                "[CLS] and [SEP] counted. Shorten it."
            )
        _, weights = _encoder().attention(text)
    except (ModuleNotFoundError, ValueError) as error:
        return {"text": text, "error": str(error)}
    stored = (255 * weights).round().byte().numpy().tobytes()
    return {"text": text, "tokens": tokens, "weights": base64.b64encode(stored).decode("ascii")}
