"""Answer cells: what stands around a right answer, slips, and right answers in other styles."""

from __future__ import annotations

import re
import textwrap

from .entries import Book, edit, entry

GD, ATTENTION = "gradient-descent", "attention"


def above(name: str, lines: str, **expected: object) -> None:
    """Lines on top of the leaf's answer."""
    edit(name, "LEAF", lambda source: f"{lines}\n\n{source}", **expected)


def below(name: str, lines: str, **expected: object) -> None:
    """Lines below the leaf's answer."""
    edit(name, "LEAF", lambda source: f"{source}\n\n\n{lines}\n", **expected)


# Harmless lines around the answer.
above("answer_with_functional_imported", "import torch\nimport torch.nn.functional as F")
above("answer_with_optim_imported", "import torch.optim as optim\nfrom torch import nn, optim")
above("answer_with_magics", "%matplotlib inline\n!pip install -q torch\n%load_ext autoreload")
above("answer_timed", "%%time")
above("answer_captured", "%%capture out")
above("answer_with_display", "display('start')")
above("answer_with_the_shell_object", "get_ipython().run_line_magic('matplotlib', 'inline')")
above("answer_with_plots_set_up", "import matplotlib.pyplot as plt\nplt.rcParams['font.size'] = 9")
above("answer_with_annotations_of_the_future", "from __future__ import annotations")
above("answer_with_a_form_of_colab", "#@title My answer")
above("answer_with_many_comments", "\n".join(f"# torch.softmax, try {n}" for n in range(300)))
above("answer_with_prints", "for step in range(30_000):\n    print('step', step, 'x' * 300)")
above("answer_with_a_warning", "import warnings\nwarnings.warn('softmax')")
above(
    "answer_with_a_helper", "def my_helper(*values):\n    return values\n\n_unused = my_helper(1)"
)
below("answer_called", "print(CALL)\nCALL")
below("answer_asserted", "assert CALL is not None")
below(
    "answer_plotted",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.title('softmax')\nplt.show()",
)
below("answer_timed_by_a_magic", "%timeit -n 1 -r 1 CALL")
below("answer_timed_over_two_lines", "%timeit -n 1 -r 1 \\\n    CALL")
below("answer_with_help", "torch.cat?\n?torch.stack")
below("answer_with_a_shell_in_a_block", "if True:\n    !ls\n    %time CALL")
below("answer_awaited", "import asyncio\nawait asyncio.sleep(0)")
below("answer_with_a_question", "n = input('continue? ')")
below("answer_with_words_in_texts", "'torch.autograd.grad and torch.softmax are not used here'")
below("answer_then_a_variable_of_a_forbidden_name", "logsumexp = attn = grad = CALL")
below("answer_then_an_error", "print(CALL + undefined_name)", says=["undefined_name"])
below("answer_then_a_failing_assertion", "assert CALL is None, 'hm'", says=["hm"])
below("answer_then_checks", "from introml.grader import check\ncheck('LAB')")
below("answer_then_an_exit", "raise SystemExit", at_home=False)
below("answer_then_an_interrupt", "raise KeyboardInterrupt", at_home=False)
below("answer_written_twice", "before = CALL")
edit("answer_with_tabs", "LEAF", lambda source: source.replace("    ", "\t"))
edit("answer_with_trailing_blanks", "LEAF", lambda source: source.replace("\n", "   \n"))
edit("answer_with_a_form_feed", "LEAF", lambda source: f"\f\n{source}")
edit("answer_with_blank_letters", "LEAF", lambda source: f"# a\u00a0b \u200b \ufeff é\n{source}")
edit("answer_ending_in_a_backslash_comment", "LEAF", lambda source: f"{source}\n# end \\")
edit("answer_with_a_solution_mark", "LEAF",
     lambda source: f"### BEGIN SOLUTION\n{source}\n### END SOLUTION")  # fmt: skip

