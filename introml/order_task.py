"""Two tasks that cannot be done without order, and small attention models that learn them.

A sequence of T letters is followed by a token that asks. "first": a and b occur once each; which
came first? "third": which letter stands three places before the asking token? One attention layer
reads the answer at that token. Five models or more train side by side: every tensor of weights has
a dimension S in front, a model an entry. Letters: S models, B sequences, H heads, D = C / H.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from introml.positional_encoding import alibi_bias, rotate, sin_cos

LETTERS = 8
ASKS = LETTERS  # the token that asks, after the letters 0 to 7; a is 0 and b is 1
TASKS = {"first": 2, "third": LETTERS}
"""Each task with the number of its possible answers."""
ENCODINGS = (None, "sin-cos", "learned", "rope", "alibi")
WIDTH, HEADS = 32, 4
LONGEST = 16
"""The most letters of a sequence in training; the fewest are 4."""


def sequences(
    task: str, shape: tuple[int, ...], length: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Random sequences and their answers: tokens (*shape, length + 1), answers (*shape,).

    The answer of "first" is 1 if a stands before b, else 0.
    Raises `ValueError` for an unknown task and for fewer than 3 letters.
    Taught in {ref}`sec-positional-encoding`.
    """
    if task not in TASKS:
        raise ValueError(f"task is {task!r}; it must be one of {', '.join(TASKS)}.")
    if length < 3:
        raise ValueError(f"length is {length}; the tasks need at least 3 letters.")
    asks = torch.full((*shape, 1), ASKS)
    if task == "third":
        letters = torch.randint(LETTERS, (*shape, length), generator=generator)
        return torch.cat([letters, asks], -1), letters[..., -3]
    letters = torch.randint(2, LETTERS, (*shape, length), generator=generator)
    places = torch.rand(*shape, length, generator=generator).argsort(-1)[..., :2]
    letters.scatter_(-1, places, torch.arange(2).expand(*shape, 2))
    return torch.cat([letters, asks], -1), (places[..., 0] < places[..., 1]).long()


class OrderModels:
    """S attention layers of one kind, each from random weights of its own.

    The token vectors, four matrices and, where positions are learned, the position vectors are
    trained: `weights`. `encoding` is one of `ENCODINGS`.
    Raises `ValueError` for an unknown encoding.
    Taught in {ref}`sec-positional-encoding`.
    """

    def __init__(self, encoding: str | None, answers: int, models: int = 5, seed: int = 0):
        if encoding not in ENCODINGS:
            known = ", ".join(map(repr, ENCODINGS))
            raise ValueError(f"encoding is {encoding!r}; it must be one of {known}.")
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape: int, scale: float = WIDTH**-0.5) -> Tensor:
            values = scale * torch.randn(models, *shape, generator=generator)
            return values.requires_grad_()

        self.encoding = encoding
        self.tokens = draw(LETTERS + 1, WIDTH, scale=1)
        self.W_q, self.W_k, self.W_v = (draw(WIDTH, WIDTH) for _ in range(3))
        self.W_o = draw(WIDTH, answers)
        self.weights = [self.tokens, self.W_q, self.W_k, self.W_v, self.W_o]
        if encoding == "learned":
            self.positions = draw(LONGEST + 1, WIDTH, scale=1)
            self.weights.append(self.positions)

    def _added(self, T: int) -> Tensor:
        """What is added to the token at each position: (S or 1, T, C)."""
        if self.encoding == "sin-cos":
            return sin_cos(T, WIDTH)[None]
        if self.encoding != "learned":
            return torch.zeros(1, T, WIDTH)
        rows = self.positions.shape[1]
        if rows < T:
            raise IndexError(
                f"there is no learned position {T - 1}; the table has rows 0 to {rows - 1}, "
                "those of training."
            )
        return self.positions[:, :T]

    def __call__(self, tokens: Tensor) -> Tensor:
        """Scores of the answers, read at the last token: (S, B, T) -> (S, B, answers).

        Raises `IndexError` where a learned position does not exist.
        Taught in {ref}`sec-positional-encoding`.
        """
        S, _, T = tokens.shape
        rows = tokens + (LETTERS + 1) * torch.arange(S)[:, None, None]
        added = self._added(T)

        # A key is (token + position) W = token W + position W, and there are only nine tokens.
        def projected(W: Tensor) -> Tensor:
            table = (self.tokens @ W).flatten(0, 1)
            return F.embedding(rows, table) + (added @ W)[:, None]  # (S, B, T, C)

        asking = self.tokens[:, -1:] + added[:, -1:]  # (S, 1, C): every sequence asks alike
        q = (asking @ self.W_q).view(S, 1, 1, HEADS, -1)
        k, v = (projected(W).unflatten(-1, (HEADS, -1)) for W in (self.W_k, self.W_v))
        if self.encoding == "rope":
            # One position for every letter of a key, so positions stand in the last place but one.
            places = torch.arange(T)
            k = rotate(k.transpose(2, 3), places).transpose(2, 3)
            q = rotate(q, places[-1:])
        scores = (q * k).sum(-1) / k.shape[-1] ** 0.5  # (S, B, T, H)
        if self.encoding == "alibi":
            scores = scores + alibi_bias(HEADS, T)[:, -1].T
        heads = (scores.softmax(2)[..., None] * v).sum(2)  # (S, B, H, D)
        return heads.flatten(2) @ self.W_o


def train(
    task: str,
    encoding: str | None,
    *,
    models: int = 5,
    steps: int = 600,
    batch_size: int = 32,
    lr: float = 0.01,
    longest: int = LONGEST,
    seed: int = 0,
) -> OrderModels:
    """Models trained with Adam on sequences of 4 to `longest` letters; lr falls to 0 by a line.

    Each model sees sequences of its own, of one length a step.
    Taught in {ref}`sec-positional-encoding`.
    """
    trained = OrderModels(encoding, TASKS[task], models, seed)
    generator = torch.Generator().manual_seed(seed + 1000)
    optimizer = torch.optim.Adam(trained.weights, lr=lr, fused=True)
    for step in range(steps):
        length = int(torch.randint(4, longest + 1, (), generator=generator))
        tokens, answers = sequences(task, (models, batch_size), length, generator)
        # Each model's weights are in its own part of the sum alone.
        loss = models * F.cross_entropy(trained(tokens).flatten(0, 1), answers.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = lr * (1 - step / steps)
        optimizer.step()
    return trained


@torch.no_grad()
def accuracies(models: OrderModels, task: str, length: int, count: int = 200) -> Tensor:
    """The share of `count` new sequences that each model answers rightly: (S,).

    In "first" each sequence comes twice, the second time with a and b swapped.
    Raises `IndexError` where a learned position does not exist.
    Taught in {ref}`sec-positional-encoding`.
    """
    generator = torch.Generator().manual_seed(length)
    tokens, answers = sequences(task, (len(models.tokens), count), length, generator)
    if task == "first":
        swapped = torch.where(tokens < 2, 1 - tokens, tokens)
        tokens, answers = torch.cat([tokens, swapped], 1), torch.cat([answers, 1 - answers], 1)
    right = models(tokens).argmax(-1) == answers
    return right.float().mean(1)
