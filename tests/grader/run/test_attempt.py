"""A submission's run: values, handles, gradients, errors in plain words, and a hostile process."""

import os
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest
import torch

from introml.grader.box.boxes import GraderFault
from introml.grader.box.limits import Limits
from introml.grader.box.template import Template
from introml.grader.run.attempt import Attempt
from introml.grader.run.cell_plan import CellPlan
from introml.grader.run.outcome import Overtime, alarm
from introml.grader.student.home import LocalLink
from introml.grader.wire.student_process import Worker
from introml.grader.wire.submission import Handle, StudentError, Submission, begin
from introml.grader.wire.values import HandleRef

LIMITS = Limits(wall_s=60, cpu_s=30, memory_mb=600)
SOURCE = """
import numpy as np
import torch

def double(x, times=2):
    return x * times

def both(q, k):
    weights = torch.softmax(q @ k.T, -1)
    return weights @ k, weights

def draw(n):
    return torch.rand(n), np.random.rand(n), __import__("random").random()

def batches(n):
    for i in range(n):
        yield torch.tensor([i])

class Layer(torch.nn.Module):
    def __init__(self, size, *, bias=True):
        super().__init__()
        self.linear = torch.nn.Linear(size, size, bias=bias)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.linear(x)

    def parts(self):
        return self.linear

    def itself(self):
        return self

def apply(layer, x):
    return layer(x)

rate = 0.5
"""


def in_a_box(template, source, **options):
    options.setdefault("limits", LIMITS)
    attempt = Attempt(template, [("work", source)], **options)
    attempt.start()
    attempt.begin(7, 20, public=True)
    return attempt


@pytest.fixture(params=["box", "own machine"])
def submission(request, template):
    """The same work behind both links: what holds for one holds for the other."""
    if request.param == "box":
        with in_a_box(template, SOURCE) as attempt:
            yield attempt.submission
    else:
        worker = Worker()
        worker.run("work", SOURCE)
        yield Submission(LocalLink(worker), seed=7)


def test_a_function_is_called_by_value(submission):
    x = torch.arange(4.0)
    assert torch.equal(submission.double(x), x * 2)
    assert torch.equal(submission.double(x, times=3), x * 3)
    assert submission.double(3) == 6
    assert submission.double([1]) == [1, 1]
    output, weights = submission.both(torch.ones(2, 3), torch.ones(4, 3))
    assert output.shape == (2, 3)
    assert torch.allclose(weights, torch.full((2, 4), 0.25))
    assert submission.double(x.bfloat16()).dtype == torch.bfloat16
    assert submission.double(np.float32(2)).dtype == np.float32


def test_an_object_stays_where_it_is(submission):
    layer = submission.Layer(3, bias=False)
    assert type(layer) is Handle
    x = torch.randn(2, 3)
    state = layer.state_dict()
    assert list(state) == ["linear.weight"]
    assert torch.allclose(layer(x), x @ state["linear.weight"].T)
    layer.load_state_dict({"linear.weight": torch.eye(3)})
    assert torch.equal(layer(x), x)
    assert layer.attribute("calls") == 2
    assert layer.parameter_count() == 9
    assert type(layer.eval().train()) is Handle
    with pytest.raises(StudentError, match=r"returned a Linear") as caught:
        layer.parts()
    assert caught.value.kind == "refused"
    assert type(layer.parts.as_handle()) is Handle
    with pytest.raises(StudentError, match="returned an object"):
        layer.parts()  # known by now, but not asked for
    assert layer.eval() is layer
    assert layer.itself() is None
    assert torch.equal(submission.apply(layer, x), x)
    assert torch.equal(submission.double([x], times=1)[0], x)
    with pytest.raises(AttributeError):
        _ = layer._hidden


def test_an_object_where_a_value_was_expected_is_refused(template):
    """Else `answer.equal(expected)` in a check would be a call of the student's own method."""
    source = (
        FRAME
        + """
class Equal:
    def equal(self, expected): return True
    def __call__(self): return [self]
    def pair(self): return self, 1
kept = Equal()
def f(): return kept
def g(): os.write(3, reply(10, {"list": [{"handle": 0, "type": "Tensor"}]})); time.sleep(60)
"""
    )
    with in_a_box(template, source) as attempt:
        thing = attempt.submission.Equal()
        kept = attempt.submission.f.as_handle()
        calls = (attempt.submission.f, thing, kept, kept.pair, attempt.submission.g)
        for call in calls:
            with pytest.raises(StudentError) as caught:
                call()
            assert caught.value.kind == "refused", call