# Where the student works this package may be there, so that its statement alone is left out; here,
# in a notebook that lacks it, the cell stops.
above(
    "answer_with_an_import_of_colab",
    "from google.colab import files",
    says=["google", "LEAF"],
    at_home=False,
)
# Slips: each costs its own cell, and says where.
above("slip_smart_quotes", "print(“start”)", costs=["LEAF"], says=["“", "LEAF"])
above("slip_error_above", "print(undefined_name)", costs=["LEAF"], says=["undefined_name", "LEAF"])
above("slip_await_outside", "def f():\n    await g()", costs=["LEAF"], says=["await", "LEAF"])
below("slip_open_bracket", "print((1, 2)", costs=["LEAF"], says=["LEAF", "syntax"])
edit("slip_conflict_of_git", "LEAF",
     lambda source: f"<<<<<<< local\n{source}\n=======\npass\n>>>>>>> remote\n",
     costs=["LEAF"], says=["LEAF", "<<<<<<<"])  # fmt: skip
edit("slip_tabs_and_blanks", "LEAF", lambda source: source.replace("    return", "\treturn"),
     costs=["LEAF"], says=["LEAF"])  # fmt: skip
edit("slip_function_renamed", "LEAF",
     lambda source: re.sub(r"^(def|class) (\w)", r"\1 My\2", source), costs=["LEAF"])  # fmt: skip
RAISE = r"\1raise NotImplementedError"
edit("slip_raise_left_on_top", "LEAF",
     lambda source: re.sub(r'^( +)(.*"""\n)', rf"\1\2{RAISE}\n", source, flags=re.M),
     costs=["LEAF"])  # fmt: skip
edit("answer_with_a_raise_left_below", "LEAF",
     lambda source: re.sub(r"\n( +)(.*)$", rf"\n\1\2\n{RAISE}", source))  # fmt: skip
edit("slip_device_that_is_not_there", "LEAF",
     lambda source: f"device = torch.device('cuda')\nones = torch.ones(2).to(device)\n{source}",
     costs=["LEAF"], says=["LEAF"])  # fmt: skip
above("slip_null_character", "x = '\0'", costs=["LEAF"], says=["LEAF"], at_home=False)


def _solved(name: str, lab: str, **cells: str) -> None:
    """A notebook with right answers in another style."""

    def make(book: Book) -> None:
        for ident, source in cells.items():
            book.write(ident, textwrap.dedent(source).strip("\n"))

    entry(lab=lab, name=name)(make)


