"""Families of operators are withdrawn from torch itself, and put back as they were."""

import threading
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from introml.grader.families import FAMILIES
from introml.grader.wire.withdrawal import (
    LibraryAnswer,
    Withdrawal,
    functions,
    operators,
    refusal_in,
)

X = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
BY_HAND = X.exp() / X.exp().sum(-1, keepdim=True)


@pytest.fixture
def withdrawal():
    one = Withdrawal()
    one.lab = "Attention"
    yield one
    one.put_back()


def test_a_family_is_refused_by_every_name_and_in_what_contains_it(withdrawal):
    withdrawal.withdraw(["softmax"])
    for call in (
        lambda: torch.softmax(X, -1),
        lambda: X.softmax(-1),
        lambda: F.softmax(X, -1),
        lambda: nn.Softmax(-1)(X),
        lambda: torch.ops.aten._softmax(X, -1, False),
        lambda: F.cross_entropy(X, torch.tensor([0, 1])),
        lambda: torch.distributions.Categorical(logits=X),
        lambda: F.scaled_dot_product_attention(X, X, X),
        lambda: torch._refs.softmax(X, -1),
    ):
        with pytest.raises(LibraryAnswer, match="withheld in the lab Attention: write it yourself"):
            call()
    assert {"aten::softmax.int", "aten::log_softmax.int"} <= set(withdrawal.seen())
    assert torch.allclose(BY_HAND, X.exp() / X.exp().sum(-1, keepdim=True))


def test_a_refusal_says_which_family_and_is_remembered_when_it_is_caught(withdrawal):
    withdrawal.withdraw(["losses"])
    with pytest.raises(LibraryAnswer) as refused:
        torch.ops.aten.mse_loss(X, X)
    assert str(refused.value) == (
        "aten::mse_loss (loss functions) is withheld in the lab Attention: write it yourself."
    )
    assert withdrawal.seen() == ["aten::mse_loss"]


def test_two_hundred_calls_of_one_family_hide_none_of_another(withdrawal):
    for number in range(200):
        with pytest.raises(LibraryAnswer):
            withdrawal._refusal("losses", f"aten::loss{number}")()
    withdrawal.withdraw(["softmax"])
    with pytest.raises(LibraryAnswer):
        torch.softmax(X, -1)
    assert withdrawal.seen()[:2] == ["aten::loss0", "aten::softmax.int"]
    assert len(withdrawal.seen()) < 30


def test_a_refusal_is_known_within_other_exceptions():
    inner = LibraryAnswer("aten::x (loss functions) is withheld in this lab: write it yourself.")
    outer = RuntimeError("it failed")
    outer.__cause__ = inner
    as_text = RuntimeError(f"in TorchScript:\n  line 3\nRuntimeError: {inner}\n")
    assert refusal_in(inner) == refusal_in(outer) == refusal_in(as_text) == str(inner)
    assert refusal_in(RuntimeError("it failed")) == ""


@pytest.mark.parametrize("everywhere", [True, False])
def test_all_is_as_it_was_after_it_is_put_back_twice_in_a_row(withdrawal, everywhere):
    def tables():
        return [torch._C._dispatch_dump_table(x) for family in FAMILIES for x in operators(family)]

    of_families = [one for family in FAMILIES for _, one in functions(family)]

    def codes():
        return [one.__code__ for one in of_families]

    before = tables(), codes()
    for _ in range(2):
        withdrawal.withdraw(FAMILIES, everywhere)
        assert tables() != before[0]
        assert all(one is not other for one, other in zip(codes(), before[1], strict=True))
        withdrawal.put_back()
        assert tables() == before[0]
        assert codes() == before[1]
    w = torch.ones(3, requires_grad=True)
    (w**2).sum().backward()
    assert w.grad.tolist() == [2, 2, 2]
    assert torch.allclose(torch.softmax(X, -1), BY_HAND)


