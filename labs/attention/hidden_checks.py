"""Hidden checks of the lab on attention: other sizes and dtypes, properties, learning, the GPU.

None of them asks for more than the text of a task says.
"""

import math

import torch
import torch.nn.functional as F
from checks import (
    NEAR,
    TIGHT,
    draw_lookups,
    draw_mask,
    draw_qkv,
    is_pair,
    reads_keys_in_blocks,
    same_layer,
    sin_cos,
    torch_attention,
    torch_layer,
    torch_layer_output,
)
from torch import Tensor

from introml.grader.checks import (
    assert_causal,
    assert_close,
    assert_learns,
    assert_permutation_equivariant,
    check,
    randint,
    randn,
    require,
)

CANARY = "introml-canary-2f468657ca8dffeea111765c5285579f"

# bfloat16 keeps 8 bits: it rounds by up to u = 2⁻⁸ = 0.004. The raw dot product and its division
# are rounded once each, so a score s is off by up to 2u|s|, for |s| ≤ 4 by 0.031; that is the
# relative error of its weight. The exponential, the sum and the quotient add u each: 0.043 in all.
# An output is a mean of values of size ≤ 4, so it is off by 0.17 at the very worst. Errors mostly
# cancel: over 300 seeds, in five ways of writing it, the largest was half of these bounds.
HALF_WEIGHTS = {"rtol": 0.05, "atol": 0.004}
HALF_OUTPUT = {"rtol": 0.05, "atol": 0.05}


@check(points=2, title="Attention at other sizes and in other dtypes")
def attention_in_other_dtypes(submission, rng):
    for lead in ((), (3,), (2, 1, 2)):
        q, k, v = draw_qkv(rng, *lead, dtype=torch.float64, longest=40)
        _same_attention(submission, q, k, v, TIGHT)
    one = (randn(rng, 1, 1, 5), randn(rng, 1, 1, 5), randn(rng, 1, 1, 3))
    _same_attention(submission, *one, NEAR)
    q, k, v = draw_qkv(rng, 2, 2, dtype=torch.bfloat16, longest=40)
    # The reference is exact: float32 attention of the same, already rounded, numbers.
    output, weights = torch_attention(q.float(), k.float(), v.float())
    answer = is_pair(submission.attention(q, k, v))
    hint = "bfloat16 in, bfloat16 out, and near the exact result."
    assert_close(answer[1], weights.bfloat16(), **HALF_WEIGHTS, hint=hint)
    assert_close(answer[0], output.bfloat16(), **HALF_OUTPUT, hint=hint)
    mask = draw_mask(rng, q.shape[-2], k.shape[-2])
    masked, weights = torch_attention(q.float(), k.float(), v.float(), mask)
    answer = is_pair(submission.attention(q, k, v, mask=mask))
    hint = "With a mask: bfloat16 in, bfloat16 out, and near the exact result."
    assert_close(answer[1], weights.bfloat16(), **HALF_WEIGHTS, hint=hint)
    assert_close(answer[0], masked.bfloat16(), **HALF_OUTPUT, hint=hint)
    blocks = submission.blockwise_attention(q, k, v, int(rng.integers(3, 9)))
    hint = "In blocks: bfloat16 in, bfloat16 out, and near the exact result."
    assert_close(blocks, output.bfloat16(), **HALF_OUTPUT, hint=hint)
    x = randn(rng, 3, 20, dtype=torch.bfloat16)
    hint = "softmax: bfloat16 in, bfloat16 out, and near the exact result."
    expected = F.softmax(x.float(), dim=-1).bfloat16()
    assert_close(submission.softmax(x), expected, **HALF_WEIGHTS, hint=hint)
    for lead in ((), (2, 1, 2)):
        q, k, v = draw_qkv(rng, *lead, dtype=torch.float64)
        expected = torch_attention(q, k, v)[0]
        hint = "In blocks it must hold for any number of leading dimensions, and any dtype."
        assert_close(submission.blockwise_attention(q, k, v, 4), expected, **TIGHT, hint=hint)
        keys = draw_mask(rng, k.shape[-2])
        hint = "A mask may have any shape that broadcasts to that of the weights."
        expected = torch_attention(q, k, v, keys)
        answer = is_pair(submission.attention(q, k, v, mask=keys))
        assert_close(answer, expected, **TIGHT, hint=hint)


def _same_attention(submission, q, k, v, near) -> None:
    output, weights = torch_attention(q, k, v)
    answer = is_pair(submission.attention(q, k, v))
    hint = "It must hold for any number of leading dimensions, queries and keys, and any dtype."
    assert_close(answer[1], weights, **near, hint=hint)
    assert_close(answer[0], output, **near, hint=hint)


