"""Public checks of the lab on attention: what a student can run while working.

Expected values come from PyTorch's own functions, or from a formula written out in float64; never
from the lab's own solution.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from introml.grader.checks import (
    assert_close,
    assert_finite,
    assert_inputs_kept,
    check,
    randint,
    randn,
    require,
)

# float32 rounds by 6e-8. A score is a sum of up to 64 products, and a weight's relative error is
# the absolute error of its score: some 1e-6 for scores of usual size. 1e-4 is far above that, and
# far below what a wrong formula changes. Five ways of writing it came to 0.27 of the bound at most.
NEAR = {"rtol": 1e-4, "atol": 1e-5}
TIGHT = {"rtol": 1e-8, "atol": 1e-9}  # in float64, as the lab's text says too

PAIR = "attention returns two tensors: the output and the weights."
KEPT = (
    "{} changes a tensor that it is given. A method like masked_fill_ or a line like x -= … does."
)


def draw_qkv(
    rng: np.random.Generator, *lead: int, dtype: torch.dtype = torch.float32, longest: int = 12
) -> tuple[Tensor, Tensor, Tensor]:
    """q (…, T, D), k (…, S, D) and v (…, S, Dv) with sizes of their own, mostly odd."""
    T, S = int(rng.integers(3, longest)), int(rng.integers(3, longest))
    D, Dv = 2 * int(rng.integers(2, 9)) + 1, int(rng.integers(2, 9))
    if T == S:
        S += 1
    while D in (T, S):  # or a division by the root of a length would be right by chance
        D += 2
    return (
        randn(rng, *lead, T, D, dtype=dtype),
        randn(rng, *lead, S, D, dtype=dtype),
        randn(rng, *lead, S, Dv, dtype=dtype),
    )


def draw_mask(rng: np.random.Generator, *shape: int) -> Tensor:
    """True for about half; every row has a True and a False."""
    mask = torch.from_numpy(rng.random(shape) < 0.5)
    first = randint(rng, 0, shape[-1], *shape[:-1], 1)
    mask.scatter_(-1, first, True)
    return mask.scatter_(-1, (first + 1) % shape[-1], False)


def torch_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None):
    """PyTorch's own output and weights. The weights are what it returns for v = the identity."""
    lead = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2])
    identity = torch.eye(k.shape[-2], dtype=q.dtype, device=q.device)
    identity = identity.expand(*lead, *identity.shape)
    weights = F.scaled_dot_product_attention(q, k, identity, attn_mask=mask)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask), weights


def is_pair(answer: object, words: str = PAIR) -> tuple[Tensor, Tensor]:
    require(
        type(answer) is tuple and len(answer) == 2 and all(type(part) is Tensor for part in answer),
        words,
    )
    return answer


def torch_layer(rng: np.random.Generator, d: int, num_heads: int) -> nn.MultiheadAttention:
    """PyTorch's own layer, with random weights and biases."""
    layer = nn.MultiheadAttention(d, num_heads, batch_first=True)
    with torch.no_grad():
        for parameter in layer.parameters():
            scale = d**-0.5 if parameter.ndim == 2 else 0.5
            parameter.copy_(randn(rng, *parameter.shape, scale=1.5 * scale))
    return layer.eval()


def state_for_the_student(layer: nn.MultiheadAttention) -> dict[str, Tensor]:
    """PyTorch's weights under the names of the task. It stacks q, k and v in one matrix."""
    state = {}
    for kind in ("weight", "bias"):
        stacked = getattr(layer, f"in_proj_{kind}").detach()
        for name, part in zip(("q_proj", "k_proj", "v_proj"), stacked.chunk(3), strict=True):
            state[f"{name}.{kind}"] = part.clone()
        state[f"out_proj.{kind}"] = getattr(layer.out_proj, kind).detach().clone()
    return state


def same_layer(submission, layer: nn.MultiheadAttention):
    """The student's layer with the weights of PyTorch's."""
    mine = submission.MultiHeadAttention(layer.embed_dim, layer.num_heads)
    state = state_for_the_student(layer)
    found = mine.state_dict()
    require(
        found.keys() == state.keys()
        and all(found[name].shape == state[name].shape for name in state),
        "The layer's parameters are q_proj, k_proj, v_proj and out_proj, each an nn.Linear(d, d) "
        "with a bias, and no others.",
    )
    mine.load_state_dict(state)
    return mine