def test_iterators_are_taken_when_asked(submission):
    assert submission.batches.as_list(3) == [torch.tensor([i]) for i in range(3)]
    with pytest.raises(StudentError, match="return a list"):
        submission.batches(3)


def test_gradients_come_with_the_output(submission):
    q, k = torch.randn(2, 3), torch.randn(4, 3)
    leaves = q.clone().requires_grad_(), k.clone().requires_grad_()
    expected = torch.softmax(leaves[0] @ leaves[1].T, -1) @ leaves[1]
    cotangent = torch.randn(2, 3)
    (output, _), gradients = submission.vjp("both", [q, k], cotangent, output=0)
    assert torch.allclose(output, expected)
    for mine, theirs in zip(
        gradients, torch.autograd.grad(expected, leaves, cotangent), strict=True
    ):
        assert torch.allclose(mine, theirs)
    layer = submission.Layer(3)
    x = torch.randn(5, 3)
    _, gradients = submission.vjp(layer, [x], torch.ones(5, 3), parameters=True)
    assert torch.allclose(gradients["linear.bias"], torch.full((3,), 5.0))
    assert torch.allclose(gradients["linear.weight"], x.sum(0).expand(3, 3))
    with pytest.raises(StudentError, match="shape"):
        submission.vjp("double", [x], torch.ones(1))


def test_names_and_variables(submission):
    assert submission.has("double")
    assert not submission.has("absent")
    assert submission.variable("rate") == 0.5
    with pytest.raises(StudentError, match="absent is not defined") as caught:
        submission.absent(1)
    assert caught.value.kind == "missing"
    with pytest.raises(StudentError, match="absent"):
        submission.Layer(2).absent()


def test_an_error_says_what_and_where(submission):
    with pytest.raises(StudentError) as caught:
        submission.double({"a": 1})
    assert caught.value.kind == "raised"
    assert caught.value.public_message == (
        "double raised TypeError: unsupported operand type(s) for *: 'dict' and 'int', "
        "line 6 of cell work."
    )


def test_what_is_not_done_yet_is_told_as_that(template):
    """The line that stands for an answer says nothing; a library that cannot do something does."""
    source = """
def todo(x):
    raise NotImplementedError
def cannot(x):
    raise NotImplementedError("no such kernel")
"""
    with in_a_box(template, source) as attempt:
        told = []
        for public, name in ((True, "todo"), (True, "cannot"), (False, "todo")):
            attempt.begin(1, 10, public=public)
            with pytest.raises(StudentError) as caught:
                getattr(attempt.submission, name)(1)
            told.append((caught.value.kind, caught.value.public_message))
    kinds, messages = zip(*told, strict=True)
    assert kinds == ("not_done", "raised", "not_done")
    assert messages[0].startswith("todo is not done yet, line 3 of cell ")
    assert messages[1].startswith("cannot raised NotImplementedError: no such kernel, line 5")
    assert messages[2] == "todo is not done yet."


def test_an_error_in_an_object_says_of_which_class_it_is(submission):
    layer = submission.Layer(2)
    with pytest.raises(StudentError) as caught:
        layer(1)
    assert caught.value.public_message.startswith("an object of Layer raised ")


def test_randomness_hangs_on_the_seed_and_the_number_of_the_call(submission):
    first, second = submission.draw(4), submission.draw(4)
    begin(submission, 7, 20, True)
    again = submission.draw(4), submission.draw(4)
    begin(submission, 8, 20, True)
    other = submission.draw(4)
    for a, b, c in zip(first, again[0], other, strict=True):
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)
    assert torch.equal(second[0], again[1][0])
    assert not torch.equal(first[0], second[0])


def test_a_timed_call_is_clocked_here_and_gives_its_output(submission):
    seconds, output = submission.timed("double", torch.full((2,), 2.0))
    assert 0 < seconds < 20
    assert torch.equal(output, torch.full((2,), 4.0))


def test_what_a_box_computes_is_timed_whoever_in_it_does_it_and_waiting_is_not(template):
    source = """
import os, time

def burn(seconds):
    ends = time.process_time() + seconds
    while time.process_time() < ends:
        pass

def by_a_child(seconds):
    child = os.fork()
    if child == 0:
        burn(seconds)
        os._exit(0)
    os.waitpid(child, 0)
"""
    with Attempt(template, [("answers", source)], limits=LIMITS) as attempt:
        attempt.start()
        attempt.begin(1, 50, public=False)
        for name in ("burn", "by_a_child"):
            seconds, _ = attempt.submission.timed(name, 0.3)
            assert seconds > 0.28, name
        attempt.submission.call("burn", 0.0)
        computed = attempt.cpu_s()
        time.sleep(0.3)
        assert attempt.cpu_s() - computed < 0.1
        assert attempt.submission.timed("burn", 0.3)[0] < 0.3 + 0.2


