"""What a check sees of a student's work: names to call, by value, and objects it cannot reach.

    submission.attention(q, k, v, mask=mask)               # a value, copied
    block = submission.MultiHeadAttention(64, num_heads=4)  # a class (a capital letter): a Handle
    block(x), block.state_dict(), block.load_state_dict(state)
    submission.build.as_handle(64)                         # any object, where one is asked for
    submission.vjp("attention", [q, k, v], cotangent)      # output, gradients

The same class serves in a box and on a student's own machine; only the link differs.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from introml.grader.wire.values import HandleRef

_BEGUN_S = 60.0
#: Different refused calls that are remembered; a lab refuses fewer.
_MOST_CALLS = 1000


class StudentError(Exception):
    """The student's code gave no usable value.

    `kind` is raised, not_done, missing, refused (a value of a wrong kind), library_answer,
    timed_out, died or memory. `public_message` may be shown to the student: it carries text from
    their process only while public checks run. `private_message` is for the teacher. `because` is
    a sentence of the grader's own on why a name is missing; it tells nothing secret.
    """

    def __init__(
        self, kind: str, public_message: str, private_message: str = "", because: str = ""
    ) -> None:
        super().__init__(public_message)
        self.because = because
        self.kind = kind
        self.public_message = public_message
        self.private_message = private_message or public_message


class Link(Protocol):
    """What carries requests to the student's process. Raises StudentError when that is gone."""

    #: Changes when the process was replaced: older handles are void.
    epoch: int
    #: Whether the student's code has a process to itself, which `close` ends.
    own_process: bool

    def request(self, request: dict, timeout_s: float, submission: Submission) -> dict: ...

    def beside(self, source: str, time_s: float) -> AbstractContextManager[Submission]: ...

    def cpu_s(self) -> float | None: ...

    def close(self) -> None: ...