def test_a_block_gives_back_after_an_exception_and_after_an_interrupt(withdrawal):
    def fail(error):
        with pytest.raises(LibraryAnswer):
            torch.softmax(X, -1)
        raise error

    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), withdrawal.withheld(["softmax", "autograd"]):
            fail(error)
        assert torch.allclose(torch.softmax(X, -1), BY_HAND)
        assert withdrawal.families == []


def test_a_family_that_stays_keeps_what_it_shares_with_one_that_goes(withdrawal):
    withdrawal.withdraw(["softmax", "attention"])
    withdrawal.put_back(["softmax"])
    assert torch.allclose(torch.softmax(X, -1), BY_HAND)
    with pytest.raises(LibraryAnswer):
        F.scaled_dot_product_attention(X, X, X)
    with pytest.raises(LibraryAnswer):
        torch.ops.aten._scaled_dot_product_attention_math(X, X, X)


def test_without_autograd_nothing_is_recorded_and_nothing_differentiates(withdrawal):
    w = torch.ones(3, requires_grad=True)
    kept = (w**2).sum()
    for everywhere in (True, False):
        withdrawal.withdraw(["autograd"], everywhere)
        assert (w**2).sum().grad_fn is None
        for call in (
            kept.backward,
            lambda: torch.autograd.grad(kept, w),
            lambda: torch.func.grad(lambda v: (v**2).sum())(w),
            lambda: torch.func.vjp(torch.sin, w),
            lambda: torch._C._ImperativeEngine().run_backward((kept,), (None,), True, False, (w,)),
        ):
            with pytest.raises(LibraryAnswer):
                call()
        withdrawal.put_back()
    assert torch.autograd.grad(kept, w)[0].tolist() == [2, 2, 2]


def test_without_autograd_its_derivatives_of_single_operators_are_gone_too(withdrawal):
    u, v = torch.ones(3), torch.full((3,), 0.5)
    withdrawal.withdraw(["autograd"])
    for call in (
        lambda: torch.ops.aten.tanh_backward(u, v),
        lambda: torch.ops.aten.threshold_backward(u, v, 0),
        lambda: torch.ops.aten._softmax_backward_data(u, v, 0, torch.float32),
    ):
        with pytest.raises(LibraryAnswer):
            call()
    withdrawal.put_back()
    assert torch.ops.aten.tanh_backward(u, v).tolist() == [0.75] * 3


def test_nothing_is_said_of_kernels_that_get_another(withdrawal):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        withdrawal.withdraw(FAMILIES)
        withdrawal.put_back()
    assert [str(one.message) for one in said] == []


def test_other_threads_of_the_notebook_go_on():
    withdrawal, wrong, over = Withdrawal(), [], threading.Event()

    def work():
        x = torch.ones(4)
        while not over.is_set():
            if (x * 2 + 1).sum().item() != 12:
                wrong.append(x)

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(20):
        with withdrawal.withheld(["softmax", "losses"]):
            pass
    over.set()
    thread.join()
    assert wrong == []


def test_other_work_is_not_touched(withdrawal):
    """The gradient of ⟨c, softmax(x)⟩ by hand is s · (c − ⟨c, s⟩)."""
    withdrawal.withdraw(["softmax", "attention", "convolution", "optimizers"])
    x, c = X.clone().requires_grad_(), torch.tensor([[1.0, -2.0, 0.5], [0.0, 1.0, 2.0]])
    shares = x.exp() / x.exp().sum(-1, keepdim=True)
    (shares * c).sum().backward()
    expected = BY_HAND * (c - (c * BY_HAND).sum(-1, keepdim=True))
    assert torch.allclose(x.grad, expected, atol=1e-6)
    layer = nn.Linear(3, 2)
    assert torch.allclose(layer(X), X @ layer.weight.T + layer.bias, atol=1e-6)
    scripted = torch.jit.script(by_hand)
    assert torch.allclose(scripted(X), BY_HAND)
    assert torch.allclose(torch.vmap(by_hand)(X), BY_HAND)
    assert withdrawal.seen() == []


def by_hand(x: torch.Tensor) -> torch.Tensor:
    return x.exp() / x.exp().sum(-1, keepdim=True)
