"""Each public way of the installed torch to a family of operators is refused where it is withheld.

The ways are found by calling what torch shows, in a box from which nothing is withheld (`ways.py`);
then each is gone again, in a box from which the family is.
"""

from collections import Counter
from pathlib import Path

import pytest
import torch

from introml.grader.box.limits import Limits
from introml.grader.families import FAMILIES
from introml.grader.run.attempt import Attempt
from introml.grader.wire.withdrawal import Withdrawal, operators

SOURCE = (Path(__file__).parent / "ways.py").read_text()
LIMITS = Limits(wall_s=900, cpu_s=900, memory_mb=3000)
OF = {family: list(operators(family)) for family in FAMILIES if operators(family)}


def in_box(template, families, function, argument):
    with Attempt(template, [("ways", SOURCE)], limits=LIMITS, families=families) as attempt:
        assert [one.outcome for one in attempt.start()] == ["ok"]
        attempt.begin(1, 800, public=True)
        return attempt.submission.call(function, argument)


@pytest.fixture(scope="module")
def ways(template):
    return in_box(template, [], "find_ways", OF)


def test_the_ways_that_everybody_knows_are_among_those_that_are_found(ways):
    found = {(family, f"{room}.{name}") for _, room, name, _, family in ways}
    assert found >= {
        ("softmax", "torch.softmax"),
        ("softmax", "torch.Tensor.log_softmax"),
        ("softmax", "torch.nn.Softmax2d"),
        ("softmax", "torch.nn.functional.cross_entropy"),
        ("softmax", "torch.distributions.Categorical"),
        ("softmax", "torch.sparse.softmax"),
        ("softmax", "torch.nn.functional.scaled_dot_product_attention"),
        ("attention", "aten.scaled_dot_product_attention"),
        ("convolution", "torch.nn.Conv2d"),
        ("convolution", "torch.nn.functional.conv1d"),
        ("pooling", "torch.nn.functional.max_pool2d"),
        ("normalization", "torch.nn.LayerNorm"),
        ("losses", "torch.nn.functional.mse_loss"),
        ("recurrent", "torch.nn.LSTM"),
        ("solvers", "torch.linalg.lstsq"),
        ("solvers", "torch.Tensor.pinverse"),
    }
    assert min(Counter(family for *_, family in ways).values()) >= 4


@pytest.mark.parametrize("family", OF)
def test_each_way_is_refused_where_the_family_is_withheld(template, ways, family):
    of_it = [one for one in ways if one[4] == family]
    assert in_box(template, [family], "call_ways", of_it) == []


def test_no_kernel_of_a_family_is_left_for_any_kind_of_tensor():
    withdrawal = Withdrawal()
    try:
        withdrawal.withdraw(OF)
        for family, some in OF.items():
            for operator in some:
                left = [
                    line
                    for line in torch._C._dispatch_dump_table(operator).splitlines()
                    if "introml" not in line and "Autograd" not in line.partition(":")[0]
                    and not line.startswith(("HIP", "VE"))
                ]  # fmt: skip
                assert left == [], (family, operator)
    finally:
        withdrawal.put_back()