def torch_layer_output(layer, x, context=None, mask=None):
    """PyTorch's output and weights of each head. Its masks are True where one may *not* attend."""
    context = x if context is None else context
    blocked = None
    if mask is not None:
        full = (len(x), layer.num_heads, x.shape[1], context.shape[1])
        blocked = ~mask.expand(full).reshape(-1, *full[2:])
    with torch.no_grad():
        return layer(x, context, context, attn_mask=blocked, average_attn_weights=False)


@check(points=1, title="Softmax of rows, large numbers and −∞ too")
def softmax_of_rows(submission, rng):
    x = randn(rng, int(rng.integers(2, 6)), int(rng.integers(3, 9)), scale=2.0)
    assert_close(
        submission.softmax(x),
        F.softmax(x, dim=-1),
        **NEAR,
        hint="Each row, along the last dimension, holds exp(x) divided by the row's sum of them.",
    )
    large = x + 1000 * torch.sign(randn(rng, len(x), 1))
    assert_close(
        submission.softmax(large),
        F.softmax(large, dim=-1),
        **NEAR,
        hint="With entries near 1000 or −1000 the result is wrong: exp overflows, or all of a row "
        "becomes 0. Subtract the row's maximum first.",
    )
    for leads in ((), (2, 1, 3)):
        other = randn(rng, *leads, int(rng.integers(3, 9))) * 1e37
        hint = "It must hold for any number of leading dimensions, and entries of any size."
        assert_close(submission.softmax(other), F.softmax(other, dim=-1), **NEAR, hint=hint)
    blocked = draw_mask(rng, *x.shape)
    x = x.masked_fill(blocked, -math.inf)
    answer = submission.softmax(x)
    hint = "An entry of −∞ gets a share of exactly 0, and the others share the rest."
    assert_close(answer, F.softmax(x, dim=-1), **NEAR, hint=hint)
    require(bool((answer[blocked] == 0).all()), hint)
    x[0] = -math.inf
    expected = F.softmax(x, dim=-1)
    expected[0] = 0.0
    assert_close(
        submission.softmax(x),
        expected,
        **NEAR,
        hint="A row of −∞ alone becomes zeros, and leaves the other rows alone. What are its "
        "maximum and its sum?",
    )
    assert_inputs_kept(submission, "softmax", x, hint=KEPT.format("softmax"))


@check(points=1, title="Masks say who may attend")
def masks_say_who_may_attend(submission, rng):
    for T in (int(rng.integers(3, 9)), 1):
        assert_close(
            submission.causal_mask(T),
            torch.ones(T, T, dtype=torch.bool).tril(),
            hint="The causal mask is boolean, (T, T), and True where the key is not later than the "
            "query: on the diagonal and below it.",
        )
    S = int(rng.integers(4, 9))
    lengths = randint(rng, 1, S, int(rng.integers(3, 6)))
    lengths[1], lengths[2] = 0, S  # the first row has some keys, and not all
    expected = torch.zeros(len(lengths), 1, 1, S, dtype=torch.bool)
    for row, length in enumerate(lengths.tolist()):
        expected[row, :, :, :length] = True
    assert_close(
        submission.padding_mask(lengths, S),
        expected,
        hint="The padding mask is boolean, (B, 1, 1, S), and True for the first lengths[b] keys of "
        "example b.",
    )


@check(points=2, title="Attention equals PyTorch's")
def attention_equals_torch(submission, rng):
    q, k, v = draw_qkv(rng, int(rng.integers(2, 4)), int(rng.integers(2, 4)))
    output, weights = torch_attention(q, k, v)
    answer = is_pair(submission.attention(q, k, v))
    assert_close(
        answer[1],
        weights,
        **NEAR,
        hint="The weights differ from PyTorch's. Does each row, over the keys, sum to 1? By what "
        "are the scores divided, and does it depend on D as it should?",
    )
    assert_close(
        answer[0],
        output,
        **NEAR,
        hint="The weights are right and the output is not: it is the weights times the values.",
    )
    assert_inputs_kept(submission, "attention", q, k, v, hint=KEPT.format("attention"))
    q, k, v = (part.double() for part in (q, k, v))
    answer = is_pair(submission.attention(q, k, v))
    hint = "In float64 the result is wrong, or no longer exact: keep to the dtype of the inputs."
    assert_close(answer, torch_attention(q, k, v), **TIGHT, hint=hint)