def test_every_reply_is_counted(submission):
    assert submission._received == 0
    submission.double(1)
    with pytest.raises(StudentError):
        submission.absent()
    assert submission._received == 2


@pytest.mark.parametrize("value", ["x" * (2 << 20), [0] * 200_000, torch.zeros(9 << 20)])
def test_too_large_a_value_is_refused(template, value):
    limits = Limits(wall_s=60, memory_mb=600, reply_mb=4)
    with in_a_box(template, "def double(x): return x", limits=limits) as attempt:
        with pytest.raises(StudentError) as caught:
            attempt.submission.double(value)
        assert caught.value.kind == "refused"
        attempt.begin(8, 20, public=True)
        assert attempt.submission.double(1) == 1


# Cells.


def test_cells_run_one_after_another_and_say_how_they_ended(template):
    cells = [
        ("a", "print('first'); x = 1"),
        ("b", "x = x + undefined"),
        ("c", "def f(:"),
        ("d", "display(x); import sys; print('last', file=sys.stderr)"),
    ]
    with Attempt(template, cells, limits=LIMITS) as attempt:
        outcomes = attempt.start()
    assert [result.outcome for result in outcomes] == ["ok", "raised", "raised", "ok"]
    assert "NameError: name 'undefined' is not defined, line 1 of cell b" in outcomes[1].message
    assert "SyntaxError" in outcomes[2].message
    assert attempt.public_output == "first\n1\nlast\n"


ENDS = {
    "leaves": ("import os; os._exit(0)", "died"),
    "is killed": ("import os; os.kill(os.getpid(), 9)", "died"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "died"),
    "loops": ("while True: pass", "timed_out"),
    "sleeps": ("import time; time.sleep(1e6)", "timed_out"),
}


@pytest.mark.parametrize("place", [0, 1, 2], ids=["before", "between", "after"])
@pytest.mark.parametrize("name", ENDS)
def test_a_cell_that_costs_the_box_costs_itself_alone(template, name, place):
    code, outcome = ENDS[name]
    cells = [("a", "print('a'); x = 1"), ("b", "def f(): return x")]
    cells.insert(place, ("bad", code))
    with Attempt(template, cells, limits=Limits(wall_s=20, memory_mb=600)) as attempt:
        found = {one.cell: one for one in attempt.start()}
        assert {one.outcome for one in found.values()} == {"ok", outcome}
        assert found["bad"].outcome == outcome
        assert found["bad"].message.endswith("the other cells are graded as usual.")
        assert attempt.public_output == "a\n"
        for seed in (1, 2):
            attempt.begin(seed, 5, public=True)
            assert attempt.submission.f() == 1


def test_of_a_cell_that_costs_the_box_what_it_defines_is_kept(template):
    source = "import math\nrate = 0.5\n\ndef f(x):\n    return math.exp(rate * x)\n\n%time f(1)\n"
    cells = [("answer", source + "while True: pass"), ("after", "y = f(2)")]
    with Attempt(template, cells, limits=Limits(wall_s=20, memory_mb=600)) as attempt:
        assert [one.outcome for one in attempt.start()] == ["timed_out", "ok"]
        attempt.begin(1, 5, public=True)
        assert attempt.submission.f(0) == 1
        with pytest.raises(StudentError, match=r"line 5 of cell answer"):
            attempt.submission.f("x")


def test_a_definition_that_costs_the_box_is_left_out(template):
    source = "def f(x=__import__('os')._exit(0)): pass"
    with Attempt(template, [("a", source), ("b", "def g(): return 2")], limits=LIMITS) as attempt:
        assert [one.outcome for one in attempt.start()] == ["died", "ok"]
        attempt.begin(1, 5, public=True)
        assert attempt.submission.g() == 2


def test_many_cells_that_cost_the_box_end_the_attempt_in_time(template, monkeypatch):
    """Boxes are counted: no more than so many, and none in later checks."""
    boxes, start = [], template.box
    monkeypatch.setattr(template, "box", lambda *a, **k: boxes.append(a) or start(*a, **k))
    cells = [(f"c{n}", "import os; os._exit(0)") for n in range(100)]
    with Attempt(template, cells, limits=LIMITS) as attempt:
        attempt.start()
        assert not attempt.alive
        attempt.begin(1, 5, public=True)
        with pytest.raises(StudentError):
            attempt.submission.f()
    assert len(boxes) == 40