@check(points=2, title="A query that may look at nothing gets zeros")
def query_that_sees_nothing(submission, rng):
    q, k, v = draw_qkv(rng, 3, 2)
    lengths = randint(rng, 1, k.shape[-2], 3)
    lengths[int(rng.integers(3))] = 0
    mask = (torch.arange(k.shape[-2]) < lengths[:, None])[:, None, None]  # (B, 1, 1, S)
    output, weights = torch_attention(q, k, v, mask)  # PyTorch 2.13 gives zeros here as well
    answer = is_pair(submission.attention(q, k, v, mask=mask))
    hint = "A query with no key to look at gets weights and an output of zero, never NaN."
    assert_close(answer[1], weights, **NEAR, hint=hint)
    assert_close(answer[0], output, **NEAR, hint=hint)
    hint = (
        "The output of a query with no key to look at is right, but a gradient is not zero there, "
        "or not finite. A NaN that arises on the way and is replaced later still spoils the "
        "gradient, for 0 times NaN is NaN: it must not arise at all."
    )
    _same_gradients(submission, q, k, v, mask, rng, hint)


@check(points=2, title="Gradients equal PyTorch's")
def gradients_equal_torch(submission, rng):
    hint = (
        "A gradient of attention differs from PyTorch's. Is every step differentiable, and is no "
        "number changed in place, or cut off with detach or item?"
    )
    q, k, v = draw_qkv(rng, 2)
    for mask in (None, draw_mask(rng, q.shape[-2], k.shape[-2])):
        _same_gradients(submission, q, k, v, mask, rng, hint)


def _same_gradients(submission, q, k, v, mask, rng, hint: str) -> None:
    for output, argnums in ((0, (0, 1, 2)), (1, (0, 1))):  # the weights do not depend on v
        inputs = [part.clone().requires_grad_() for part in (q, k, v)]
        value = torch_attention(*inputs, mask)[output]
        upstream = randn(rng, *value.shape)
        expected = torch.autograd.grad(value, [inputs[i] for i in argnums], upstream)
        _, found = submission.vjp(
            "attention", (q, k, v), upstream, output=output, argnums=argnums, mask=mask
        )
        assert_close(found, expected, **NEAR, hint=hint)


@check(points=1, title="Large scores do no harm")
def large_scores(submission, rng):
    q, k, v = draw_qkv(rng, 2, 2)
    q = 300 * q
    # Scores near 1,000 are rounded by some 1e-4 in float32, and the weights with them.
    output, weights = torch_attention(q.double(), k.double(), v.double())
    answer = is_pair(submission.attention(q, k, v))
    hint = "With scores in the hundreds the result is wrong or not finite."
    assert_close(answer[1], weights.float(), rtol=0, atol=0.01, hint=hint)
    assert_close(answer[0], output.float(), rtol=0, atol=0.05, hint=hint)
    for size in (1, k.shape[-2] - 1):  # with more keys than one, the largest is not the least
        blocks = submission.blockwise_attention(q, k, v, size)
        hint = "In blocks, scores in the hundreds make the result wrong or not finite."
        assert_close(blocks, output.float(), rtol=0, atol=0.05, hint=hint)
    # One coordinate more adds −10⁵ or 10⁵ to a score, the same for all queries: first −10⁵ to all,
    # which changes no weight, then to some keys, which leaves them none. In float64 a score of 10⁵
    # is rounded by some 1e-10.
    q, k, v = draw_qkv(rng, 2, dtype=torch.float64)
    q, k = (torch.cat([part, torch.ones_like(part[..., :1])], dim=-1) for part in (q, k))
    low = torch.full((k.shape[-2],), -1e5, dtype=torch.float64)
    mixed = torch.where(draw_mask(rng, k.shape[-2]), low, -low)
    for shift in (low, mixed):
        k[..., -1] = shift * math.sqrt(k.shape[-1])
        expected = torch_attention(q, k, v)
        answer = is_pair(submission.attention(q, k, v))
        hint = "With scores near 100,000 or −100,000 the result is wrong or not finite."
        assert_close(answer, expected, rtol=0, atol=1e-7, hint=hint)
        for size in (1, 2, k.shape[-2]):
            blocks = submission.blockwise_attention(q, k, v, size)
            hint = "In blocks, scores near 100,000 or −100,000 make the result wrong or not finite."
            assert_close(blocks, expected[0], rtol=0, atol=1e-7, hint=hint)


