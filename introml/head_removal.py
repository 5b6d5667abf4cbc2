"""What a trained encoder can still do when some of its heads are silenced."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from introml.attention import padding_mask
from introml.data.word_senses import Use
from introml.models.encoder import HEADS, LAYERS, WIDTH, Encoder


@contextmanager
def without_heads(encoder: Encoder, heads: Iterable[tuple[int, int]]) -> Iterator[None]:
    """Inside the block the heads (layer, head), counted from 0, add nothing to their layer.

    A head's outputs meet D rows of W^O and no others, so those are set to zero; they come back
    when the block ends. The biases of the layer stay.
    Raises `ValueError` for a head that the encoder does not have.
    Source: Michel et al., Are Sixteen Heads Really Better than One? (2019), section 2.3.
    Taught in {ref}`sec-multi-head-attention`.
    """
    names = [f"layers.{layer}.attention.output.weight" for layer in range(LAYERS)]
    weights = [encoder.get_parameter(name).data for name in names]
    kept = [weight.clone() for weight in weights]
    width = WIDTH // HEADS
    try:
        for layer, head in heads:
            if not (0 <= layer < LAYERS and 0 <= head < HEADS):
                raise ValueError(
                    f"There is no head {head} in a layer {layer}; the encoder has {LAYERS} layers "
                    f"of {HEADS} heads, counted from 0."
                )
            # nn.Linear stores the transpose, so the rows of W^O are columns.
            weights[layer][:, head * width : (head + 1) * width] = 0
        yield
    finally:
        for weight, old in zip(weights, kept, strict=True):
            weight.copy_(old)


class SenseTest:
    """Does a word's vector lie nearest to that of a sentence where it has the same sense?

    Each use of a word is compared, by cosine, with the other uses of the same word. Of two senses
    with equally many sentences, guessing gets about half right.
    Taught in {ref}`sec-multi-head-attention`.
    """

    def __init__(self, encoder: Encoder, uses: Sequence[Use]) -> None:
        self.encoder = encoder
        rows = [torch.tensor(encoder.ids(use.sentence)) for use in uses]
        lengths = torch.tensor([len(row) for row in rows])
        self._ids = pad_sequence(rows, batch_first=True)  # (B, T)
        self._mask = padding_mask(lengths, self._ids.shape[1])
        tokens = [encoder.tokens(use.sentence) for use in uses]
        self._at = [row.index(use.word) for row, use in zip(tokens, uses, strict=True)]
        self._senses = torch.tensor([use.sense for use in uses])
        comparable = [[a is not b and a.word == b.word for b in uses] for a in uses]
        self._comparable = torch.tensor(comparable)

    @torch.no_grad()
    def vectors(self) -> Tensor:
        """The last state of each word in its sentence, scaled to norm 1: (B, C)."""
        states, _ = self.encoder(self._ids, self._mask)
        return F.normalize(states[torch.arange(len(self._at)), self._at], dim=-1)

    def right(self) -> int:
        """How many uses have a nearest neighbour of the same sense."""
        z = self.vectors()
        similar = (z @ z.T).masked_fill(~self._comparable, -2)
        return int((self._senses[similar.argmax(1)] == self._senses).sum())