_solved(
    "style_descent_by_loops", GD,
    mean_loss="""
    def predict(X, w, b):
        total = b.expand(len(X))
        for j in range(len(w)):
            total = total + X[:, j] * w[j]
        return total

    def mean_loss(X, y, w, b):
        total, guesses = 0, predict(X, w, b)
        for rows in torch.arange(len(y)).chunk(3):
            total += ((guesses[rows] - y[rows]) ** 2 / 2).sum()
        return total / len(y)
    """,
    gradient="""
    def gradient(X, y, w, b):
        error = X.matmul(w) + b - y
        return (error[:, None] * X).mean(0), error.mean()
    """,
    update="""
    def update(X, y, w, b, lr):
        slope_w, slope_b = gradient(X, y, w, b)
        w, b = w.clone(), b.clone()
        w -= lr * slope_w
        b -= lr * slope_b
        return w, b
    """,
    shuffled_batches="""
    def shuffled_batches(n, batch_size, epochs):
        result = []
        for epoch in range(epochs):
            order = torch.randperm(n)
            batches, i = [], 0
            while i < n:
                batches.append(order[i : i + batch_size])
                i += batch_size
            result.append(batches)
        return result
    """,
    learning_rate="""
    def learning_rate(t, peak, warmup, total):
        up = (t + 1) / (warmup + 1)
        down = (total - t) / (total - warmup)
        return peak * max(0.0, min(up, down))
    """,
)  # fmt: skip
_solved(
    "style_descent_by_numpy", GD,
    mean_loss="""
    import numpy as np

    def predict(X, w, b):
        return torch.from_numpy(np.asarray(X) @ np.asarray(w) + np.asarray(b))

    @torch.no_grad()
    def mean_loss(X, y, w, b):
        return (predict(X, w, b) - y).square().mul(0.5).mean()
    """,
    gradient="""
    class Gradient:
        '''An object that is called as a function.'''

        def __call__(self, X, y, w, b):
            e = predict(X, w, b).sub_(y)
            return torch.einsum('nd,n->d', X, e) / X.shape[0], e.sum() / X.shape[0]

    gradient = Gradient()
    """,
    descend="""
    from tqdm import tqdm

    def descend(X, y, w, b, lr, steps):
        path = X.new_empty(steps + 1, len(w) + 1)
        for t in tqdm(range(steps + 1), leave=False):
            path[t, :-1], path[t, -1] = w, b
            w, b = update(X, y, w, b, lr)
        return path
    """,
)  # fmt: skip
_solved(
    "style_descent_by_one_vector", GD,
    mean_loss="""
    def with_ones(X):
        return torch.cat([X, X.new_ones(len(X), 1)], 1)

    def predict(X, w, b):
        return with_ones(X) @ torch.cat([w, b.reshape(1)])

    mean_loss = lambda X, y, w, b: ((predict(X, w, b) - y) ** 2).sum() / (2 * y.numel())
    """,
    gradient="""
    def gradient(X, y, w, b):
        both = with_ones(X).T @ (predict(X, w, b) - y) / y.numel()
        return both[:-1], both[-1]
    """,
    train="""
    def train(X, y, batch_size, epochs, peak, warmup):
        w, b = torch.zeros_like(X[0]), torch.zeros_like(y[0])
        batches = sum(shuffled_batches(len(X), batch_size, epochs), [])
        losses = X.new_zeros(len(batches))
        for t, rows in enumerate(batches):
            losses[t] = mean_loss(X[rows], y[rows], w, b)
            w, b = update(X[rows], y[rows], w, b, learning_rate(t, peak, warmup, len(batches)))
        print(f'trained: {losses[-1]:.3f}')
        return w, b, losses
    """,
)  # fmt: skip
_solved(
    "style_attention_by_einsum", ATTENTION,
    softmax="""
    def softmax(x):
        wide = x.double()
        top = wide.max(-1, keepdim=True).values.nan_to_num(neginf=0.0)
        e = (wide - top).exp()
        s = e.sum(-1, keepdim=True)
        return (e / torch.where(s == 0, torch.ones_like(s), s)).to(x.dtype)
    """,
    masks="""
    import functools

    @functools.lru_cache(maxsize=None)
    def causal_mask(T):
        return torch.ones(T, T).tril().bool()

    padding_mask = lambda lengths, S: (
        torch.arange(S, device=lengths.device)[None] < lengths[:, None])[:, None, None, :]
    """,
    attention="""
    def attention(q, k, v, mask=None, scale=None):
        attn = torch.einsum('...td,...sd->...ts', q, k) * (scale or q.shape[-1] ** -0.5)
        if mask is not None:
            attn = torch.where(mask, attn, torch.full_like(attn, float('-inf')))
        attn = softmax(attn)
        return torch.einsum('...ts,...sv->...tv', attn, v), attn
    """,
    positions="""
    def positions(T, d):
        out = torch.zeros(T, d)
        t = torch.arange(T, dtype=torch.float64).unsqueeze(1)
        w = torch.exp(torch.arange(0, d, 2, dtype=torch.float64) * (-math.log(10000.0) / d))
        out[:, 0::2], out[:, 1::2] = torch.sin(t * w), torch.cos(t * w)
        return out
    """,
)  # fmt: skip
_solved(
    "style_attention_head_by_head", ATTENTION,
    softmax="""
    @torch.jit.script
    def _shares(x: Tensor) -> Tensor:
        top = x.amax(-1, keepdim=True)
        top = torch.where(torch.isinf(top), torch.zeros_like(top), top)
        e = torch.exp(x - top)
        return e / e.sum(-1, keepdim=True).clamp(min=1.0)

    def softmax(x):
        return _shares(x)
    """,
    multi_head_attention="""
    class MultiHeadAttention(nn.Module):
        def __init__(self, d, num_heads, *, bias=True):
            super().__init__()
            assert d % num_heads == 0
            self.heads, self.size = num_heads, d // num_heads
            for name in 'qkv':
                setattr(self, f'{name}_proj', nn.Linear(d, d, bias=bias))
            self.out_proj = nn.Linear(d, d)

        def forward(self, x, context=None, mask=None):
            c = x if context is None else context
            q, k, v = self.q_proj(x), self.k_proj(c), self.v_proj(c)
            full = (len(x), self.heads, x.shape[1], c.shape[1])
            mask = None if mask is None else mask.expand(full)
            outs, alls = [], []
            for h in range(self.heads):
                part = slice(h * self.size, (h + 1) * self.size)
                own = None if mask is None else mask[:, h]
                o, a = attention(q[..., part], k[..., part], v[..., part], own)
                outs.append(o)
                alls.append(a)
            return self.out_proj(torch.cat(outs, -1)), torch.stack(alls, 1)
    """,
    blockwise_attention="""
    def blockwise_attention(q, k, v, size):
        q = q / math.sqrt(q.size(-1))
        m = torch.full((*q.shape[:-1], 1), -torch.inf, dtype=q.dtype)
        l, o = torch.zeros_like(m), q.new_zeros(*q.shape[:-1], v.size(-1))
        with torch.no_grad():
            for i in range(0, k.size(-2), size):
                s = q @ k[..., i : i + size, :].mT
                n = torch.max(m, s.max(-1, keepdim=True)[0])
                o.mul_((m - n).exp_())
                l.mul_((m - n).exp())
                s.sub_(n).exp_()
                l.add_(s.sum(-1, keepdim=True))
                o.add_(s @ v[..., i : i + size, :])
                m = n
        return o.div_(l)
    """,
)  # fmt: skip
_solved(
    "style_attention_as_objects", ATTENTION,
    softmax="""
    class Σoftmax:
        ε: float = 1.0

        def __call__(self, x: 'Tensor') -> 'Tensor':
            μ = x.amax(-1, keepdim=True)
            μ = torch.where(torch.isinf(μ), torch.zeros_like(μ), μ)
            η = torch.exp(x - μ)
            return η / η.sum(-1, keepdim=True).clamp_min(self.ε)

    softmax = Σoftmax()
    """,
    attention="""
    class Attention(nn.Module):
        def forward(self, q, k, v, mask=None):
            scores = torch.matmul(q, k.transpose(-1, -2)).div(math.sqrt(q.size(-1)))
            if mask is not None:
                scores = scores.masked_fill(mask.logical_not(), float('-inf'))
            w = softmax(scores)
            return w.matmul(v), w

    attention = Attention()
    """,
    positions="""
    def positions(T, d):
        def row(t):
            speeds = 10000.0 ** (-torch.arange(0, d, 2) / d)
            return torch.stack([torch.sin(t * speeds), torch.cos(t * speeds)], -1).flatten()
        return torch.vmap(row)(torch.arange(T))
    """,
)  # fmt: skip


