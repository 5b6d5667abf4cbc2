"""The worker: runs a student's cells and functions by request, by value, and holds no check.

`Worker.answer` takes an encoded request and returns an encoded reply. In a box `serve` feeds it
from the request socket; on a student's own machine it is called directly, so that what passes
there passes here. Every request is a dict with "op" and "id"; every reply has the same "id" and
either "value" or "error": {kind, type, message, line}.
"""

import builtins
import contextlib
import errno
import os
import random
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any, NoReturn

import numpy as np
import torch

from introml.grader.wire import frames
from introml.grader.wire.cell_runner import CellRunner, display
from introml.grader.wire.printing import Printing, text_stream
from introml.grader.wire.values import (
    REQUEST_CAPS,
    Caps,
    HandleRef,
    Node,
    ValueRefused,
    decode,
    encode,
    name_of,
)
from introml.grader.wire.withdrawal import Withdrawal, refusal_in

_LONGEST_MESSAGE = 2000
_LONGEST_LIST = 10_000
_LAST_LINE = 10**7


class Missing(Exception):
    """The name or attribute that a request asks for is not there."""


class Worker:
    """A student's names, the objects handed out of them, and what is done with both."""

    def __init__(
        self, namespace: dict[str, Any] | None = None, withdrawal: Withdrawal | None = None
    ) -> None:
        """Begin with no names, or, on a student's own machine, with those of their notebook."""
        if namespace is None:
            namespace = {"__name__": "__main__", "__builtins__": builtins, "display": display}
        self.runner = CellRunner(namespace, refusal_in)
        self.reply_bytes = Caps.bytes
        self.device = "cpu"
        self.withdrawal = withdrawal or Withdrawal()
        #: Whether this is the student's own machine, where printing and Ctrl-C are theirs.
        self.home = True
        #: Where a process that is the student's own prints.
        self.printing: Printing | None = None
        self._in_cell = False
        self._handles: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}

    @property
    def namespace(self) -> dict[str, Any]:
        """The student's names."""
        return self.runner.namespace

    def answer(self, node: Node, blobs: list[bytes]) -> tuple[Node, list[bytes]]:
        """Do what an encoded request asks, and return the encoded reply; raises nothing."""
        number = _number(node)
        try:
            request = decode(node, blobs, REQUEST_CAPS, handle=self._object)
            self.withdrawal.calls.clear()
            value = self._do(request)
            reply = {"id": number, "value": value, "forbidden_calls": self.withdrawal.seen()}
            return encode(reply, self._known, Caps(bytes=self.reply_bytes))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self.home:
                raise
            told = self.told(error)
            calls = self.withdrawal.seen()
            return encode({"id": number, "error": told, "forbidden_calls": calls})

    def told(self, error: BaseException) -> dict[str, Any]:
        """What is told of an error; of one that ended a cell, which statement it was, besides."""
        told = _describe(error)
        if self._in_cell:
            left_out = [vars(one) for one in self.runner.skipped]
            told |= {"at": self.runner.line, "left_out": left_out}
        return told

    def _do(self, request: dict) -> Any:
        operation = _OPERATIONS.get(request["op"])
        if operation is None:
            raise ValueRefused(f"unknown request {request['op']!r}")
        if request.get("seed") is not None:
            seed_all(request["seed"])
        arguments = {k: v for k, v in request.items() if k not in ("op", "id", "seed")}
        self._in_cell = False
        return operation(self, **arguments)

    # Objects that stay here and are spoken of by number.

    def _known(self, value: Any) -> HandleRef | None:
        number = self._numbers.get(id(value))
        return None if number is None else HandleRef(number, name_of(value))

    def _keep(self, value: Any) -> HandleRef:
        if (known := self._known(value)) is not None:
            return known
        number = len(self._numbers)
        self._handles[number] = value  # also keeps its id from being used again
        self._numbers[id(value)] = number
        return HandleRef(number, name_of(value))

    def _object(self, reference: HandleRef) -> Any:
        if reference.number not in self._handles:
            raise Missing("an object that is gone")
        return self._handles[reference.number]

    def _target(self, target: Any, method: str | None) -> Any:
        """The thing to call: one of the student's names, or a method of an object."""
        if type(target) is str:
            if target not in self.namespace:
                raise Missing(f"{target} is not defined")
            target = self.namespace[target]
        if method is None or method == "__call__":
            return target
        if not hasattr(target, method):
            raise Missing(f"{name_of(target)} has no {method}")
        return getattr(target, method)

    # The operations.

    def setup(
        self,
        families: Sequence[str] = (),
        lab: str = "",
        reply_bytes: int = Caps.bytes,
        device: str = "cpu",
        shift: int = 0,
    ) -> None:
        """Withhold families of operators for good, and place what arrives on a device.

        With `shift`, objects lie at other addresses than in other boxes of the same template.
        """
        sizes = [size for size in range(16, 481, 16) for _ in range(shift)]
        # Kept among the objects that stay here, under a number that no request can name.
        self._handles[-1] = [[object() for _ in range(shift)], [bytes(size) for size in sizes]]
        self.reply_bytes = reply_bytes
        self.device = device
        self.withdrawal.lab = lab
        self.withdrawal.seal(families)

    def run(self, cell: str, source: str) -> list[dict[str, Any]]:
        """Run one cell of the notebook; return what was left out of it (see `Skipped`)."""
        self._in_cell = True
        if self.printing is not None:
            self.printing.mend()
        self.runner.run(cell, source)
        return [vars(one) for one in self.runner.skipped]

    def experiment(self, cell: str, source: str, names: Sequence[str] = ("result",)) -> Any:
        """Run an experiment's cell and return its variable, or a tuple of several."""
        self.run(cell, source)
        for name in names:
            if name not in self.namespace:
                raise Missing(f"the experiment {cell} sets no variable {name}")
        values = tuple(self.namespace[name] for name in names)
        return values[0] if len(values) == 1 else values

    def call(
        self,
        target: Any,
        args: Sequence = (),
        kwargs: dict | None = None,
        method: str | None = None,
        returns: str = "value",
    ) -> Any:
        """Call a function, class or method; `returns` is "value", "handle", "list" or "nothing"."""
        function = self._target(target, method)
        result = function(*self._here(list(args)), **self._here(kwargs or {}))
        if returns == "handle" or (isinstance(function, type) and returns == "value"):
            return self._keep(result)
        if returns == "list":
            return _take(result)
        return None if returns == "nothing" else result

    def vjp(
        self,
        target: Any,
        inputs: Sequence,
        cotangent: Any = None,
        kwargs: dict | None = None,
        method: str | None = None,
        argnums: Sequence[int] | None = None,
        output: int | str | None = None,
        parameters: bool = False,
    ) -> tuple[Any, Any]:
        """Return the output, and the gradients of ⟨cotangent, output⟩ by inputs or parameters."""
        function = self._target(target, method)
        inputs = list(self._here(list(inputs)))
        if argnums is None:
            argnums = [i for i, x in enumerate(inputs) if _differentiable(x)]
        for i in argnums:
            inputs[i] = inputs[i].detach().clone().requires_grad_()
        result = function(*inputs, **self._here(kwargs or {}))
        chosen = result if output is None else result[output]
        if not isinstance(chosen, torch.Tensor):
            raise ValueRefused(f"returned a {name_of(chosen)}; return a torch.Tensor")
        if cotangent is None:
            cotangent = torch.ones_like(chosen)
        cotangent = self._here(cotangent)
        if cotangent.shape != chosen.shape:
            raise ValueRefused(
                f"returned shape {tuple(chosen.shape)}; {tuple(cotangent.shape)} is expected"
            )
        named = dict(_module(target).named_parameters()) if parameters else {}
        leaves = list(named.values()) if parameters else [inputs[i] for i in argnums]
        if not chosen.requires_grad:
            raise ValueRefused(
                "returned a tensor without a gradient; keep to differentiable torch operations"
            )
        gradients = torch.autograd.grad(chosen, leaves, cotangent, allow_unused=True)
        return result, dict(zip(named, gradients, strict=True)) if parameters else gradients

    def get_state(self, target: Any) -> dict[str, torch.Tensor]:
        """Return a module's state_dict as a plain dict of tensors."""
        return {
            name: value.detach().clone() for name, value in _module(target).state_dict().items()
        }

    def set_state(self, target: Any, state: dict[str, torch.Tensor], strict: bool = True) -> None:
        """Load a state_dict into a module."""
        _module(target).load_state_dict(state, strict=strict)

    def parameter_count(self, target: Any) -> int:
        """Return how many trainable numbers a module has."""
        return sum(p.numel() for p in _module(target).parameters() if p.requires_grad)

    def attribute(self, target: Any, name: str, returns: str = "value") -> Any:
        """Return an attribute of an object."""
        value = self._target(target, name)
        return self._keep(value) if returns == "handle" else value

    def variable(self, name: str, returns: str = "value") -> Any:
        """Return the value of one of the student's variables."""
        value = self._target(name, None)
        return self._keep(value) if returns == "handle" else value

    def replaced(self, given: dict[str, str]) -> list[str]:
        """Return which given functions and classes (name: cell) are other code by now."""
        return [
            name
            for name, cell in given.items()
            if name in self.namespace and not _is_of_cell(self.namespace[name], f"<cell {cell}>")
        ]

    def has(self, name: str) -> bool:
        """Whether the student has defined a name."""
        return name in self.namespace

    def hush(self) -> None:
        """Send what is printed from now on nowhere: checks are about to run."""
        if self.printing is not None:
            self.printing.hush()

    def _here(self, value: Any) -> Any:
        """Move tensors, in lists and dicts too, to the device that calls run on."""
        if self.device == "cpu":
            return value
        if isinstance(value, torch.Tensor):
            return value.to(self.device)
        if type(value) in (list, tuple):
            return type(value)(map(self._here, value))
        if type(value) is dict:
            return {key: self._here(item) for key, item in value.items()}
        return value