def test_a_later_attempt_knows_which_cells_cost_the_box(template, monkeypatch):
    cells = [("bad", "import os; os._exit(0)"), ("good", "def f(): return 1")]
    plan = CellPlan([source for _, source in cells])
    with Attempt(template, cells, limits=LIMITS, plan=plan) as attempt:
        attempt.start()
    boxes, start = [], template.box
    monkeypatch.setattr(template, "box", lambda *a, **k: boxes.append(a) or start(*a, **k))
    with Attempt(template, cells, limits=LIMITS, plan=plan) as attempt:
        attempt.start()
        attempt.begin(1, 5, public=True)
        assert attempt.submission.f() == 1
    assert len(boxes) == 1


def test_an_experiment_runs_when_a_check_asks(template):
    with Attempt(
        template,
        [("a", "steps = 3")],
        experiments={"train": "result = [steps] * 2\nloss = 0.5", "bad": "pass"},
        limits=LIMITS,
    ) as attempt:
        attempt.start()
        attempt.begin(1, 10, public=True)
        assert attempt.submission.experiment("train") == [3, 3]
        assert attempt.submission.experiment("train", "loss", "steps") == (0.5, 3)
        with pytest.raises(StudentError, match="sets no variable absent"):
            attempt.submission.experiment("bad", "absent")
        with pytest.raises(StudentError) as caught:
            attempt.submission.experiment("deleted")
        assert caught.value.kind == "missing"


def test_withheld_operators_are_refused_and_remembered(template):
    source = """
import torch
import torch.nn.functional as F

def direct(x): return F.scaled_dot_product_attention(x, x, x)
def beneath(x): return torch._C._nn.scaled_dot_product_attention(x, x, x)
def quiet(x):
    try: torch.softmax(x, -1)
    except Exception: return x
def layer(x): return torch.nn.MultiheadAttention(4, 1)(x, x, x)
def method(x): return x.softmax(-1)
def allowed(x): return torch.relu(x)
"""
    families = ["softmax", "attention"]
    with in_a_box(template, source, families=families, lab="Attention") as attempt:
        x = torch.ones(1, 4)
        for name in ("direct", "beneath", "layer", "method"):
            words = "is withheld in the lab Attention: write it yourself"
            with pytest.raises(StudentError, match=words) as caught:
                getattr(attempt.submission, name)(x)
            assert caught.value.kind == "library_answer"
        assert torch.equal(attempt.submission.allowed(x), x)
        attempt.begin(2, 10, public=True)
        assert torch.equal(attempt.submission.quiet(x), x)
        assert list(attempt.submission.forbidden_calls) == ["aten::softmax.int"]
    with in_a_box(template, source, families=["losses"]) as attempt:
        assert torch.equal(attempt.submission.method(x), x / 4)


def test_nothing_in_a_box_has_what_is_withheld_from_it(template):
    source = """
import gc, os, subprocess, sys
import torch
from torch.distributions.transforms import SoftmaxTransform

kept = torch.softmax
def fresh(x):
    code = "import torch; print(torch.softmax(torch.ones(2), 0))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).stdout.decode()
def forked(x):
    read, write = os.pipe()
    if os.fork() == 0:
        try: os.write(write, str(kept(x, -1).tolist()).encode())
        except BaseException as error: os.write(write, type(error).__name__.encode())
        os._exit(0)
    return os.read(read, 100).decode()
def found(x):
    gc.unfreeze()
    for one in gc.get_objects():
        if "introml" in str(getattr(type(one), "__module__", "")):
            for name in ("put_back", "show_functions", "reset"):
                if hasattr(one, name): getattr(one, name)()
    return kept(x, -1)
def again(x):
    torch.library.Library("aten", "FRAGMENT")._destroy()
    torch._C._dispatch_library("IMPL", "aten", "CPU", "", 1).reset()
    return kept(x, -1)
def kernel(x):
    kernel = torch.library.get_kernel("aten::_softmax", "CPU")
    return kernel.call_boxed(torch._C._dispatch_keys(x), x, -1, False)
def composed(x): return SoftmaxTransform()(x)
def decomposed(x):
    table = torch._decomp.decomposition_table
    return table[torch.ops.aten._softmax.default](x, -1, False)
@torch.jit.script
def scripted(x: torch.Tensor): return torch.softmax(x, -1)
"""
    with in_a_box(template, source, families=["softmax"]) as attempt:
        x = torch.ones(1, 2)
        attempt.begin(1, 60, public=True)
        assert attempt.submission.forked(x) == "LibraryAnswer"
        with pytest.raises(StudentError, match="PermissionError"):
            attempt.submission.fresh(x)
        for name in ("found", "again", "kernel", "composed", "decomposed", "scripted"):
            with pytest.raises(StudentError) as caught:
                getattr(attempt.submission, name)(x)
            assert caught.value.kind == "library_answer", name


