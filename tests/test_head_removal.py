"""introml.head_removal: what is silenced, what comes back, and the senses by scikit-learn."""

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from introml.data import word_senses
from introml.head_removal import SenseTest, without_heads
from introml.models.encoder import load_encoder

SENTENCE = "The animal didn't cross the street because it was too tired."


@pytest.fixture(scope="module")
def encoder():
    return load_encoder()


def head_outputs(encoder, layer):
    """The joined head outputs of a layer for SENTENCE, (T, 384), caught on their way to W^O."""
    caught = []
    linear = encoder.layers[layer].attention.output
    hook = linear.register_forward_hook(lambda _, given, out: caught.append((given[0][0], out[0])))
    with torch.no_grad():
        encoder(torch.tensor([encoder.ids(SENTENCE)]))
    hook.remove()
    return caught[0]


@pytest.mark.parametrize("heads", [[3], [0, 11], list(range(12))])
def test_a_silenced_head_adds_nothing(encoder, heads):
    layer = encoder.layers[0].attention.output
    joined, whole = head_outputs(encoder, 0)
    with without_heads(encoder, [(0, head) for head in heads]):
        _, left = head_outputs(encoder, 0)
    # What the heads were adding: their 32 columns times their 32 rows of W^O.
    added = sum(
        joined[:, 32 * h : 32 * h + 32] @ layer.weight[:, 32 * h : 32 * h + 32].T for h in heads
    )
    torch.testing.assert_close(whole - left, added, atol=1e-5, rtol=1e-4)


def test_all_comes_back_even_after_an_error(encoder):
    before = [weight.clone() for weight in encoder.state_dict().values()]
    with pytest.raises(ZeroDivisionError), without_heads(encoder, [(5, 1), (2, 0)]):
        1 / 0  # noqa: B018
    for weight, kept in zip(encoder.state_dict().values(), before, strict=True):
        assert torch.equal(weight, kept)


@pytest.mark.parametrize("head", [(6, 0), (0, 12), (-1, 0)])
def test_a_head_that_is_not_there_is_refused(encoder, head):
    before = encoder.layers[0].attention.output.weight.clone()
    with (
        pytest.raises(ValueError, match="6 layers of 12 heads"),
        without_heads(encoder, [(0, 0), head]),
    ):
        pass
    assert torch.equal(encoder.layers[0].attention.output.weight, before)


def test_words_do_not_see_one_another_without_heads(encoder):
    every = [(layer, head) for layer in range(6) for head in range(12)]
    uses = [use for use in word_senses.load() if use.word == "mouse"]
    same_place = [use for use in uses if encoder.tokens(use.sentence).index("mouse") == 2]
    assert len(same_place) >= 2
    test = SenseTest(encoder, same_place)
    with without_heads(encoder, every):
        z = test.vectors()
    torch.testing.assert_close(z, z[:1].expand_as(z))
    assert (test.vectors() - test.vectors()[:1]).abs().max() > 0.01


def test_right_senses_equal_scikit_learns_nearest_neighbour(encoder):
    uses = word_senses.load()
    test = SenseTest(encoder, uses)
    z, right = test.vectors(), 0
    for i, use in enumerate(uses):
        others = [j for j, other in enumerate(uses) if j != i and other.word == use.word]
        model = KNeighborsClassifier(1, metric="cosine", algorithm="brute")
        model.fit(z[others], [uses[j].sense for j in others])
        right += int(model.predict(z[i : i + 1])[0] == use.sense)
    assert test.right() == right


def test_a_words_vector_does_not_hang_on_the_padding(encoder):
    uses = word_senses.load()
    together = SenseTest(encoder, uses).vectors()
    alone = torch.cat([SenseTest(encoder, [use]).vectors() for use in uses[:8]])
    torch.testing.assert_close(together[:8], alone, atol=1e-5, rtol=1e-4)
