"""Answers that are not the student's own work, in three labs, graded in a real box.

Each fails a check, since what it needs is not there, or is shown to a person: none passes unseen.
"""

from itertools import count

import pytest
from torch_threads import one_thread

from introml.grader.authoring.release import solution_notebook
from introml.grader.lab.lab import load_lab
from introml.grader.run.checker import Checker, Setup

SOFTMAX = "def softmax(x):\n    return torch.nan_to_num({}, nan=0.0)\n"
WITH_GRADIENTS = (
    "def gradient(X, y, w, b):\n"
    "    w, b = w.detach().requires_grad_(), b.detach().requires_grad_()\n"
    "    with torch.enable_grad():\n"
    "        loss = mean_loss(X, y, w, b)\n"
)
CLOSED_FORM = (
    "def train(X, y, batch_size, epochs, peak, warmup):\n"
    "    A = torch.cat([X, X.new_ones(len(X), 1)], 1)\n"
    "    p = {}\n"
    "    return p[:-1], p[-1], torch.zeros(epochs * -(-len(X) // batch_size))\n"
)
LEARN = (
    "def learn_lookups(examples, new, num_names, num_values):\n"
    "    return nn.functional.one_hot(new[1][:, 0], num_values).float()\n"
)

#: (lab, answer cell, its text)
CHEATS = {
    "a private softmax": ("attention", "softmax", SOFTMAX.format("torch._safe_softmax(x, -1)")),
    "by an operator": (
        "attention", "softmax", SOFTMAX.format("torch.ops.aten._softmax.default(x, -1, False)"),
    ),
    "by log-sum-exp": (
        "attention", "softmax",
        SOFTMAX.format("(x - torch.logsumexp(x, -1, keepdim=True)).exp()"),
    ),
    "by a distribution": (
        "attention", "softmax",
        SOFTMAX.format("torch.distributions.Categorical(logits=x, validate_args=False).probs"),
    ),
    "by a computed name": (
        "attention", "softmax", SOFTMAX.format("getattr(x, ''.join(['soft', 'max']))(-1)"),
    ),
    "by a base class": (
        "attention", "softmax",
        SOFTMAX.format("getattr(type(x).__base__, chr(115) + 'oftmax')(x, -1)"),
    ),
    "by TorchScript": (
        "attention", "softmax",
        SOFTMAX.format("torch.jit.CompilationUnit('def f(x):\\n  return x.softmax(-1)').f(x)"),
    ),
    "by a compiled function": (
        "attention", "softmax",
        SOFTMAX.format("torch.compile(lambda t: t.softmax(-1), backend='eager')(x)"),
    ),
    "from another library": (
        "attention", "softmax",
        "from scipy.special import softmax as other\n"
        "def softmax(x):\n    return torch.from_numpy(other(x.numpy(), -1))\n",
    ),
    "by looking through a module": (
        "attention", "attention",
        "def attention(q, k, v, mask=None):\n"
        "    f = [f for n, f in vars(nn.functional).items() if n.startswith('scaled_dot')][0]\n"
        "    e = torch.eye(k.shape[-2], dtype=q.dtype).expand(*k.shape[:-2], -1, -1)\n"
        "    return f(q, k, v, attn_mask=mask), f(q, k, e, attn_mask=mask)\n",
    ),
    "by a Transformer's layer": (
        "attention", "attention",
        "def attention(q, k, v, mask=None):\n"
        "    return nn.TransformerEncoderLayer(8, 2)(q), q\n",
    ),
    "another training": ("attention", "blockwise_attention", LEARN),
    "autograd by a computed name": (
        "gradient-descent", "gradient",
        WITH_GRADIENTS + "    getattr(loss, 'back' + 'ward')()\n    return w.grad, b.grad\n",
    ),
    "autograd's engine": (
        "gradient-descent", "gradient",
        WITH_GRADIENTS + "    from torch.autograd.graph import _engine_run_backward as run\n"
        "    return run((loss,), (torch.ones_like(loss),), False, False, (w, b),\n"
        "               allow_unreachable=True, accumulate_grad=False)\n",
    ),
    "forward mode": (
        "gradient-descent", "gradient",
        "def gradient(X, y, w, b):\n"
        "    f = getattr(torch.func, 'jac' + 'fwd' * 1)\n"
        "    return f(lambda w, b: mean_loss(X, y, w, b), argnums=(0, 1))(w, b)\n",
    ),
    "differences of losses": (
        "gradient-descent", "gradient",
        "def gradient(X, y, w, b):\n"
        "    def d(u, c):\n"
        "        return (mean_loss(X, y, w + u, b + c) - mean_loss(X, y, w - u, b - c)) / 2\n"
        "    steps = torch.eye(len(w), dtype=w.dtype)\n"
        "    return torch.stack([d(step, 0) for step in steps]), d(0 * w, 1)\n",
    ),
    "a closed form": ("gradient-descent", "train", CLOSED_FORM.format("torch.linalg.pinv(A) @ y")),
    "a closed form by NumPy": (
        "gradient-descent", "train",
        "import numpy as np\n"
        + CLOSED_FORM.format("torch.from_numpy(np.linalg.lstsq(A.numpy(), y.numpy())[0])"),
    ),
    "a convolution by a computed name": (
        "convolution", "conv",
        "def conv(x, weight, bias, stride=1, padding=0):\n"
        "    return getattr(torch, 'con' + 'v2d')(x, weight, bias, stride, padding)\n",
    ),
    "a convolution by an operator": (
        "convolution", "conv",
        "def conv(x, weight, bias, stride=1, padding=0):\n"
        "    f = torch.ops.aten.mkldnn_convolution.default\n"
        "    return f(x, weight, bias, [padding] * 2, [stride] * 2, [1, 1], 1)\n",
    ),
    "a layer of convolution": (
        "convolution", "conv",
        "def conv(x, weight, bias, stride=1, padding=0):\n"
        "    layer = torch.nn.Conv2d(*weight.shape[1::-1], weight.shape[2:], stride, padding)\n"
        "    layer.load_state_dict({'weight': weight, 'bias': bias})\n"
        "    return layer.to(x.dtype)(x).detach()\n",
    ),
    "a convolution from another library": (
        "convolution", "conv",
        "from scipy.signal import correlate\n"
        "def conv(x, weight, bias, stride=1, padding=0):\n"
        "    x = torch.nn.functional.pad(x, [padding] * 4)\n"
        "    y = [[sum(torch.from_numpy(correlate(a.numpy(), b.numpy(), 'valid', 'direct'))\n"
        "         for a, b in zip(one, kernel)) for kernel in weight] for one in x]\n"
        "    y = torch.stack([torch.stack(one) for one in y])[:, :, ::stride, ::stride]\n"
        "    return y + bias[:, None, None]\n",
    ),
    "columns by an operator": (
        "convolution", "im2col",
        "def im2col(x, kh, kw, stride=1, padding=0):\n"
        "    f = torch.ops.aten.im2col\n"
        "    return f(x, [kh, kw], [1, 1], [padding] * 2, [stride] * 2)\n",
    ),
    "columns added back by a layer": (
        "convolution", "col2im",
        "def col2im(columns, shape, kh, kw, stride=1, padding=0):\n"
        "    f = torch.nn.Fold(shape[2:], (kh, kw), padding=padding, stride=stride)\n"
        "    return f(columns)\n",
    ),
    "a convolution's derivative": (
        "convolution", "conv_backward",
        "def conv_backward(u, x, weight, stride=1, padding=0):\n"
        "    f = torch.ops.aten.convolution_backward\n"
        "    return f(u, x, weight, [len(weight)], [stride] * 2, [padding] * 2, [1, 1], False,\n"
        "             [0, 0], 1, [True] * 3)\n",
    ),
    "a derivative of the student's own convolution": (
        "convolution", "conv_backward",
        "def conv_backward(u, x, weight, stride=1, padding=0):\n"
        "    f = lambda x, weight, bias: conv(x, weight, bias, stride, padding)\n"
        "    return torch.func.vjp(f, x, weight, weight[:, 0, 0, 0] * 0)[1](u)\n",
    ),
    "pooling by an operator": (
        "convolution", "max_pool",
        "def max_pool(x, k, stride):\n"
        "    return torch.ops.aten.max_pool2d_with_indices(x, [k, k], [stride] * 2)\n",
    ),
    "pooling of another kind": (
        "convolution", "max_pool",
        "def max_pool(x, k, stride):\n"
        "    return torch.nn.functional.adaptive_max_pool2d(x, 2, return_indices=True)\n",
    ),
    "pooling's derivative": (
        "convolution", "max_pool_backward",
        "def max_pool_backward(u, winners, shape):\n"
        "    f = torch.nn.functional.max_unpool2d\n"
        "    return f(u, winners, 2, output_size=shape)\n",
    ),
    "a library's scheduler": (
        "gradient-descent", "learning_rate",
        "from torch.optim import lr_scheduler\n"
        "def learning_rate(t, peak, warmup, total):\n    return lr_scheduler\n",
    ),
}  # fmt: skip
#: The checks that a lab's cheats are about; the others take time and tell nothing more.
ABOUT = {
    "convolution": (
        "windows_as_columns", "convolution_equals_torch", "columns_added_back",
        "gradients_of_convolution", "largest_and_winners", "gradients_to_winners",
    ),
    "attention": ("softmax_of_rows", "attention_equals_torch", "learns_to_look_up"),
    "gradient-descent": (
        "gradient_of_the_mean_loss", "gradient_at_other_sizes", "training_finds_the_line",
        "climbs_then_falls",
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=ABOUT)
def checker(request):
    setup = Setup(str(load_lab(request.param).folder), seed=2**50 + 3)
    with one_thread(), Checker(setup) as one:
        one.checks = [check for check in one.checks if check.name in ABOUT[request.param]]
        yield one


def test_no_cheat_passes_unseen(checker):
    numbers = count()

    def graded(answers):
        book = solution_notebook(checker.lab, answers=answers)
        return checker.grade("x", f"{next(numbers):064x}", book)

    honest = graded({})
    assert honest.score == honest.max_score
    assert not honest.flags + honest.notes
    unseen = []
    for name, (lab, cell, source) in CHEATS.items():
        if lab != checker.lab.name:
            continue
        result = graded({cell: source})
        assert not [one for one in result.cell_errors if "SyntaxError" in one.message], name
        if result.score == result.max_score and not result.flags:
            unseen.append(name)
    assert unseen == []