@check(points=2, title="Heads at other sizes, with masks")
def heads_at_other_sizes(submission, rng):
    for heads, size in ((1, 7), (7, 1), (int(rng.integers(3, 7)), 2 * int(rng.integers(2, 8)) + 1)):
        layer = torch_layer(rng, heads * size, heads)
        B, T, S = (int(n) for n in rng.integers(2, 14, size=3))
        x, context = randn(rng, B, T, heads * size), randn(rng, B, S, heads * size)
        mine = same_layer(submission, layer)
        for given, mask in (
            (None, torch.ones(T, T, dtype=torch.bool).tril()),
            (context, (torch.arange(S) < randint(rng, 1, S + 1, B)[:, None])[:, None, None]),
            (context, draw_mask(rng, B, heads, T, S)),
        ):
            expected = torch_layer_output(layer, x, given, mask)
            answer = is_pair(mine(x, given, mask), "The layer returns output and weights.")
            hint = "With some number of heads, context or mask the layer differs from PyTorch's."
            assert_close(answer[1], expected[1], **NEAR, hint=hint)
            assert_close(answer[0], expected[0], **NEAR, hint=hint)


@check(points=1, title="Under the causal mask nothing comes from later")
def nothing_from_later(submission, rng):
    heads = int(rng.integers(2, 4))
    d, T = heads * int(rng.integers(3, 6)), int(rng.integers(6, 15))
    mine = same_layer(submission, torch_layer(rng, d, heads))
    mask = submission.causal_mask(T)
    assert_causal(
        lambda x: is_pair(mine(x, None, mask), "The layer returns output and weights.")[0],
        randn(rng, 2, T, d),
        rng,
        **NEAR,
        hint="With the causal mask, an output changes when a later input does, or the last output "
        "does not look back.",
    )


@check(points=1, title="Without a mask, shuffled in is shuffled out")
def shuffled_in_shuffled_out(submission, rng):
    heads = int(rng.integers(2, 4))
    d, T = heads * int(rng.integers(3, 6)), int(rng.integers(6, 15))
    layer = torch_layer(rng, d, heads)
    mine = same_layer(submission, layer)
    x = randn(rng, 2, T, d)

    def output(x: Tensor) -> Tensor:
        return is_pair(mine(x), "The layer returns output and weights.")[0]

    hint = "Self-attention without a mask must treat all positions alike."
    assert_permutation_equivariant(output, x, rng, **NEAR, hint=hint)
    assert_close(output(x), torch_layer_output(layer, x)[0], **NEAR, hint=hint)


@check(points=1, title="Positions at other sizes")
def positions_at_other_sizes(submission, rng):
    for T, d in ((1, 2), (int(rng.integers(100, 200)), 2), (33, 4 * int(rng.integers(8, 20)) + 2)):
        # An angle of up to 200 in float32 is off by 200 · 6e-8 = 1e-5, and its sine with it.
        assert_close(
            submission.positions(T, d),
            sin_cos(T, d).float(),
            rtol=0,
            atol=1e-4,
            hint="At some size the positions differ from the formula.",
        )


@check(
    points=3,
    title="The model learns to look things up",
    time_s=40,
    allows=["softmax"],  # the loss of the training contains one
)
def learns_to_look_up(submission, rng):
    def accuracy(seed: int) -> float:
        num_names, num_values, S = (int(rng.integers(*between)) for between in SIZES)
        code = torch.from_numpy(rng.permutation(num_names))
        examples, known = draw_lookups(rng, 4000, code, num_values, S)
        new, answers = draw_lookups(rng, 1000, code, num_values, S)
        scores = submission.learn_lookups((*examples, known), new, num_names, num_values)
        require(
            type(scores) is Tensor and scores.shape == (1000, num_values),
            "LookupModel returns one row for each example and one score for each possible value.",
        )
        return (scores.argmax(1) == answers).double().mean().item()

    # In 100 trials of the solution the lowest accuracy was 0.990, so that the chance of one below
    # 0.9 is at most 0.03 (95% confidence). Of three trials one must succeed: a right answer fails
    # at most once in 30,000. Without the mask, or without the names, accuracy stays under 0.6.
    assert_learns(
        accuracy,
        rng,
        threshold=0.9,
        miss=0.03,
        hint="After the training given in the notebook, the model answers less than 90% of new "
        "questions. Do question, names and values each have an embedding of their own? Is the "
        "padding masked?",
    )


SIZES = ((10, 16), (5, 10), (5, 9))  # names, values, pairs in a list