@pytest.mark.parametrize(
    "way",
    [
        "def learn(x): return x + 1",
        "match print:\n    case learn:\n        pass",
        "globals()['learn'] = len",
        "learn.__code__ = (lambda x: x + 1).__code__",
        "class Model: pass\nModel.fit = lambda self: 1",
    ],
)
def test_given_code_in_whose_place_is_other_code_is_flagged(template, way):
    given = "def learn(x):\n    return x\nclass Model:\n    def fit(self):\n        return 0\n"
    cells = [("given", given), ("work", "def mine(x):\n    return learn(x)\n")]
    names = {"learn": "given", "Model": "given"}
    with Attempt(template, cells, limits=LIMITS, given=names) as attempt:
        attempt.start()
        assert attempt.flags == []
    with Attempt(template, [*cells, ("last", way)], limits=LIMITS, given=names) as attempt:
        attempt.start()
        name = "Model" if "Model" in way else "learn"
        assert attempt.flags == [f"what the lab gives as {name} (cell 'given') is other code"]


def test_given_code_that_is_replaced_only_in_a_check_is_flagged_once(template):
    given = ("given", "def learn(x):\n    return x\n")
    late = ("work", "def mine(x):\n    global learn\n    learn = abs\n    return x\n")
    with Attempt(template, [given, late], limits=LIMITS, given={"learn": "given"}) as attempt:
        attempt.start()
        attempt.begin(1, 5.0, public=True)
        assert attempt.submission.mine(1.0) == 1.0
        assert attempt.flags == []
        for _ in range(2):
            attempt.look_for_replaced()
        assert attempt.flags == ["what the lab gives as learn (cell 'given') is other code"]


# What a check costs, and what it says.


def test_a_check_that_is_lost_costs_that_check_alone(template):
    source = """
import os, time
def fine(x): return x + 1
def loop(x):
    while True: pass
def leave(x): os._exit(0)
def sleep(x): time.sleep(100)
def hog(x): return bytearray(64 << 30)
"""
    with in_a_box(template, source) as attempt:
        for name, kind in (
            ("loop", "timed_out"),
            ("leave", "died"),
            ("sleep", "timed_out"),
            ("hog", "memory"),
        ):
            attempt.begin(1, 1.0, public=True)
            with pytest.raises(StudentError) as caught:
                getattr(attempt.submission, name)(1)
            assert caught.value.kind == kind
            if kind != "memory":
                with pytest.raises(StudentError):  # nothing more in this check
                    attempt.submission.fine(1)
            attempt.begin(2, 10, public=True)
            assert attempt.submission.fine(1) == 2


def test_the_limit_of_the_whole_submission_holds_over_all_boxes(template, monkeypatch):
    source = "def loop():\n while True: pass"
    with in_a_box(template, source, limits=Limits(wall_s=3)) as attempt:
        boxes, start = [], template.box
        monkeypatch.setattr(template, "box", lambda *a, **k: boxes.append(a) or start(*a, **k))
        for _ in range(20):
            attempt.begin(1, 1.0, public=True)
            with pytest.raises(StudentError):
                attempt.submission.loop()
        # Each loop takes a second, so three are in time, and what is over gets no new box.
        assert len(boxes) <= 3
        assert attempt.time_left < 0


def test_a_handle_of_an_ended_box_is_void(template):
    with in_a_box(template, "import os\nclass A: x = 1\ndef leave(): os._exit(0)") as attempt:
        handle = attempt.submission.A()
        with pytest.raises(StudentError):
            attempt.submission.leave()
        attempt.begin(2, 10, public=True)
        assert attempt.submission.A().attribute("x") == 1  # has the same number, over there
        with pytest.raises(StudentError, match="ended"):
            handle.attribute("x")


def test_hidden_checks_say_nothing_that_the_student_chose(template):
    source = """
import os, sys
class Leak(Exception): pass
def fail(x):
    print("LEAK", x, flush=True); os.write(2, b"LEAK")
    Leak.__name__ = "LEAK"
    raise Leak(f"LEAK {x}")
def wrong(x): return type("LEAK", (), {})()
def text(x): return "fine"
"""
    with in_a_box(template, source) as attempt:
        messages = []
        for public in (False, True, True):  # once hidden, nothing is public any more
            attempt.begin(1, 10, public=public)
            for name in ("fail", "wrong", "absent"):
                with pytest.raises(StudentError) as caught:
                    getattr(attempt.submission, name)(41)
                messages.append(caught.value.public_message)
        assert set(messages) == {
            "fail raised an error.",
            "wrong did not return a plain value of the right kind.",
            "absent is missing, or lacks something that it should have.",
        }
        assert "LEAK" not in attempt.public_output
        assert "LEAK 41" in caught.value.private_message or "absent" in caught.value.private_message


