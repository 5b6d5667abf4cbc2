"""A language model of characters: a recurrent network that foretells the next character.

Letters: B sequences, T characters each, V different characters, H numbers of a state.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Vocabulary:
    """The different characters of a text, in the order of their codes, each with its number.

    Taught in {ref}`sec-recurrent-networks`.
    """

    def __init__(self, text: str):
        self.characters = sorted(set(text))
        self._number = {character: at for at, character in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        """The number of each character, (T,).

        Raises `ValueError` for a character that is none of the vocabulary's.
        """
        if unknown := sorted(set(text) - set(self.characters)):
            raise ValueError(f"{unknown} are none of the {len(self)} characters of the vocabulary.")
        return torch.tensor([self._number[character] for character in text])

    def decode(self, numbers: Tensor) -> str:
        """The text whose characters have these numbers, (T,)."""
        return "".join(self.characters[number] for number in numbers.tolist())


class CharacterModel(nn.Module):
    """For each character of a text the scores of what comes next: (B, T) -> (B, T, V), state.

    A character is V numbers, one of them 1; `cell` is "rnn", "gru" or "lstm". To hand the state
    that is returned to the next call carries on where the last one ended.
    Raises `ValueError` for another cell.
    Taught in {ref}`sec-recurrent-networks`.
    """

    def __init__(self, V: int, H: int = 128, cell: str = "rnn"):
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell is {cell!r}; it must be one of {', '.join(CELLS)}.")
        self.recurrent = CELLS[cell](V, H, batch_first=True)
        self.head = nn.Linear(H, V)

    def forward(self, numbers: Tensor, state: object = None) -> tuple[Tensor, object]:
        one_hot = F.one_hot(numbers, self.head.out_features).to(self.head.weight.dtype)
        states, state = self.recurrent(one_hot, state)
        return self.head(states), state


def train(
    model: CharacterModel,
    text: Tensor,
    steps: int,
    *,
    batch_size: int = 32,
    length: int = 48,
    lr: float = 5e-3,
    most: float | None = 1.0,
    seed: int = 0,
    watch: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Foretell random pieces of `text` (n,), each `length` long: the loss of each step.

    The loss is the mean cross-entropy of a character, in nats; steps are those of Adam, and the
    norm of all gradients is clipped to `most`. `watch` gets each step's number and norm.
    Taught in {ref}`sec-recurrent-networks`.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    offsets = torch.arange(length + 1)
    history = []
    model.train()
    for step in range(steps):
        starts = torch.randint(len(text) - length, (batch_size, 1), generator=generator)
        piece = text[starts + offsets]  # (B, T + 1)
        scores, _ = model(piece[:, :-1])
        loss = F.cross_entropy(scores.flatten(0, 1), piece[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), most or float("inf"))
        if watch is not None:
            watch(step, norm.item())
        optimizer.step()
        history.append(loss.item())
    model.eval()
    return history


@torch.no_grad()
def bits_per_character(model: CharacterModel, text: Tensor, pieces: int = 64) -> float:
    """The mean cross-entropy of a character of `text` (n,), in bits; log₂ V for a blind guess.

    The text is cut into that many pieces, read side by side, each from an empty state.
    Taught in {ref}`sec-recurrent-networks`.
    """
    rows = text[: len(text) // pieces * pieces].view(pieces, -1)
    scores, _ = model(rows[:, :-1])
    nats = F.cross_entropy(scores.flatten(0, 1), rows[:, 1:].flatten()).item()
    return nats / torch.log(torch.tensor(2.0)).item()


@torch.no_grad()
def sample(
    model: CharacterModel, begun: Tensor, length: int, *, temperature: float = 1.0, seed: int = 0
) -> Tensor:
    """Carry on from `begun` (T,), a character at a time: the T + `length` numbers.

    Each is drawn from softmax(scores / temperature); near 0 the most probable one always wins.
    Raises `ValueError` unless `temperature` is above 0 and something is begun.
    Taught in {ref}`sec-recurrent-networks`.
    """
    if not temperature > 0 or not len(begun):
        raise ValueError(
            f"temperature is {temperature} and {len(begun)} characters are begun; the temperature "
            "must be above 0, and one character at least must stand at the beginning."
        )
    generator = torch.Generator().manual_seed(seed)
    scores, state = model(begun[None])
    numbers = begun.tolist()
    for _ in range(length):
        probabilities = torch.softmax(scores[0, -1] / temperature, -1)
        number = torch.multinomial(probabilities, 1, generator=generator)
        numbers.append(int(number))
        scores, state = model(number[None], state)
    return torch.tensor(numbers)