_OPERATIONS: dict[str, Callable] = {
    operation.__name__: operation
    for operation in (
        Worker.setup,
        Worker.run,
        Worker.experiment,
        Worker.call,
        Worker.vjp,
        Worker.get_state,
        Worker.set_state,
        Worker.parameter_count,
        Worker.attribute,
        Worker.variable,
        Worker.has,
        Worker.replaced,
        Worker.hush,
    )
}


def _is_of_cell(value: Any, file: str) -> bool:
    """Whether a function's code, or some of a class's, is written in a cell.

    Not all of it: a class may wrap or inherit methods as it is made.
    """
    parts = list(vars(value).values()) if isinstance(value, type) else [value]
    codes = [getattr(getattr(one, "__func__", one), "__code__", None) for one in parts]
    files = [code.co_filename for code in codes if type(code) is CodeType]
    return file in files or (isinstance(value, type) and not files)


def seed_all(seed: int) -> None:
    """Seed Python's, NumPy's and torch's generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed % 2**63)


def _number(node: Node) -> int:
    """The number of an encoded request, which its reply has too."""
    return dict(node["dict"])["id"]


def _differentiable(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _module(target: Any) -> torch.nn.Module:
    if not isinstance(target, torch.nn.Module):
        raise ValueRefused(f"is a {name_of(target)}; make it a torch.nn.Module")
    return target


def _take(result: Any) -> list:
    items = []
    for item in result:
        items.append(item)
        if len(items) > _LONGEST_LIST:
            raise ValueRefused(f"gave more than {_LONGEST_LIST} items")
    return items


def _describe(error: BaseException) -> dict[str, Any]:
    """Say what went wrong, in plain values, whatever the student's exception does."""
    kind = "raised"
    refusal = refusal_in(error)
    if refusal:
        kind = "library_answer"
    elif isinstance(error, Missing):
        kind = "missing"
    elif isinstance(error, ValueRefused):
        kind = "refused"
    elif isinstance(error, MemoryError) or _out_of_memory(error):
        kind = "memory"
    elif is_not_done(error):
        kind = "not_done"
    try:
        message = _unicode((refusal or str(error))[:_LONGEST_MESSAGE])
    except BaseException:
        message = ""
    line = None
    cell = None
    with contextlib.suppress(BaseException):
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename.startswith("<cell "):
                line, cell = frame.lineno, frame.filename[6:-1]
        if isinstance(error, SyntaxError) and (name := str(error.filename)).startswith("<cell "):
            line, cell = error.lineno, name[6:-1]
    return {
        "kind": kind,
        "type": _unicode(name_of(error)),
        "message": message,
        "line": line if type(line) is int and 0 <= line <= _LAST_LINE else None,
        "cell": _unicode(cell[:100]) if type(cell) is str else None,
    }


def is_not_done(error: BaseException | None) -> bool:
    """Whether it is the `raise NotImplementedError` that stands where an answer is to come.

    A library that cannot do something says what; the line that stands for an answer says nothing.
    """
    return type(error) is NotImplementedError and not error.args


def _unicode(text: str) -> str:
    return text.encode(errors="replace").decode()


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return vars(OSError)["errno"].__get__(error) == errno.ENOMEM
    with contextlib.suppress(BaseException):
        return type(error) is RuntimeError and "can't allocate memory" in str(error)
    return False


def serve(fd: int, withdrawal: Withdrawal | None = None) -> NoReturn:
    """Answer the requests that come over a socket until it closes; never returns.

    `withdrawal` holds what has been withdrawn from this process already.
    """
    sock = socket.socket(fileno=fd)
    sys.stdin = text_stream(0, "r")
    worker = Worker(withdrawal=withdrawal)
    worker.home = False
    worker.printing = Printing()
    worker.runner.install()
    while True:
        try:
            request = frames.read(sock, REQUEST_CAPS)
            reply = worker.answer(*request)
            frames.write(sock, *reply)
        except (frames.FrameClosed, frames.FrameError):
            os._exit(0)
