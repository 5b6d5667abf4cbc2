"""introml.order_task: sequences and answers by hand, and each model against torch's attention."""

import pytest
import torch
from torch import nn

from introml.order_task import (
    ASKS,
    ENCODINGS,
    HEADS,
    LETTERS,
    LONGEST,
    TASKS,
    WIDTH,
    OrderModels,
    accuracies,
    sequences,
    train,
)
from introml.positional_encoding import alibi_bias, rotate, sin_cos


@pytest.mark.parametrize("length", [3, 4, 16, 50])
def test_answers_are_right_and_even(length):
    generator = torch.Generator().manual_seed(length)
    tokens, answers = sequences("first", (2, 400), length, generator)
    assert tokens.shape == (2, 400, length + 1)
    assert (tokens[..., -1] == ASKS).all()
    for row, answer in zip(tokens.flatten(0, 1).tolist(), answers.flatten().tolist(), strict=True):
        assert row.count(0) == row.count(1) == 1
        assert answer == (row.index(0) < row.index(1))
    assert abs(answers.float().mean() - 0.5) < 0.08
    tokens, answers = sequences("third", (2, 400), length, generator)
    assert (answers == tokens[..., length - 3]).all()
    assert set(tokens[..., :-1].flatten().tolist()) == set(range(LETTERS))


def by_torch(models: OrderModels, tokens: torch.Tensor, model: int) -> torch.Tensor:
    """One model's scores by nn.MultiheadAttention, the positions put in from outside."""
    T, name = tokens.shape[-1], models.encoding
    x = models.tokens[model][tokens]
    if name == "sin-cos":
        x = x + sin_cos(T, WIDTH)
    if name == "learned":
        x = x + models.positions[model][:T]
    q, k, v = (x @ W[model] for W in (models.W_q, models.W_k, models.W_v))
    if name == "rope":
        t = torch.arange(T)
        q, k = (torch.cat([rotate(part, t) for part in z.chunk(HEADS, -1)], -1) for z in (q, k))
    layer = nn.MultiheadAttention(WIDTH, HEADS, bias=False, batch_first=True)
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.eye(WIDTH).repeat(3, 1))
        layer.out_proj.weight.copy_(torch.eye(WIDTH))
    mask = alibi_bias(HEADS, T).repeat(len(tokens), 1, 1) if name == "alibi" else None
    return layer(q, k, v, attn_mask=mask)[0][:, -1] @ models.W_o[model]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_models_equal_torchs_attention(encoding):
    models = OrderModels(encoding, 8, models=3, seed=4)
    tokens, _ = sequences("third", (3, 6), 11, torch.Generator().manual_seed(0))
    found = models(tokens)
    for model in range(3):
        expected = by_torch(models, tokens[model], model)
        torch.testing.assert_close(found[model], expected, atol=2e-5, rtol=1e-4)


def test_each_model_gets_the_gradient_of_its_own_loss():
    models = OrderModels("sin-cos", 8, models=2, seed=1)
    tokens, _ = sequences("third", (2, 5), 7, torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad(models(tokens)[0].sum(), models.W_q)
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0


def test_without_positions_a_swapped_pair_gets_the_same_answer_and_just_half_are_right():
    for seed in range(3):
        models = OrderModels(None, TASKS["first"], seed=seed)
        for length in (5, 30):
            assert (accuracies(models, "first", length) == 0.5).all()


def test_training_learns_and_is_repeatable():
    first, again = (train("third", "learned", steps=200, models=2) for _ in range(2))
    torch.testing.assert_close(first.weights, again.weights, atol=0, rtol=0)
    assert accuracies(first, "third", 12).min() > 0.8
    untrained = OrderModels("learned", LETTERS, models=2)
    assert accuracies(untrained, "third", 12).max() < 0.4


def test_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match="task is 'last'; it must be one of first, third"):
        sequences("last", (1,), 5)
    with pytest.raises(ValueError, match="length is 2; the tasks need at least 3"):
        sequences("first", (1,), 2)
    with pytest.raises(ValueError, match="encoding is 'rotary'; it must be one of None, 'sin-cos'"):
        OrderModels("rotary", 2)
    models = OrderModels("learned", 2)
    assert accuracies(models, "first", LONGEST).shape == (5,)
    with pytest.raises(IndexError, match="no learned position 17; the table has rows 0 to 16"):
        accuracies(models, "first", LONGEST + 1)
