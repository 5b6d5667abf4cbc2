"""Every public way that the installed torch offers to reach an operator; runs in a box, by itself.

`find_ways(families)` calls whatever torch shows, with generated arguments, and notes which
operators that reaches. `call_ways(ways)` calls the same again and says which were not refused.
"""

import inspect
import itertools
import os
import pickle
import signal
import sys
import warnings

import torch
from torch.utils._python_dispatch import TorchDispatchMode

#: What is set for the whole process, waits, writes, or starts something else.
SKIPPED = (
    "set_", "use_", "save", "load", "compile", "seed", "manual_seed", "fork", "wait", "import_",
    "get_num", "init_num", "_", "share_memory", "record_stream", "is_", "cuda", "xpu", "mtia",
    "exit", "main", "prepare_multiprocessing", "thread_safe", "monitor",
)  # fmt: skip
ROOMS = (
    "torch", "torch.nn", "torch.nn.functional", "torch.special", "torch.linalg", "torch.fft",
    "torch.sparse", "torch.nested", "torch.masked", "torch.distributions", "torch.signal",
    "torch.functional", "torch.func", "torch.nn.utils", "torch.nn.attention", "torch.nn.modules",
    "torch.autograd",
)  # fmt: skip
COMPOSITE = ("CompositeImplicitAutograd", "CompositeExplicitAutograd")
AT_ONCE = 60
SECONDS = 20


def tensors():
    torch.manual_seed(0)
    return {
        "row": torch.rand(2, 3),
        "image": torch.rand(1, 2, 6, 6),
        "volume": torch.rand(1, 2, 4, 4, 4),
        "sequence": torch.rand(2, 3, 4),
        "square": torch.rand(4, 4) + 4 * torch.eye(4),
        "labels": torch.tensor([0, 1]),
        "filter": torch.rand(2, 2, 3, 3),
        "filter1": torch.rand(3, 3, 2),
        "filter3": torch.rand(2, 2, 3, 3, 3),
        "two": torch.rand(2),
        "signs": torch.tensor([1, -1]),
        "heads": torch.rand(1, 2, 4, 4),
        "small": torch.rand(2, 3) / 2,
        "classes": torch.eye(3)[:2],
    }


def argument_lists():
    """Arguments for what has no schema, from the plainest on."""
    t = tensors()
    row, image, volume, sequence = t["row"], t["image"], t["volume"], t["sequence"]
    square, labels = t["square"], t["labels"]
    return [
        *((one,) for one in (row, image, sequence, square, volume)),
        *((one, 1) for one in (row, image, sequence)), (row, -1), (1, row), (row, 0.5),
        *((one, 2) for one in (image, volume, sequence)), (image, (2, 2)), (volume, (2, 2, 2)),
        (row, labels), (row, row), (row, t["classes"]), (row, t["small"]), (row, row, row),
        (row, row, t["signs"]), (square, square), (square, square, square),
        (square, t["two"].repeat(2)), (row, row, labels.float()),
        (image, t["filter"]), (sequence, t["filter1"]), (volume, t["filter3"]),
        (image, t["filter"], t["two"]), (image, 3.0, 2), (sequence, 3.0, 2),
        (row, [3]), (image, t["two"], t["two"]), (sequence, 3, 1), (image, 2, t["two"]),
        (t["heads"], t["heads"], t["heads"]), (sequence, sequence, sequence),
        (row, 1, row > 0.5), (row, row, 1), ("mean", row), ([row, row],),
        (torch.rand(4, 2, 3).log(), labels.repeat(2, 1) + 1, labels * 0 + 4, labels * 0 + 2),
        (torch.rand(1, 6, 9), (4, 4), 2), (image, 2, 1, 0, 1), (image, (2, 2), (3, 3)),
        (image[..., ::2, ::2], torch.arange(18).reshape(1, 2, 3, 3), 2),
        (row, torch.tensor([0, 1]), torch.tensor([[0.1, 0.2, 0.3]])),
        (row.to_sparse(), 1), (torch.nested.nested_tensor([row, row]), 2),
        (row.half(),), (row.double(), 1),
    ]  # fmt: skip


MAKES = [
    (), (3,), (2,), (2, 3), (3, 2), (4,), (1,), (3, 4), (2, 2, 3), (4, 1), (4, 2), ([3],), (2, 2),
    (3, 5, [2]), (4, 2, 1, 1, 8), (4, 1, 8), (3, 3, 1), (1, 2, 3),
]  # fmt: skip


def distribution_arguments():
    row = tensors()["row"]
    return [(row,), (row, row), (torch.tensor(0.5), row), (None, row), (row, None), (1, row), ()]


