"""introml.transfer against torch, scikit-learn and counted pixels."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from introml.data import mnist
from introml.transfer import (
    Examples,
    accuracy,
    digit_tasks,
    features,
    first_of_each,
    head_accuracy,
    logistic_head,
    new_network,
    scattered,
    train,
)


@pytest.fixture(scope="module")
def tasks():
    return digit_tasks(3, reach=4)


def random_examples(n=60, d=5, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, d, generator=generator)
    return Examples(X, torch.randint(classes, (n,), generator=generator))


def test_a_network_is_the_same_for_a_seed_and_leaves_torchs_own_numbers_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    networks = [new_network(5, 7, 3, seed) for seed in (0, 0, 1)]
    assert torch.rand(1) == expected
    first, again, other = (network[0].weight for network in networks)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_features_are_the_weighted_sums_cut_at_zero():
    network, (X, _) = new_network(5, 7, 3, seed=0), random_examples()
    layer = network[0]
    expected = (X @ layer.weight.T + layer.bias).clamp(min=0)
    torch.testing.assert_close(features(network, X), expected)
    torch.testing.assert_close(network(X), network[2](expected))


def test_full_batches_take_the_steps_of_torchs_adam():
    examples = random_examples()
    network = train(new_network(5, 7, 3, seed=0), examples, passes=4, batch_size=60)
    expected = new_network(5, 7, 3, seed=0)
    optimizer = torch.optim.Adam(expected.parameters(), lr=3e-3)
    for _ in range(4):
        optimizer.zero_grad()
        scores = expected(examples.X).log_softmax(dim=1)
        nn.functional.nll_loss(scores, examples.y).backward()
        optimizer.step()
    for ours, theirs in zip(network.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_training_sees_each_example_once_a_pass():
    seen = []

    class Watched(nn.Sequential):
        def forward(self, X):
            seen.append(X[:, 0].clone())
            return super().forward(X)

    X = torch.arange(10.0)[:, None].expand(10, 5)
    train(Watched(*new_network(5, 4, 2, 0)), Examples(X, torch.zeros(10).long()), 3, batch_size=4)
    assert [len(batch) for batch in seen] == [4, 4, 2] * 3
    passes = torch.cat(seen).reshape(3, 10)
    assert torch.equal(passes.sort(dim=1).values, torch.arange(10.0).expand(3, 10))
    assert not torch.equal(passes[0], passes[1])


def test_accuracy_counts_right_answers():
    network = nn.Sequential(nn.Identity())
    scores = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0], [0.0, 5.0]])
    assert accuracy(network, Examples(scores, torch.tensor([0, 1, 1, 1]))) == 0.75


def test_a_head_on_pixels_is_a_logistic_regression_and_the_network_stays_as_it_is(tasks):
    few = first_of_each(tasks.pool, 5)
    scale = few.X.numpy().std(ddof=1)
    model = LogisticRegression(max_iter=3000).fit(few.X.numpy() / scale, few.y.numpy())
    expected = (model.predict(tasks.test.X.numpy() / scale) == tasks.test.y.numpy()).mean()
    assert head_accuracy(few, tasks.test) == pytest.approx(expected, abs=0.003)
    network = new_network(196, 16, 5, seed=0)
    before = [parameter.clone() for parameter in network.parameters()]
    on_features = Examples(features(network, few.X), few.y)
    test = Examples(features(network, tasks.test.X), tasks.test.y)
    assert head_accuracy(few, tasks.test, network) == head_accuracy(on_features, test)
    for old, new in zip(before, network.parameters(), strict=True):
        assert torch.equal(old, new)


@pytest.mark.parametrize("seed", range(5))
def test_a_head_is_scikit_learns_logistic_regression(seed):
    X, y = random_examples(n=40, d=6, seed=seed)
    head = logistic_head(Examples(X, y))
    model = LogisticRegression(tol=1e-8, max_iter=3000).fit(X.numpy(), y.numpy())
    # The scores of all classes may be shifted together; their differences may not.
    weights, intercepts = head.weight.detach().numpy(), head.bias.detach().numpy()
    assert weights == pytest.approx(model.coef_, abs=2e-3)
    found, expected = intercepts - intercepts[0], model.intercept_ - model.intercept_[0]
    assert found == pytest.approx(expected, abs=2e-3)


def test_scattered_images_are_rolled_whole():
    images = torch.rand(300, 6, 5, generator=torch.Generator().manual_seed(0))
    moved = scattered(images, 2, torch.Generator().manual_seed(1))
    found = set()
    for image, other in zip(images, moved, strict=True):
        matches = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if torch.equal(torch.roll(image, (down, right), (0, 1)), other)
        ]
        assert len(matches) == 1
        found.add(matches[0])
    assert len(found) == 25
    assert torch.equal(scattered(images, 0, torch.Generator()), images)


def test_no_digit_is_in_both_tasks_and_no_image_in_both_parts():
    """Told by the pixels: every image of MNIST has its digit, and unmoved ones are found again."""
    task = digit_tasks(1, reach=0)
    digits = {}
    for split in ("train", "test"):
        images, y = mnist.load(split)
        small = nn.functional.avg_pool2d(images[:, None], 2).flatten(1)
        digits |= {
            image.numpy().tobytes(): (split, int(d)) for image, d in zip(small, y, strict=True)
        }
    owners = [
        [(*digits[image.numpy().tobytes()], int(label)) for image, label in zip(X, y, strict=True)]
        for X, y in task
    ]
    source, pool, test = owners
    assert {split for split, _, _ in source + pool} == {"train"}
    assert {split for split, _, _ in test} == {"test"}
    assert not {d for _, d, _ in source} & {d for _, d, _ in pool}
    assert len({(d, label) for _, d, label in source}) == 5
    assert {(d, label) for _, d, label in pool} == {(d, label) for _, d, label in test}
    assert len({(d, label) for _, d, label in pool}) == 5


def test_the_first_of_each_class_are_taken(tasks):
    few = first_of_each(tasks.pool, 3)
    assert few.y.bincount().tolist() == [3] * 5
    for one in range(5):
        expected = tasks.pool.X[tasks.pool.y == one][:3]
        assert torch.equal(few.X[few.y == one], expected)


def test_other_seeds_choose_other_digits():
    sizes = {tuple(np.bincount(digit_tasks(seed, 0).source.y)) for seed in range(4)}
    assert len(sizes) == 4