@entry(lab=ATTENTION)
def assertion_with_the_library_in_an_answer(book: Book) -> None:
    """The line is lost, the answer stands."""
    tail = "x = torch.randn(2, 3)\nassert torch.allclose(softmax(x), torch.softmax(x, -1))"
    book.write("softmax", f"{book.source('softmax')}\n\n\n{tail}\n")


@entry(lab=ATTENTION)
def assertion_with_the_library_above_an_answer(book: Book) -> None:
    lines = (
        "want = torch.softmax(torch.ones(3), -1)\nprint(want, want.sum())\nassert want.sum() == 1"
    )
    book.write("positions", f"{lines}\n\n\n{book.source('positions')}")


@entry(lab=GD)
def assertion_with_autograd_in_an_answer(book: Book) -> None:
    tail = (
        "_w = torch.zeros(2, requires_grad=True)\n_b = torch.zeros(())\n"
        "_X, _y = torch.randn(5, 2), torch.randn(5)\n"
        "mean_loss(_X, _y, _w, _b).backward()\n"
        "assert torch.allclose(_w.grad, gradient(_X, _y, _w.detach(), _b)[0])"
    )
    book.write("gradient", f"{book.source('gradient')}\n\n\n{tail}\n")


def needs(name: str, helper: str, holds: str, **expected: object) -> None:
    """A cell before the leaf's answer makes what the answer cell needs: `holds` is true of it."""

    def make(book: Book) -> None:
        book.add(helper, "LEAF")
        book.write(
            "LEAF", f"assert {holds}, 'the cell before has not run'\n\n{book.source('LEAF')}"
        )

    entry(name=name, **expected)(make)