@check(points=2, title="Masked positions get no weight")
def masked_positions_get_no_weight(submission, rng):
    q, k, v = draw_qkv(rng, 2, 3)
    mask = draw_mask(rng, q.shape[-2], k.shape[-2])
    expected = torch_attention(q, k, v, mask)
    answer = is_pair(submission.attention(q, k, v, mask=mask))
    require(answer[1].shape == expected[1].shape, "The weights have the shape (…, T, S).")
    require(
        bool((answer[1][..., ~mask] == 0).all()),
        "Where the mask is False the weight must be exactly 0. A masked score becomes −∞, and it "
        "does so before the softmax. True means: may attend.",
    )
    assert_close(
        answer[1].sum(-1),
        torch.ones(expected[1].shape[:-1]),
        **NEAR,
        hint="The weights that are left must still sum to 1: mask the scores, not the weights.",
    )
    hint = "With a mask, the result differs from PyTorch's."
    assert_close(answer[1], expected[1], **NEAR, hint=hint)
    assert_close(answer[0], expected[0], **NEAR, hint=hint)
    hint = KEPT.format("attention, with a mask,")
    assert_inputs_kept(submission, "attention", q, k, v, mask=mask, hint=hint)


@check(points=3, title="Several heads equal PyTorch's")
def heads_equal_torch(submission, rng):
    heads = int(rng.integers(2, 5))
    d = heads * int(rng.integers(2, 6))
    layer = torch_layer(rng, d, heads)
    x = randn(rng, int(rng.integers(2, 4)), int(rng.integers(4, 9)), d)
    expected = torch_layer_output(layer, x)
    mine = same_layer(submission, layer)
    answer = is_pair(mine(x), "The layer returns two tensors: the output and the weights.")
    assert_close(
        answer[1],
        expected[1],
        **NEAR,
        hint="The weights of the heads differ from PyTorch's. Head 0 has the first d/H numbers of "
        "each position. Which D belongs under the root? Does view mix up positions and heads?",
    )
    assert_close(
        answer[0],
        expected[0],
        **NEAR,
        hint="The weights are right and the output is not. Swap heads and positions back before "
        "you join the heads, and apply out_proj last.",
    )
    assert_inputs_kept(submission, mine, x, hint=KEPT.format("The layer"))


@check(points=1, title="Cross-attention reads the context")
def cross_attention_reads_the_context(submission, rng):
    heads = int(rng.integers(2, 5))
    d, B, T = heads * int(rng.integers(2, 6)), int(rng.integers(2, 4)), int(rng.integers(2, 6))
    layer = torch_layer(rng, d, heads)
    x, mine = randn(rng, B, T, d), same_layer(submission, layer)
    # First a context of the same length: a mix-up shows in the numbers, not only in the shapes.
    for S in (T, T + int(rng.integers(1, 5))):
        context = randn(rng, B, S, d)
        expected = torch_layer_output(layer, x, context)
        answer = is_pair(mine(x, context), "The layer returns two tensors: output and weights.")
        hint = "Queries come from x; keys and values, both of them, come from the context."
        assert_close(answer[1], expected[1], **NEAR, hint=hint)
        assert_close(answer[0], expected[0], **NEAR, hint=hint)


