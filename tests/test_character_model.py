"""introml.character_model: the text of a language model, its training, and what it writes."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from introml.character_model import (
    CharacterModel,
    Vocabulary,
    bits_per_character,
    sample,
    train,
)

TEXT = "abcde " * 200


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(TEXT)


@pytest.fixture(scope="module")
def trained(vocabulary):
    torch.manual_seed(0)
    model = CharacterModel(len(vocabulary), 16)
    history = train(model, vocabulary.encode(TEXT), 80, batch_size=8, length=12, lr=0.02)
    return model, history


def test_a_text_comes_back_from_its_numbers(vocabulary):
    assert "".join(vocabulary.characters) == " abcde"
    assert vocabulary.encode("bad").tolist() == [2, 1, 4]
    assert vocabulary.decode(vocabulary.encode(TEXT)) == TEXT


def test_an_unknown_character_is_named(vocabulary):
    with pytest.raises(ValueError, match=r"\['x', 'é'\] are none of the 6"):
        vocabulary.encode("axé")


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_scores_are_those_of_torch_s_layers_on_one_hot_characters(cell):
    torch.manual_seed(0)
    model = CharacterModel(5, 8, cell)
    numbers = torch.randint(5, (2, 7))
    layer = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](5, 8, batch_first=True)
    layer.load_state_dict(model.recurrent.state_dict())
    states, _ = layer(torch.eye(5)[numbers])
    torch.testing.assert_close(model(numbers)[0], states @ model.head.weight.T + model.head.bias)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_state_carries_on_where_the_text_was_cut(cell):
    torch.manual_seed(0)
    model = CharacterModel(5, 8, cell)
    numbers = torch.randint(5, (2, 9))
    whole, _ = model(numbers)
    first, state = model(numbers[:, :4])
    second, _ = model(numbers[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)


def test_another_cell_is_refused():
    with pytest.raises(ValueError, match="cell is 'elman'; it must be one of rnn, gru, lstm"):
        CharacterModel(5, cell="elman")


def test_training_learns_what_follows(trained, vocabulary):
    model, history = trained
    assert history[0] == pytest.approx(math.log(6), abs=0.4), "a blind guess among six"
    assert history[-1] < 0.1
    assert bits_per_character(model, vocabulary.encode(TEXT), 4) < 0.1


def test_training_depends_on_its_seed_alone(vocabulary):
    def run(seed):
        torch.manual_seed(1)
        model = CharacterModel(len(vocabulary), 4)
        return train(model, vocabulary.encode(TEXT), 3, batch_size=2, length=5, seed=seed)

    assert run(0) == run(0)
    assert run(0) != run(1)


def test_the_norm_of_all_gradients_is_watched_before_it_is_clipped(vocabulary):
    torch.manual_seed(1)
    model = CharacterModel(len(vocabulary), 4)
    before = [p.detach().clone() for p in model.parameters()]
    norms = []
    watch = lambda step, norm: norms.append((step, norm))  # noqa: E731
    train(
        model, vocabulary.encode(TEXT), 1, batch_size=2, length=5, lr=1e-9, most=1e-3, watch=watch
    )
    left = torch.stack([p.grad.norm() for p in model.parameters()]).norm().item()
    (step, norm), *rest = norms
    assert (step, rest) == (0, [])
    assert norm > 0.01
    assert left == pytest.approx(1e-3, rel=0.01)
    torch.testing.assert_close(before, list(model.parameters()), atol=1e-6, rtol=0)


def test_bits_are_the_mean_cross_entropy_to_the_base_two(vocabulary):
    torch.manual_seed(0)
    model = CharacterModel(len(vocabulary), 4)
    text = vocabulary.encode(TEXT[:61])
    rows = [text[:30], text[30:60]]  # the 61st is left over
    total = 0.0
    for row in rows:
        probabilities = F.softmax(model(row[None, :-1])[0][0], -1)
        total += sum(-math.log2(probabilities[t, row[t + 1]].item()) for t in range(29))
    assert bits_per_character(model, text, 2) == pytest.approx(total / 58, rel=1e-5)


def test_a_sample_carries_on_from_what_is_begun(trained, vocabulary):
    model, _ = trained
    numbers = sample(model, vocabulary.encode("cd"), 10, temperature=0.1)
    assert vocabulary.decode(numbers) == "cde abcde ab"


def test_a_hot_sample_is_drawn_from_the_model_s_probabilities(vocabulary):
    torch.manual_seed(0)
    model = CharacterModel(len(vocabulary), 4)
    begun = vocabulary.encode("a")
    temperature = 0.5
    drawn = [int(sample(model, begun, 1, temperature=temperature, seed=s)[-1]) for s in range(2000)]
    shares = torch.bincount(torch.tensor(drawn), minlength=6) / len(drawn)
    expected = torch.softmax(model(begun[None])[0][0, -1].detach() / temperature, -1)
    torch.testing.assert_close(shares, expected, atol=0.04, rtol=0)


def test_what_cannot_be_sampled_is_refused(vocabulary):
    model = CharacterModel(len(vocabulary), 4)
    for begun, temperature in (("a", 0.0), ("", 1.0)):
        with pytest.raises(ValueError, match="temperature is"):
            sample(model, vocabulary.encode(begun).long(), 1, temperature=temperature)