def one_row_a_query(output: object, shape: tuple[int, ...]) -> None:
    form = "blockwise_attention returns one row for each query, in the dtype of the inputs."
    require(type(output) is Tensor, f"{form} A tensor is expected.")
    require(output.shape == shape, f"{form} The shape is wrong.")
    require(output.dtype == torch.float32, f"{form} The dtype should be torch.float32.")


@check(
    points=2,
    title="Attention in blocks keeps its memory small",
    time_s=40,
    hint="Make no tensor with a number for each query and each key: only for the keys of a block.",
)
def blocks_keep_memory_small(submission, rng):
    reads_keys_in_blocks(submission, rng)
    # All scores together, 4 bytes each, are more than the memory that lab.toml allows (800 MB,
    # and 512 MB of address space that the box adds to it). A process that makes them ends there.
    T, S = 1_101 + 2 * int(rng.integers(50)), 320_001 + 2 * int(rng.integers(5000))
    q, k, v = randn(rng, T, 8), randn(rng, S, 8), randn(rng, S, 3)
    output = submission.blockwise_attention(q, k, v, 500 + int(rng.integers(100)))
    one_row_a_query(output, (T, 3))
    rows = torch.from_numpy(rng.choice(T, 50, replace=False))
    assert_close(
        output[rows],
        F.scaled_dot_product_attention(q[rows], k, v),
        rtol=1e-3,
        atol=1e-4,
        hint="With hundreds of thousands of keys the output is not that of attention.",
    )


# In the checks of the tier "cuda", the inputs go to the GPU on the student's side, and results come
# back by value; the reference is computed here, on the CPU.


@check(points=2, title="On the GPU: attention at real sizes", tier="cuda")
def attention_on_the_gpu(submission, rng):
    for dtype, weights_near, output_near in (
        (torch.float32, {"rtol": 1e-3, "atol": 1e-5}, {"rtol": 1e-3, "atol": 1e-4}),
        (torch.bfloat16, {"rtol": 0.08, "atol": 1e-4}, HALF_OUTPUT),
    ):
        q, k, v = (randn(rng, 2, 4, 1021, 64, dtype=dtype) for _ in range(3))
        mask = torch.ones(1021, 1021, dtype=torch.bool).tril()
        output, weights = torch_attention(q.float(), k.float(), v.float(), mask)
        answer = is_pair(submission.attention(q, k, v, mask=mask))
        hint = "On the GPU the result differs from PyTorch's. New tensors go where the inputs are."
        assert_close(answer[1], weights.to(dtype), **weights_near, hint=hint)
        assert_close(answer[0], output.to(dtype), **output_near, hint=hint)


@check(points=2, title="On the GPU: several heads at real sizes", tier="cuda")
def heads_on_the_gpu(submission, rng):
    layer = torch_layer(rng, 512, 8)
    mine = same_layer(submission, layer)
    mine.cuda()
    x = randn(rng, 1, 1021, 512)
    expected = torch_layer_output(layer, x)
    answer = is_pair(mine(x), "The layer returns output and weights.")
    hint = "On the GPU the layer differs from PyTorch's. New tensors go where the inputs are."
    assert_close(answer[1], expected[1], rtol=1e-3, atol=1e-5, hint=hint)
    assert_close(answer[0], expected[0], rtol=1e-3, atol=1e-4, hint=hint)
    questions, _ = draw_lookups(rng, 9, torch.arange(10), 5, 7)
    model = submission.LookupModel(10, 5, 32, 2)
    model.cuda()
    scores = model(*questions)
    hint = "On the GPU the look-up fails. padding_mask is on the device of lengths."
    require(type(scores) is Tensor and scores.shape == (9, 5), hint)


@check(
    points=3,
    title="On the GPU: blocks where the table cannot fit",
    tier="cuda",
    time_s=60,
    hint="Make no tensor with a number for each query and each key: only for the keys of a block.",
)
def blocks_on_the_gpu(submission, rng):
    # All scores together are half as much again as the whole memory of the device.
    memory = torch.cuda.get_device_properties(0).total_memory
    n = 1 + 2 * (math.isqrt(int(1.5 * memory) // 4) // 2)
    q, k, v = (randn(rng, n, 16) for _ in range(3))
    output = submission.blockwise_attention(q, k, v, 512)
    one_row_a_query(output, q.shape)
    rows = torch.from_numpy(rng.choice(n, 200, replace=False))
    assert_close(
        output[rows],
        F.scaled_dot_product_attention(q[rows].double(), k.double(), v.double()).float(),
        rtol=1e-3,
        atol=1e-4,
        hint="With more than a hundred thousand keys the output is not that of attention.",
    )