def sin_cos(T: int, d: int) -> Tensor:
    """The formula of the task, number by number, in double precision."""
    table = torch.zeros(T, d, dtype=torch.float64)
    for t in range(T):
        for i in range(d // 2):
            angle = t / 10000 ** (2 * i / d)
            table[t, 2 * i], table[t, 2 * i + 1] = math.sin(angle), math.cos(angle)
    return table


@check(points=1, title="Positions: sines and cosines take turns")
def positions_interleave(submission, rng):
    T, d = int(rng.integers(4, 12)), 2 * int(rng.integers(3, 8))
    answer = submission.positions(T, d)
    form = "positions returns (T, d) numbers in float32."
    require(
        type(answer) is Tensor and answer.shape == (T, d) and answer.dtype == torch.float32, form
    )
    assert_close(
        answer[0],
        torch.tensor([0.0, 1.0]).repeat(d // 2),
        **NEAR,
        hint="Row 0 is sin 0, cos 0, sin 0, cos 0, …: 0, 1, 0, 1, … Sines stand in the even "
        "columns, cosines in the odd ones.",
    )
    assert_close(
        answer,
        sin_cos(T, d).float(),
        **NEAR,
        hint="A speed is wrong. Columns 0 and 1 share the speed 1, columns 2 and 3 share "
        "10000 to the power of −2/d.",
    )


def draw_lookups(
    rng: np.random.Generator, count: int, code: Tensor, num_values: int, S: int
) -> tuple[tuple[Tensor, ...], Tensor]:
    """(names, values, lengths, questions), and the answers, as the task describes them.

    code[q] is the name that question q asks for. The filling repeats that name with other values.
    """
    names = torch.from_numpy(rng.random((count, len(code)))).argsort(1)[:, :S]
    values = randint(rng, 0, num_values, count, S)
    lengths = randint(rng, 1, S + 1, count)
    place = (torch.from_numpy(rng.random(count)) * lengths).long()[:, None]
    wanted, answers = names.gather(1, place), values.gather(1, place)[:, 0]
    names = torch.where(torch.arange(S) < lengths[:, None], names, wanted)
    return (names, values, lengths, code.argsort()[wanted[:, 0]]), answers


@check(points=1, title="The look-up ignores order and padding")
def lookup_ignores_order_and_padding(submission, rng):
    # The width, 6, is neither count, so that one is not taken for the other.
    num_names, num_values, S = int(rng.integers(8, 12)), int(rng.choice([4, 5, 7])), 7
    (names, values, lengths, questions), _ = draw_lookups(
        rng, 9, torch.arange(num_names), num_values, S
    )
    model = submission.LookupModel(num_names, num_values, 6, 3)
    scores = model(names, values, lengths, questions)
    require(
        type(scores) is Tensor and scores.shape == (9, num_values),
        "LookupModel returns one row for each example and one score for each possible value.",
    )
    assert_finite(scores, hint="Some scores are infinite or NaN.")
    require(not torch.equal(scores[0], scores[1]), "The scores do not depend on the example.")
    assert_inputs_kept(
        submission, model, names, values, lengths, questions, hint=KEPT.format("LookupModel")
    )
    assert_close(
        model(names[:1], values[:1], lengths[:1], questions[:1]),
        scores[:1],
        **NEAR,
        hint="One example alone gets other scores than among others. Is a dimension taken away "
        "that has size 1 by chance?",
    )
    order = torch.stack(
        [
            torch.cat([torch.from_numpy(rng.permutation(n)), torch.arange(n, S)])
            for n in lengths.tolist()
        ]
    )
    shuffled = model(names.gather(1, order), values.gather(1, order), lengths, questions)
    assert_close(
        shuffled, scores, **NEAR, hint="The order of the pairs changes the scores, and must not."
    )
    real = torch.arange(S) < lengths[:, None]
    other_names = torch.where(real, names, randint(rng, 0, num_names, 9, S))
    other_values = torch.where(real, values, (values + 1) % num_values)
    refilled = model(other_names, other_values, lengths, questions)
    assert_close(
        refilled,
        scores,
        **NEAR,
        hint="What stands in the filling changes the scores: give the padding mask to the layer.",
    )
    more = torch.cat([names, randint(rng, 0, num_names, 9, 4)], dim=1)
    longer = torch.cat([values, randint(rng, 0, num_values, 9, 4)], dim=1)
    assert_close(
        model(more, longer, lengths, questions),
        scores,
        **NEAR,
        hint="More filling at the end of the lists changes the scores. Filling that is set to zero "
        "still takes part in the softmax: give the padding mask to the layer instead.",
    )
    other = model(names, (values + 1) % num_values, lengths, questions)
    require(not torch.equal(other, scores), "The scores do not depend on the pairs' values.")
    both = values, values[:, torch.from_numpy(rng.permutation(S))]
    one, other = (model(*pair, lengths, questions) for pair in (both, both[::-1]))
    require(
        all(type(found) is Tensor and found.shape == scores.shape for found in (one, other))
        and not torch.allclose(one, other),
        "Names and values that change places give the same scores. Name 3 is not value 3: each "
        "kind has embeddings of its own.",
    )
    other = model(names, values, lengths, (questions + 1) % num_names)
    require(not torch.equal(other, scores), "The scores do not depend on the questions.")
    _sizes_of_the_layer(
        submission, model, (num_names, num_values), scores, names, values, lengths, questions
    )


def _sizes_of_the_layer(submission, model, numbers, scores, *inputs: Tensor) -> None:
    """The model of width 6 with 3 heads has a layer of that width and of so many heads."""
    state = model.state_dict()
    widths = [part.shape for name, part in state.items() if name.endswith("q_proj.weight")]
    require(
        widths == [(6, 6)],
        "LookupModel has one MultiHeadAttention, made with the d and the num_heads that it gets.",
    )
    one_head = submission.LookupModel(*numbers, 6, 1)
    if {name: part.shape for name, part in one_head.state_dict().items()} == {
        name: part.shape for name, part in state.items()
    }:
        one_head.load_state_dict(state)
        require(
            not torch.allclose(one_head(*inputs), scores, **NEAR),
            "With one head LookupModel gives the same scores as with three: num_heads plays no "
            "part. Give it to the layer.",
        )


@check(points=1, title="Attention in blocks equals the whole")
def blocks_equal_the_whole(submission, rng):
    q, k, v = draw_qkv(rng, 2, longest=20)
    expected = torch_attention(q, k, v)[0]
    S = k.shape[-2]
    for size in (S, S - 1, 1, 2, int(rng.integers(3, 6)), S + 3):  # S − 1 ≥ 2 does not divide S
        assert_close(
            submission.blockwise_attention(q, k, v, size),
            expected,
            **NEAR,
            hint="With some block size the output is not that of attention. Are both sums scaled "
            "down when the maximum grows? Is the last, shorter block there? Do the scores have "
            "their root?",
        )
    large = torch_attention(300 * q.double(), k.double(), v.double())[0].float()
    hint = "With scores in the hundreds the output is wrong or not finite: no exp without −m."
    blocks = submission.blockwise_attention(300 * q, k, v, S - 1)
    assert_close(blocks, large, rtol=0, atol=0.05, hint=hint)
    hint = KEPT.format("blockwise_attention")
    assert_inputs_kept(submission, "blockwise_attention", q, k, v, 2, hint=hint)
    reads_keys_in_blocks(submission, rng)


def reads_keys_in_blocks(submission, rng: np.random.Generator) -> None:
    """The work is cut along the keys: more blocks are more operations, and no tensor is large."""
    T, S = int(rng.integers(20, 40)), 400 * int(rng.integers(4, 7))
    q, k, v = randn(rng, T, 4), randn(rng, S, 4), randn(rng, S, 3)
    done = {}
    for size in (20, 200):
        done[size] = submission.work_of_blocks(q, k, v, size)
        form = "work_of_blocks is given in the notebook. Leave its name to it."
        require(type(done[size]) is tuple and len(done[size]) == 2, form)
        require(all(type(number) is int for number in done[size]), form)
    if max(calls for calls, _ in done.values()) < 8:
        return  # the work is not PyTorch's, so that PyTorch cannot count it
    # Twice the largest input leaves room for keys and values that lie in one tensor, and the like.
    require(
        all(largest <= 2 * k.numel() for _, largest in done.values()),
        "A tensor is larger than the inputs and than T × size. Make no scores for more than `size` "
        "keys at a time.",
    )
    require(
        done[20][0] - done[200][0] >= S // 20 - S // 200,
        "With ten times as many blocks there is not an operation more for each. Read the keys in "
        "blocks of `size`, and keep m, ℓ and o for each query; going through the queries one after "
        "another, or a few at a time, makes scores for all keys at once.",
    )