needs("needs_a_helper", "MINE = 3", "MINE == 3")
needs("needs_an_await", "import asyncio\nMINE = await asyncio.sleep(0, 3)", "MINE == 3")
needs(
    "needs_an_await_in_a_block",
    "import asyncio\nif True:\n    MINE = await asyncio.sleep(0, 3)\n"
    "for _ in range(2):\n    await asyncio.sleep(0)",
    "MINE == 3",
)
needs("needs_a_timed_cell", "%%time\nMINE = 3", "MINE == 3")
needs("needs_a_captured_cell", "%%capture\nMINE = 3", "MINE == 3")
needs("needs_a_timed_value", "MINE = %time 1 + 2", "MINE == 3")
needs("needs_a_timed_line", "%time MINE = 3", "MINE == 3")
needs("needs_what_follows_a_magic", "%matplotlib inline\n!ls\n?print\n%who\nMINE = 3", "MINE == 3")
needs("needs_what_follows_a_help", "print?\nMINE = 3\nMINE?", "MINE == 3")
needs("needs_what_follows_a_shell_in_a_block", "if True:\n    !ls\n    MINE = 3", "MINE == 3")
needs(
    "needs_what_follows_the_shell_object",
    "get_ipython().run_line_magic('matplotlib', 'inline')\nMINE = 3",
    "MINE == 3",
)
needs("needs_what_follows_a_display", "display('a')\nMINE = 3", "MINE == 3")
needs(
    "needs_what_follows_a_flood",
    "for n in range(20_000):\n    print('x' * 400)\nMINE = 3",
    "MINE == 3",
)
needs("needs_what_precedes_an_error", "MINE = 3\n1 / 0\nMINE = 4", "MINE == 3")
needs(
    "needs_what_follows_a_plot",
    "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\nMINE = 3",
    "MINE == 3",
)
needs(
    "needs_what_follows_a_bar",
    "from tqdm.auto import tqdm\nfor MINE in tqdm(range(4)):\n    pass",
    "MINE == 3",
)
needs("needs_the_name_of_the_module", "MINE = __name__", "MINE == '__main__'")
needs(
    "needs_a_file",
    "from pathlib import Path\nPath('mine.txt').write_text('3')",
    "open('mine.txt').read() == '3'",
)
needs(
    "needs_what_follows_a_comparison",
    "want = torch.softmax(torch.ones(2), -1) if hasattr(torch, 'softmax') else None\nMINE = 3",
    "MINE == 3",
    lab=ATTENTION,
)
needs(
    "needs_what_follows_a_backward",
    "v = torch.ones(2, requires_grad=True)\n(v * v).sum().backward()\nMINE = 3",
    "MINE == 3",
    lab=GD,
)
needs(
    "needs_what_follows_two_comparisons",
    "want = torch.softmax(torch.ones(2), -1)\nprint(want.sum())\nassert want.sum() == 1\nMINE = 3",
    "MINE == 3",
    lab=ATTENTION,
)
needs(
    "needs_the_seed_of_a_helper",
    "torch.manual_seed(3)\nMINE = torch.rand(1).item()",
    "0 <= MINE < 1",
)
