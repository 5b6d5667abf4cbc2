"""What torch has twice, or computes beneath its dispatcher, is refused in a box as well."""

import torch

from introml.grader.box.limits import Limits
from introml.grader.run.attempt import Attempt

SOURCE = '''
import gc, importlib, shutil, sys, types
import torch

X = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
GRAPH = """graph(%x : Float(2, 2, strides=[2, 1], requires_grad=0, device=cpu)):
  %d : int = prim::Constant[value=-1]()
  %n : NoneType = prim::Constant()
  %y : Float(2, 2, strides=[2, 1], requires_grad=0, device=cpu) = aten::softmax(%x, %d, %n)
  return (%y)
"""


def loaded_anew(x):
    del sys.modules["torch.distributions.transforms"]
    return importlib.import_module("torch.distributions.transforms").SoftmaxTransform()(x)

def loaded_again(x):
    module = sys.modules.get("torch.distributions.transforms", torch.distributions.transforms)
    sys.modules["torch.distributions.transforms"] = module
    return importlib.reload(module).SoftmaxTransform()(x)

def copied(x):
    shutil.copy(torch.distributions.transforms.__file__, "/tmp/copied.py")
    sys.path.insert(0, "/tmp")
    return importlib.import_module("copied").SoftmaxTransform()(x)

def compiled(x):
    return torch._C._te.TensorExprKernel(torch._C.parse_ir(GRAPH)).run((x,))

def compiled_without_llvm(x):
    torch._C._jit_set_te_must_use_llvm_cpu(False)
    return compiled(x)

def found_in_memory(x):
    names = ("_jit_pass_fuse_tensorexprs", "_jit_set_te_must_use_llvm_cpu", "lower")
    for one in gc.get_objects():
        if type(one) is types.BuiltinFunctionType and one.__name__ in names:
            return one
        if type(one) is types.FunctionType and one.__name__ == "hear":
            one.__code__ = (lambda *_: None).__code__
            return loaded_anew(x)

WAYS = (loaded_anew, loaded_again, copied, compiled, compiled_without_llvm, found_in_memory)

def won(x):
    names = []
    for way in WAYS:
        try:
            answer = way(x)
        except Exception:
            continue
        if answer is not None:
            names.append(way.__name__)
    return names

def recorded(w):
    """The stages of any device that record what is done with a tensor."""
    names = []
    w = w.requires_grad_()
    for name in dir(torch._C.DispatchKey):
        if not name.startswith("Autograd"):
            continue
        keys = torch._C.DispatchKeySet
        stage = keys(getattr(torch._C.DispatchKey, name)) | keys(torch._C.DispatchKey.CPU)
        try:
            if torch.ops.aten.mul.Tensor.redispatch(stage, w, w).grad_fn is not None:
                names.append(name)
        except (RuntimeError, NotImplementedError):
            pass
    return names
'''


def in_box(template, families, function):
    limits = Limits(wall_s=60, memory_mb=1500)
    with Attempt(template, [("ways", SOURCE)], limits=limits, families=families) as attempt:
        assert [one.outcome for one in attempt.start()] == ["ok"]
        attempt.begin(1, 50, public=True)
        return attempt.submission.call(function, torch.rand(2, 2))


def test_a_second_copy_and_torchs_compilers_are_refused(template):
    there = in_box(template, [], "won")
    assert {"loaded_anew", "loaded_again", "copied", "compiled_without_llvm"} <= set(there)
    assert in_box(template, ["softmax"], "won") == []


def test_no_device_s_stage_records_where_derivatives_are_withheld(template):
    assert len(in_box(template, [], "recorded")) > 3
    assert in_box(template, ["autograd"], "recorded") == []


def test_what_a_check_allows_can_be_loaded_again_in_its_box(template):
    in_box(template, ["softmax", "autograd"], "won")
    assert "loaded_anew" in in_box(template, ["autograd"], "won")