class Reached(TorchDispatchMode):
    """Notes which operators are called."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.name())
        return func(*args, **(kwargs or {}))


def shown(family):
    """All names to be tried: ("function" | "method" | "layer" | "distribution" | "operator", …)."""
    found = []
    for room in ROOMS:
        module = sys.modules.get(room) or __import__(room, fromlist=["x"])
        for name in dir(module):
            if name.startswith(SKIPPED):
                continue
            thing = getattr(module, name)
            if inspect.isclass(thing):
                if issubclass(thing, torch.nn.Module):
                    found.append(("layer", room, name))
                elif room == "torch.distributions":
                    found.append(("distribution", room, name))
            elif callable(thing) and not inspect.ismodule(thing):
                found.append(("function", room, name))
    for name in dir(torch.distributions.transforms):
        thing = getattr(torch.distributions.transforms, name)
        if inspect.isclass(thing) and not name.startswith("_"):
            found.append(("distribution", "torch.distributions.transforms", name))
    for name in dir(torch.Tensor):
        if not name.startswith(SKIPPED) and callable(getattr(torch.Tensor, name)):
            found.append(("method", "torch.Tensor", name))
    for operator in sorted(torch._C._dispatch_get_all_op_names()):
        # Of all operators, those that are made of others; a family's own are ways in any case.
        if operator in family or any(
            torch._C._dispatch_has_kernel_for_dispatch_key(operator, key) for key in COMPOSITE
        ):
            found.append(("operator", *operator.split("::")))
    return found


def calls_of(kind, room, name):
    """The ways of calling it, one after another; each is a function without arguments."""
    if kind == "operator":
        yield from operator_calls(room, name)
        return
    if kind == "method":
        for args in argument_lists():
            if isinstance(args[0], torch.Tensor):
                yield lambda args=args: getattr(args[0].clone(), name)(*args[1:])
        return
    module = sys.modules.get(room) or __import__(room, fromlist=["x"])
    thing = getattr(module, name)
    if kind == "function":
        for args in argument_lists():
            yield lambda args=args: thing(*args)
    elif kind == "layer":
        for make in MAKES:
            try:
                thing(*make)
            except Exception:
                continue
            for args in argument_lists()[:34]:
                yield lambda make=make, args=args: thing(*make)(*args)
    else:
        for make in distribution_arguments():
            for method in ("rsample", "sample", "entropy"):
                yield lambda make=make, method=method: getattr(thing(*make), method)()
            for method in ("log_prob", "__call__", "cdf"):
                for value in (tensors()["row"], tensors()["classes"]):
                    yield lambda make=make, method=method, value=value: getattr(
                        thing(*make), method
                    )(value)


def operator_calls(namespace, name):
    name, _, overload = name.partition(".")
    operator = getattr(getattr(getattr(torch.ops, namespace), name), overload or "default")
    t = tensors()
    for bases in (
        ["row"], ["image"], ["heads"], ["sequence"], ["square"], ["row", "labels"],
        ["row", "classes"], ["image", "filter", "two"], ["image", "two"], ["sequence", "filter1"],
        ["volume"],
    ):  # fmt: skip
        for number in (1, 2):
            args, kwargs = [], {}
            places = itertools.count()
            for one in operator._schema.arguments:
                kind = str(one.type)
                if kind == "Tensor":
                    place = next(places)
                    value = t[bases[min(place, len(bases) - 1)]].clone()
                    if one.is_out:
                        value = value.new_empty(0)
                elif kind.startswith("Optional"):
                    value = None
                else:
                    value = {
                        "int": number, "SymInt": number, "List[SymInt]": [number, number],
                        "float": 1.0, "bool": False, "number": 1, "str": "none",
                        "List[int]": [number, number], "List[bool]": [True, True, True],
                        "List[Tensor]": [t[bases[0]].clone()] * 2, "List[float]": [1.0],
                        "List[Optional[Tensor]]": [None],
                    }.get(kind)  # fmt: skip
                if one.kwarg_only:
                    kwargs[one.name] = value
                else:
                    args.append(value)
            yield lambda args=args, kwargs=kwargs: operator(*args, **kwargs)


def in_children(work, total):
    """The results of `work(number)` for all numbers, in processes that may crash or hang."""
    results, start = [], 0
    while start < total:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            warnings.simplefilter("ignore")
            with os.fdopen(write, "wb") as out:
                for number in range(start, min(total, start + AT_ONCE)):
                    signal.setitimer(signal.ITIMER_REAL, SECONDS)
                    pickle.dump((number, work(number)), out)
                    out.flush()
            os._exit(0)
        os.close(write)
        done = start
        with os.fdopen(read, "rb") as pipe:
            while True:
                try:
                    number, result = pickle.load(pipe)
                except (EOFError, pickle.UnpicklingError):
                    break
                results.append(result)
                done = number + 1
        os.waitpid(pid, 0)
        full = done >= min(total, start + AT_ONCE)
        start = done if full else done + 1  # what crashed is passed over
    return results


def find_ways(families):
    """[[kind, room, name, number of the call, family], …]: what reaches which family.

    `families` are the operators of each family; they count as ways themselves.
    """
    every = {}
    for family, some in families.items():
        for operator in some:
            every.setdefault(operator, set()).add(family)

    names = shown(every)

    def work(number):
        kind, room, name = names[number]
        if kind == "operator" and f"{room}::{name}" in every:
            return [[kind, room, name, 0, family] for family in sorted(every[f"{room}::{name}"])]
        found = {}
        for place, call in enumerate(calls_of(kind, room, name)):
            reached = Reached()
            try:
                with reached:
                    call()
            except Exception:
                pass
            for operator in reached.names:
                for family in every.get(operator, ()):
                    found.setdefault(family, place)
            if found:
                break
        return [[kind, room, name, place, family] for family, place in sorted(found.items())]

    return [one for some in in_children(work, len(names)) for one in some]


def call_ways(ways):
    """What was not refused: [[kind, room, name, what happened], …].

    Operators whose arguments cannot be made (a packed weight) refuse these before they are called.
    """

    def work(number):
        kind, room, name, place = ways[number][:4]
        call = next(itertools.islice(calls_of(kind, room, name), place, None))
        try:
            call()
            what = "answered"
        except BaseException as error:
            what = f"{type(error).__name__}: {error}"
        if "is withheld in" in what or (kind == "operator" and "Expected a value of type" in what):
            return None
        return [kind, room, name, what[:200]]

    results = in_children(work, len(ways))
    wrong = [one for one in results if one is not None]
    if len(results) < len(ways):
        wrong.append(["", "", "", f"{len(ways) - len(results)} calls ended their process"])
    return wrong