class Submission:
    """A student's names. An unknown attribute is a function or class of theirs, to be called."""

    def __init__(self, link: Link, *, seed: int = 0, public: bool = True) -> None:
        self._link = link
        self._seed = seed
        self._calls = 0
        self._received = 0
        self._public = public
        self._deadline = time.monotonic() + _BEGUN_S
        self._handles = 0
        #: Whether something was timed since the check began: it may end otherwise the next time.
        self._timed = False
        #: What the lab refuses and was called all the same, each once.
        self.forbidden_calls: dict[str, None] = {}
        #: Why names are missing that a cell would have bound.
        self._missing: Mapping[str, str] = {}

    def _begin(self, seed: int, time_s: float, public: bool) -> None:
        """Start a check: its seed and time; after a hidden one nothing is public any more."""
        self._seed = seed
        self._calls = 0
        self._received = 0
        self._public = self._public and public
        self._deadline = time.monotonic() + time_s
        self._timed = False
        self.forbidden_calls = {}

    def __getattr__(self, name: str) -> _Callable:
        if name.startswith("_"):
            raise AttributeError(name)
        return _Callable(self, name, None)

    def call(self, name: str, *args: Any, returns: str = "value", **kwargs: Any) -> Any:
        """Call by name; `returns` may be "handle" (an object), "list" or "nothing"."""
        return self._do("call", name, args=args, kwargs=kwargs, returns=returns)

    def vjp(
        self,
        target: str | Handle,
        inputs: Sequence[Any],
        cotangent: Any = None,
        *,
        argnums: Sequence[int] | None = None,
        output: int | str | None = None,
        parameters: bool = False,
        method: str | None = None,
        **kwargs: Any,
    ) -> tuple[Any, Any]:
        """Return the output, and the gradient of ⟨cotangent, output⟩ by each floating input.

        `output` picks one of several outputs, `argnums` the inputs; `parameters=True` gives a dict
        of gradients by a module's parameters instead. A gradient that does not exist is None.
        """
        result = self._do(
            "vjp",
            target,
            inputs=list(inputs),
            cotangent=cotangent,
            argnums=None if argnums is None else list(argnums),
            output=output,
            parameters=parameters,
            method=method,
            kwargs=kwargs,
        )
        if type(result) is not tuple or len(result) != 2:
            raise self._refused(_name(target), "sent a malformed reply")
        return result

    def has(self, name: str) -> bool:
        """Whether the student has defined `name`."""
        return self._do("has", name=name) is True

    def variable(self, name: str) -> Any:
        """Return the value of one of the student's variables."""
        return self._do("variable", name=name)

    def experiment(self, name: str, *names: str) -> Any:
        """Run the experiment's cell and return its variable `result`, or those named."""
        return self._do("experiment", cell=name, names=list(names) or ["result"])

    def timed(self, target: str | Handle, *args: Any, **kwargs: Any) -> tuple[float, Any]:
        """Call, and return the seconds that it took, and the output.

        They are seconds of computing of all that runs in the box, by the kernel's count, unless it
        uses a GPU: neither other users of the machine nor more threads make a difference. Elsewhere
        they pass on the checker's clock. The cost of carrying inputs and outputs is in them.
        """
        self._timed = True
        computed, began = self._link.cpu_s(), time.perf_counter()
        output = self._do("call", target, args=args, kwargs=kwargs)
        ended, since = time.perf_counter(), self._link.cpu_s()
        if computed is not None and since is not None:
            return since - computed, output
        return ended - began, output

    # How it works.

    def _do(self, operation: str, target: str | Handle | None = None, **fields: Any) -> Any:
        request = {"op": operation, **fields}
        if target is not None:
            request["target"] = target
        request["seed"] = self._next_seed()
        what = (
            _name(target) if target is not None else str(fields.get("cell") or fields.get("name"))
        )
        left = self._deadline - time.monotonic()
        self._handles = 0
        try:
            reply = self._link.request(request, left, self)
        except StudentError:
            self._received += 1
            raise
        self._received += 1
        if len(self.forbidden_calls) < _MOST_CALLS:
            self.forbidden_calls |= dict.fromkeys(reply["forbidden_calls"])
        if "error" in reply:
            raise self._student_error(what, reply["error"])
        if self._handles:
            return self._object(what, target, fields, reply["value"])
        return reply["value"]

    def _object(self, what: str, target: Any, fields: dict[str, Any], value: Any) -> Any:
        """A reply in which handles stand: one is welcome where the check can expect an object.

        Elsewhere it would answer in a value's place: `result.equal(expected)` would be a call of
        the student's own method, with the expected value as its argument.
        """
        if type(value) is Handle and self._handles == 1:
            if fields.get("returns") == "handle":
                return value
            if fields.get("returns") == "value" and not fields.get("method"):
                if type(target) is str and target.lstrip("_")[:1].isupper():  # a class
                    value._words = f"an object of {target}"
                    return value
            elif type(target) is Handle and value._reference.number == target._reference.number:
                return None  # `module.cuda()` and the like return the object itself
        raise self._refused(what, "returned an object; return plain values")

    def _next_seed(self) -> int:
        self._calls += 1
        digest = hashlib.sha256(f"{self._seed}\n{self._calls}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def _refused(self, what: str, sentence: str) -> StudentError:
        return StudentError("refused", f"{what} {sentence}.")

    def _student_error(self, what: str, error: dict) -> StudentError:
        kind = error["kind"] if error["kind"] in _GENERAL else "raised"
        place = f", line {error['line']} of cell {error['cell']}" if error.get("line") else ""
        text = f"{error['type'][:60]}: {error['message'][:500].rstrip('.')}"
        private = f"{what}: {kind}: {text}{place}"
        because = self._missing.get(what, "") if kind == "missing" else ""
        if not self._public:
            return StudentError(kind, _GENERAL[kind].format(what=what), private, because)
        if kind == "raised" and (name := _UNDEFINED.fullmatch(error["message"])):
            because = self._missing.get(name[1], "")
        if kind == "refused":
            return StudentError(kind, f"{what} {error['message'][:500]}.", private)
        if kind == "not_done":
            return StudentError(kind, f"{what} is not done yet{place}.", private)
        if kind == "raised":
            return StudentError(kind, f"{what} raised {text}{place}.", private, because)
        return StudentError(kind, f"{error['message'][:500].rstrip('.')}{place}.", private, because)

    def _lower(self, value: Any) -> HandleRef | None:
        """What a handle is called in a request."""
        if type(value) is not Handle:
            return None
        if value._epoch != self._link.epoch:
            raise StudentError("died", "The process that held this object has ended.")
        return value._reference

    def _raise(self, reference: HandleRef) -> Handle:
        self._handles += 1
        return Handle(self, reference)


_UNDEFINED = re.compile(r"name '(\w+)' is not defined")
#: What is said of a failure while hidden checks run: nothing that the student's code could choose.
_GENERAL = {
    "raised": "{what} raised an error.",
    "not_done": "{what} is not done yet.",
    "missing": "{what} is missing, or lacks something that it should have.",
    "refused": "{what} did not return a plain value of the right kind.",
    "library_answer": "{what} uses the library's own answer, which this lab is about writing.",
    "memory": "{what} needed more memory than there is.",
}


class _Callable:
    """A function or class of the student's, or a method of an object, about to be called."""

    def __init__(self, submission: Submission, target: str | Handle, method: str | None) -> None:
        self._submission = submission
        self._target = target
        self._method = method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call("value", args, kwargs)

    def as_handle(self, *args: Any, **kwargs: Any) -> Handle:
        """Call, and keep what is returned in the box, whatever it is."""
        return self._call("handle", args, kwargs)

    def as_list(self, *args: Any, **kwargs: Any) -> list:
        """Call, and return the items of the iterator or container that comes."""
        return self._call("list", args, kwargs)

    def _call(self, returns: str, args: tuple, kwargs: dict) -> Any:
        return self._submission._do(
            "call", self._target, method=self._method, args=args, kwargs=kwargs, returns=returns
        )


class Handle:
    """An object of the student's that stays in the box. An unknown attribute is a method of it."""

    def __init__(self, submission: Submission, reference: HandleRef) -> None:
        self._submission = submission
        self._reference = reference
        self._epoch = submission._link.epoch
        self._words = "the object"

    def __repr__(self) -> str:
        return f"<handle {self._reference.number}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _Callable(self._submission, self, None)(*args, **kwargs)

    def __getattr__(self, name: str) -> _Callable:
        if name.startswith("_"):
            raise AttributeError(name)
        return _Callable(self._submission, self, name)

    def state_dict(self) -> dict[str, Any]:
        """Return the module's state: a plain dict of tensors."""
        return self._submission._do("get_state", self)

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Set the module's state."""
        self._submission._do("set_state", self, state=dict(state), strict=strict)

    def parameter_count(self) -> int:
        """Return how many trainable numbers the module has, as its own process says."""
        return self._submission._do("parameter_count", self)

    def attribute(self, name: str) -> Any:
        """Return the value of an attribute."""
        return self._submission._do("attribute", self, name=name)

    def train(self) -> Handle:
        """Put the module in training mode."""
        self._submission._do("call", self, method="train", returns="nothing")
        return self

    def eval(self) -> Handle:
        """Put the module in evaluation mode."""
        self._submission._do("call", self, method="eval", returns="nothing")
        return self


# What the grader does with a submission. Functions, for each public name of a submission hides one
# of the student's.


def begin(submission: Submission, seed: int, time_s: float, public: bool) -> None:
    """Start a check: its seed and time; after a hidden one nothing is public any more."""
    submission._begin(seed, time_s, public)


def explain_missing(submission: Submission, reasons: Mapping[str, str]) -> None:
    """Say from now on why a name is missing, where that is known: a sentence for each name."""
    submission._missing = reasons


def run_beside_answers(submission: Submission, cell: str, source: str) -> None:
    """Run more source where the student's names are. Raises StudentError."""
    submission._do("run", cell=cell, source=source)


def beside(submission: Submission, source: str) -> AbstractContextManager[Submission]:
    """Other code in a process like the student's, with the time that is left to the check."""
    return submission._link.beside(source, submission._deadline - time.monotonic())


def was_timed(submission: Submission) -> bool:
    """Whether the check has timed something."""
    return submission._timed


def end_process(submission: Submission) -> bool:
    """End the student's process; false where the code shares this one."""
    if submission._link.own_process:
        submission._link.close()
    return submission._link.own_process


def _name(target: str | Handle) -> str:
    """How a target is spoken of: by the checker's own word for it."""
    return target._words if isinstance(target, Handle) else target
