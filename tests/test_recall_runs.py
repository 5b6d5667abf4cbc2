"""introml.recall_runs: the task, where the networks begin, and what truncation cuts."""

import numpy as np
import pytest
import torch

from introml.recall_runs import RecallNetwork, accuracies, accuracy, recall_batch, train


def test_the_symbol_stands_at_the_first_step_alone():
    X, symbols = recall_batch(400, 5, torch.Generator().manual_seed(0))
    assert X.shape == (400, 6, 3)
    torch.testing.assert_close(X[:, 0, :2], torch.eye(2)[symbols])
    assert not X[:, 1:, :2].any()
    assert not X[:, 0, 2].any()
    noise = X[:, 1:, 2]
    assert abs(noise.mean()) < 0.1
    assert abs(noise.std() - 1) < 0.1
    assert 150 < symbols.sum() < 250


def test_without_the_first_step_nothing_tells_the_symbol():
    """The noise of both symbols comes from one draw: their means agree within its error."""
    X, symbols = recall_batch(4000, 3, torch.Generator().manual_seed(1))
    apart = X[symbols == 0, 1:].mean((0, 1)) - X[symbols == 1, 1:].mean((0, 1))
    assert apart.abs().max() < 0.05


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5])
def test_an_rnn_begins_with_the_wanted_spectral_radius(radius):
    torch.manual_seed(0)
    W_h = RecallNetwork("rnn", radius=radius).recurrent.weight_hh_l0.detach().numpy()
    assert np.abs(np.linalg.eigvals(W_h)).max() == pytest.approx(radius, rel=1e-5)


def test_the_gate_that_keeps_begins_open():
    """Told from outside: with weights of 0 and no input, c' = sigmoid(keep) · c."""
    torch.manual_seed(0)
    for cell in ("lstm", "gru"):
        network = RecallNetwork(cell, H=3, keep=2.0)
        with torch.no_grad():
            for name, part in network.recurrent.named_parameters():
                if name.startswith("weight"):
                    part.zero_()
            for parts in (network.recurrent.bias_ih_l0, network.recurrent.bias_hh_l0):
                for at in range(len(parts) // 3):
                    if at != 1:
                        parts[3 * at : 3 * at + 3] = 0
        state = torch.full((1, 1, 3), 0.8)
        begun = (state, state) if cell == "lstm" else state
        _, after = network.recurrent(torch.zeros(1, 1, 3), begun)
        kept = after[1] if cell == "lstm" else after
        torch.testing.assert_close(kept, 0.8 * torch.sigmoid(torch.tensor(2.0)).expand(1, 1, 3))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_window_changes_no_score_and_cuts_the_gradient(cell):
    torch.manual_seed(0)
    network = RecallNetwork(cell, H=5)
    X, _ = recall_batch(4, 9, torch.Generator().manual_seed(0))
    X.requires_grad_()
    whole, cut = network(X), network(X, 4)
    torch.testing.assert_close(whole, cut)
    reached = torch.autograd.grad(cut.sum(), X)[0].abs().amax((0, 2)) > 0
    assert reached.tolist() == [False] * 8 + [True] * 2  # pieces of 4, 4 and 2
    assert (torch.autograd.grad(whole.sum(), X)[0].abs().amax((0, 2)) > 0).all()


def test_what_a_cell_cannot_have_is_refused():
    for arguments, words in (
        (("elman",), "one of rnn, gru, lstm"),
        (("gru", 4, 1.0), "radius is for an rnn"),
        (("rnn", 4, None, 1.0), "no gate"),
    ):
        with pytest.raises(ValueError, match=words):
            RecallNetwork(*arguments)


def test_a_short_lag_is_learned_and_an_untrained_network_guesses():
    assert min(accuracies(lambda: RecallNetwork("rnn"), 3, range(2), steps=100)) > 0.95
    torch.manual_seed(0)
    assert 0.3 < accuracy(RecallNetwork("rnn"), 3) < 0.7


def test_the_norms_are_those_before_clipping():
    torch.manual_seed(0)
    network = RecallNetwork("rnn", H=4)
    norms = train(network, 3, 0, steps=2, most=1e-4)
    left = torch.stack([p.grad.norm() for p in network.parameters()]).norm().item()
    assert len(norms) == 2
    assert min(norms) > 1e-3
    assert left == pytest.approx(1e-4, rel=0.02)