def test_nothing_printed_during_checks_is_kept_even_through_a_saved_descriptor(template):
    source = """
import os
saved = os.dup(1)
print("seen")
def f(x):
    try: os.write(saved, b"LEAK")
    except OSError: return "closed"
    return "written"
"""
    with in_a_box(template, source) as attempt:
        assert attempt.submission.f(1) == "written", "nobody breaks what still prints"
        assert attempt.public_output == "seen\n"


# A process that does not keep to the protocol. It has descriptor 3, and can do as it likes.

FRAME = """
import json, os, select, signal, socket, struct, threading, time
def frame(node, blobs=()):
    text = json.dumps(node).encode()
    return (struct.pack("<4sII", b"IML1", len(text), len(blobs))
            + struct.pack(f"<{len(blobs)}Q", *map(len, blobs)) + text + b"".join(blobs))
def reply(number, value, calls=(), blobs=()):
    calls = {"list": list(calls)}
    return frame({"dict": [["id", number], ["value", value], ["forbidden_calls", calls]]}, blobs)
def error(**fields):
    all = {"kind": "raised", "type": "E", "message": "m", "line": 1, "cell": "c"} | fields
    error = {"dict": [list(pair) for pair in all.items()]}
    return frame({"dict": [["id", 4], ["error", error], ["forbidden_calls", {"list": []}]]})
def plug(): return socket.socket(fileno=os.dup(3))
def f(x): return x
# The checker's requests are numbered: 1 and 2 for the start, 3 after the cells, 4 for g, 5 for f.
"""
HOSTILE = {
    "junk": "def g(): os.write(3, os.urandom(5000)); os._exit(0)",
    "zeros": "def g(): os.write(3, bytes(100)); time.sleep(60)",
    "half a frame": "def g(): os.write(3, reply(4, 1)[:20]); os._exit(0)",
    "half a frame and silence": "def g(): os.write(3, reply(4, 1)[:20]); time.sleep(60)",
    "huge lengths": "def g(): os.write(3, struct.pack('<4sII', b'IML1', 2**32 - 1, 5)); "
    "time.sleep(60)",
    "a flood": "def g():\n  while True: os.write(3, b'IML1' + bytes(1 << 16))",
    "an endless blob": "def g():\n"
    "  os.write(3, struct.pack('<4sIIQ', b'IML1', 1, 1, 60 << 20) + b'1')"
    "\n  while True: os.write(3, bytes(1 << 16)); time.sleep(0.2)",
    "another number": "def g(): os.write(3, reply(12345, 1)); time.sleep(60)",
    "no number": "def g(): os.write(3, reply(None, 1)); time.sleep(60)",
    "a true number": "def g(): os.write(3, reply(True, 1)); time.sleep(60)",
    "no dict": "def g(): os.write(3, frame([1, 2])); time.sleep(60)",
    "more fields": "def g(): os.write(3, frame({'dict': [['id', 4], ['value', 1], ['score', 9], "
    "['forbidden_calls', {'list': []}]]})); time.sleep(60)",
    "a broken value": "def g(): os.write(3, frame({'tensor': 7})); time.sleep(60)",
    "an error without a text": "def g(): os.write(3, frame({'dict': [['id', 4], ['error', {'dict': "
    "[['kind', 4]]}], ['forbidden_calls', {'list': []}]]})); time.sleep(60)",
    "an error whose place is no place": "def g(): os.write(3, frame({'dict': [['id', 4], ['error', "
    "{'dict': [['kind', 'raised'], ['type', 'E'], ['message', ''], ['line', 'x' * 1000], "
    "['cell', 'a']]}], ['forbidden_calls', {'list': []}]]})); time.sleep(60)",
    "an error with an endless cell": "def g(): os.write(3, error(cell='a' * 1000)); time.sleep(60)",
    "an error of an endless type": "def g(): os.write(3, error(type='E' * 1000)); time.sleep(60)",
    "an error of an endless kind": "def g(): os.write(3, error(kind='k' * 1000)); time.sleep(60)",
    "an error with a long text": "def g(): os.write(3, error(message='m' * 9000)); time.sleep(60)",
    "an error on a line far off": "def g(): os.write(3, error(line=2**62)); time.sleep(60)",
    "an error with more to it": "def g(): os.write(3, error(score=1)); time.sleep(60)",
    "a thousand refused calls": "def g(): os.write(3, reply(4, 1, ['a' * 9] * 1001)); "
    "time.sleep(60)",
    "a refused call of a long name": "def g(): os.write(3, reply(4, 1, ['a' * 999])); "
    "time.sleep(60)",
    "half a frame a byte at a time": "def g():\n  for b in reply(4, 1): "
    "os.write(3, bytes([b])); time.sleep(0.2)",
    "gone with a request unread": "def g():\n  os.write(3, reply(4, 1)); "
    "select.select([3], [], [], 5); os.write(3, reply(5, 100)); os.close(3); time.sleep(60)",
    "gone with one request unread": "def g():\n  os.write(3, reply(4, 1)); "
    "select.select([3], [], [], 5); os.close(3); time.sleep(60)",
    "closed for writing": "def g(): plug().shutdown(socket.SHUT_WR); time.sleep(60)",
    "closed for reading": "def g(): plug().shutdown(socket.SHUT_RD); return 1",
    "an out-of-band byte": "def g(): plug().send(b'x', socket.MSG_OOB); time.sleep(60)",
    "an out-of-band byte after a reply": "def g():\n  os.write(3, reply(4, 1)); "
    "plug().send(b'x', socket.MSG_OOB); time.sleep(60)",
    "out-of-band bytes in a reply": "def g():\n  for b in reply(4, 2): "
    "plug().send(bytes([b]), socket.MSG_OOB)\n  time.sleep(60)",
    "an array of old": "def g(): os.write(3, reply(4, {'array': 0}, blobs=[b'\\x93NUMPY'])); "
    "time.sleep(60)",
    "a million keys": "def g(): os.write(3, reply(4, {'dict': [[str(i), 0] "
    "for i in range(10**6)]})); time.sleep(60)",
    "a million lists": "def g(): os.write(3, reply(4, {'list': [{'list': []}] * 10**6})); "
    "time.sleep(60)",
    "stopped": "def g(): os.kill(os.getpid(), signal.SIGSTOP)",
    "stopped within a reply": "def g():\n  os.write(3, reply(4, 1)[:30]); "
    "os.kill(os.getpid(), signal.SIGSTOP)",
    "closing": "def g(): os.close(3); time.sleep(60)",
    "two at once": "def g():\n  part = reply(4, 'x' * 100_000)\n"
    "  for _ in range(2): threading.Thread(target=lambda: [os.write(3, bytes([b])) "
    "for b in part]).start()\n  time.sleep(60)",
    "before it is asked": "os.write(3, reply(5, 1))\ndef g(): return 1",
    "many before it is asked": "for i in range(300): os.write(3, reply(i, 1))\ndef g(): return 1",
    "after it was asked": "def g():\n  threading.Thread(target=lambda: (time.sleep(0.3), "
    "os.write(3, reply(5, 2)))).start()\n  return 1",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_process_that_breaks_the_protocol_gains_nothing(template, source):
    with Attempt(template, [("work", FRAME + source)], limits=Limits(wall_s=30)) as attempt:
        attempt.start()
        attempt.begin(1, 3.0, public=True)
        values, kind = [], ""
        try:
            for i in range(3):
                values.append(attempt.submission.g())
                time.sleep(0.4)
                values.append(attempt.submission.f(100 + i))
        except StudentError as error:
            kind = error.kind
        # "raised": the box refuses the system call, such as one that sends out-of-band bytes.
        assert kind in ("", "died", "timed_out") or (kind, source.count("MSG_OOB")) == ("raised", 1)
        # What did come through is what the honest functions return, in their order.
        assert values == [1, 100, 1, 101, 1, 102][: len(values)]
        attempt.begin(2, 5.0, public=True)
        if attempt.alive:
            assert attempt.submission.f(7) == 7


def test_a_handle_that_was_made_up_reaches_nothing_here(template):
    source = FRAME + "def g(): os.write(3, reply(4, {'handle': 77, 'type': 'x'})); time.sleep(60)"
    with Attempt(template, [("work", source)], limits=Limits(wall_s=30)) as attempt:
        attempt.start()
        attempt.begin(1, 3.0, public=True)
        # Whatever the number, it is only ever sent back to the box.
        try:
            handle = attempt.submission.g.as_handle()
        except StudentError:
            return
        assert type(handle) is Handle
        with pytest.raises(StudentError):
            handle.attribute("x")


# The same again.


def test_the_same_submission_and_seed_give_the_same_values(template):
    source = """
import torch, random, numpy as np
start = torch.randn(3), random.random()
words = list({"alpha", "beta", "gamma", "delta"})
model = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
def train(x, y):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(50):
        loss = ((model(x) - y) ** 2).mean()
        optimizer.zero_grad(); loss.backward(); optimizer.step()
    return loss, start, words, torch.randperm(5), hash("x")
"""
    x, y = torch.randn(32, 4), torch.randn(32, 1)
    seen = []
    with Template() as another:
        for warm in (template, template, another):
            with in_a_box(warm, source, seed=3) as attempt:
                loss, start, words, order, number = attempt.submission.train(x, y)
                seen.append((loss.item(), str(start), words, order.tolist(), number))
    assert seen[0] == seen[1] == seen[2]


def test_training_starts_at_once(template):
    """What the first optimizer imports is imported in the template already."""
    source = """
import time, torch
began = time.perf_counter()
torch.optim.SGD([torch.ones(1, requires_grad=True)], 0.1).step()
taken = time.process_time()
import sys
loaded = len(sys.modules)
torch.optim.SGD([torch.ones(1, requires_grad=True)], 0.1).step()
more = len(sys.modules) - loaded
"""
    with in_a_box(template, source) as attempt:
        assert attempt.submission.variable("more") == 0
        assert attempt.submission.variable("loaded") > 1000


def test_an_unboxed_run_says_so():
    with Template(isolated=False) as template:
        assert template.in_force["sandbox"] == "none"
        assert template.in_force["seccomp"] is False
        with in_a_box(template, "import os\ndef f(): return os.getuid()") as attempt:
            assert attempt.submission.f() == os.getuid()


def test_an_unboxed_process_ends_too_when_it_is_killed():
    source = "import os, time\npid = os.getpid()\ndef f(): time.sleep(100)"
    with Template(isolated=False) as template, in_a_box(template, source) as attempt:
        process = psutil.Process(attempt.submission.variable("pid"))
        attempt.begin(1, 0.2, public=True)
        with pytest.raises(StudentError):
            attempt.submission.f()
        assert psutil.wait_procs([process], 5)[1] == []


def test_the_end_of_the_template_is_no_fault_of_the_student():
    with Template() as template:
        attempt = in_a_box(template, "def f(): return 1")
        assert attempt.submission.f() == 1
        (process,) = psutil.Process(template._process.pid).children()
        process.kill()
        template._process.wait(10)
        with pytest.raises(GraderFault):
            attempt.submission.f()
        attempt.close()
        with pytest.raises(GraderFault):
            template.box(LIMITS)
    # It can be started again.
    with template, in_a_box(template, "def f(): return 1") as attempt:
        assert attempt.submission.f() == 1


def test_a_box_that_cannot_start_is_no_fault_of_the_student(template):
    with (
        Attempt(template, [("a", "x = 1")], limits=Limits(memory_mb=1)) as attempt,
        pytest.raises(GraderFault, match=r"did not start|could not be set up"),
    ):
        attempt.start()


def test_a_handle_that_the_box_does_not_know_is_an_error_not_a_loss(template):
    with in_a_box(template, "class A: x = 1\ndef f(a): return a") as attempt:
        handle = attempt.submission.A()
        handle._reference = HandleRef(99, "A")
        with pytest.raises(StudentError) as caught:
            attempt.submission.f(handle)
        assert caught.value.kind == "missing"
        assert attempt.submission.f(2) == 2
        assert attempt.flags == []


def test_what_a_cell_printed_before_it_was_stopped_is_kept_and_no_other_twice(template):
    cells = [
        ("first", "print('of the first')"),
        ("endless", "print('step 17')\nwhile True: pass"),
        ("last", "print('of the last')"),
    ]
    with Attempt(template, cells, limits=Limits(wall_s=12, cpu_s=30, memory_mb=600)) as attempt:
        attempt.start()
        assert attempt.public_output == (
            "Cell 'endless' printed, before it ended:\nstep 17\n\nof the first\nof the last\n"
        )


def test_an_alarm_loses_no_box_and_no_answer_of_the_template(template):
    """A check is stopped by an alarm, wherever it is: here, while boxes start and end."""
    rung = 0
    for number in range(25):
        with suppress(Overtime), alarm(0.004 * number + 0.001):
            try:
                with Attempt(template, [("work", "def f(x): return x")], limits=LIMITS) as attempt:
                    attempt.start()
            except Overtime:
                rung += 1
                raise
    assert rung
    with in_a_box(template, "def f(x): return x + 1") as attempt:
        assert attempt.submission.f(1) == 2
        attempt._box.kill()
        assert attempt._box.ended().kind == "killed", "it has another box's pidfd"
