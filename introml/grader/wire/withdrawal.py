"""What a lab withholds is withdrawn from torch itself, so that no way of calling it works.

An operator has kernels in torch's dispatcher, one for each kind of tensor. Here each gets a kernel
that refuses, by whatever name it is called: a function, a method, a layer, a loss that contains it,
a compiled or traced program. Which operators belong to a family is read from the registry of the
installed torch. What torch writes in Python, out of operators that stay, is refused by its code.

In a box this is done before any of the student's code runs, and `seal` makes it final. On a
student's own machine `withheld` does it for a block, and then all is as it was.
"""

import contextlib
import functools
import gc
import importlib
import itertools
import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

from introml.grader.families import FAMILIES, Family

#: Where torch keeps functions that are written in Python out of other operators.
_PYTHON = (
    "torch.nn.functional",
    "torch.functional",
    "torch._refs",
    "torch._decomp",
    "torch._inductor.decomposition",
    "torch.masked",
    "torch.sparse",
    "torch.nested",
    "torch._functorch.eager_transforms",
    "torch.distributions",
)
#: Where it keeps classes that compute so; elsewhere they call the functions.
_CLASSES = "torch.distributions"
#: The kinds of tensors that calls on a student's own machine meet first.
_FIRST_KEYS = frozenset(
    (
        *("CPU", "CUDA", "Meta", "MkldnnCPU", "QuantizedCPU", "SparseCPU", "SparseCsrCPU"),
        *("NestedTensorCPU", "ADInplaceOrView", "Python"),
    )
)
#: Kernels that stand for several kinds; `torch.library.get_kernel` reaches them by these names.
_COMPOSITE = (
    "CompositeExplicitAutograd",
    "CompositeExplicitAutogradNonFunctional",
    "CompositeImplicitAutograd",
    "CompositeImplicitAutogradNestedTensor",
    "FuncTorchBatchedDecomposition",
)
_WITHHELD = "is withheld in"
_REFUSAL = re.compile(rf"\S+ \([^\n]*\) {_WITHHELD} [^\n]*yourself\.")
#: Characters of an error that are looked through: the search takes their number squared.
_LONGEST_TEXT = 4000


class LibraryAnswer(Exception):
    """The student's code called what the lab is about writing oneself."""


def refusal_in(error: BaseException | None) -> str:
    """The sentence of the refusal that an exception is, carries, or was caused by; "" if none."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, LibraryAnswer):
            return str(error)
        with contextlib.suppress(BaseException):
            # What crosses a compiled or scripted function arrives as text.
            text = str(error)
            if _WITHHELD in text and (found := _REFUSAL.search(text[-_LONGEST_TEXT:])):
                return found[0]
        error = error.__cause__ or error.__context__
    return ""


#: Refused operators that are remembered of one family.
_CALLS_OF_A_FAMILY = 10


class Withdrawal:
    """The families that are withdrawn from this process, and the refused calls."""

    def __init__(self) -> None:
        #: What was called though it is withheld, by family: each once, in order, the first ones.
        self.calls: dict[str, dict[str, None]] = {}
        #: The lab's title, for the words of a refusal.
        self.lab = ""
        self._held: dict[str, _Held] = {}
        #: The code that functions had at first, by their ids: one may belong to two families.
        self._codes: dict[int, CodeType] = {}
        #: What else was replaced: what stood in a type or module at first, by its name there.
        self._originals: dict[tuple[int, str], Any] = {}
        self._hear: Any = None

    @property
    def families(self) -> list[str]:
        """The families that are withdrawn now."""
        return list(self._held)

    def seen(self) -> list[str]:
        """Return the names called since the request began: of each family one, then the others.

        So many calls of one family hide none of another, wherever the list is cut.
        """
        rounds = itertools.zip_longest(*self.calls.values())
        return [name for names in rounds for name in names if name is not None]

    def withdraw(self, families: Collection[str], everywhere: bool = True) -> None:
        """Withdraw families that are not yet; everywhere, or where this thread's calls meet them.

        Raises `KeyError` for a family that does not exist.
        """
        if everywhere and families and self._hear is None:
            self._hear = _listen()
        for name in families:
            if name not in self._held:
                self._held[name] = held = _Held()
                refusal = functools.partial(self._refusal, name)
                held.take(FAMILIES[name], refusal, everywhere, self._codes, self._originals)

    def put_back(self, families: Collection[str] | None = None) -> None:
        """Give families back, or all of them; what is not withdrawn is left as it is."""
        going = [x for x in self._held if families is None or x in families]
        if not going:
            return
        for held in self._held.values():
            held.show_functions()
        for name in going:
            self._held[name].put_back()
            del self._held[name]
        for held in self._held.values():
            held.hide_functions()
        if not self._held:
            self._codes.clear()
            self._originals.clear()

    def seal(self, families: Collection[str]) -> None:
        """Withdraw just these for good: nothing in this process can give them back."""
        self.put_back([name for name in self._held if name not in families])
        self.withdraw(families)
        if self._hear is not None:
            copies = (one for held in self._held.values() for one in held.copies)
            self._hear.__code__ = _refusing_copies(copies)
            _keep_for_ever(self._hear)
            self._hear = None
        for held in self._held.values():
            held.leak()
        self._held.clear()
        self._originals.clear()
        _keep_for_ever(self._codes)
        self._codes = {}

    @contextlib.contextmanager
    def withheld(self, families: Sequence[str]) -> Iterator[None]:
        """Withhold families while the block runs, however it ends."""
        interrupted = False
        try:
            self.withdraw(families, everywhere=False)
            yield
        finally:
            while self._held:
                try:
                    self.put_back()
                except KeyboardInterrupt:
                    interrupted = True  # all goes back before it is heeded
            if interrupted:
                raise KeyboardInterrupt

    def _refusal(self, family: str, called: str) -> Callable[..., None]:
        def refuse(*args: Any, **kwargs: Any) -> None:
            calls = self.calls.setdefault(family, {})
            if len(calls) < _CALLS_OF_A_FAMILY:
                calls[called] = None
            lab = f"the lab {self.lab}" if self.lab else "this lab"
            words = FAMILIES[family].words
            raise LibraryAnswer(f"{called} ({words}) {_WITHHELD} {lab}: write it yourself.")

        return refuse


class _Held:
    """One family's refusals, to be taken back or made final."""

    def __init__(self) -> None:
        self._handles: list[Any] = []
        #: Python functions, with the code that they had, and the code that refuses.
        self._functions: list[tuple[FunctionType, CodeType, CodeType]] = []
        #: Types and modules written in C, a name in each, what stood there, and what refuses.
        self._replaced: list[tuple[type | ModuleType, str, Any, Callable[..., None]]] = []
        #: By what a second copy of each function would be known, and what refuses it.
        self.copies: list[tuple[tuple, Callable[..., None]]] = []
        self._guard: Any = None

    def take(
        self,
        family: Family,
        refusal: Callable[[str], Callable[..., None]],
        everywhere: bool,
        codes: dict[int, CodeType],
        originals: dict[tuple[int, str], Any],
    ) -> None:
        """Make all of the family refuse.

        `codes` are those that functions had at first, `originals` what else was replaced.
        """
        if everywhere:
            with contextlib.suppress(ImportError):
                importlib.import_module("torch._inductor.decomposition")  # more of these functions
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch tells of each kernel that gets another
            libraries: dict[str, Any] = {}
            for operator in operators(family.name):
                library, name = self._library(libraries, operator)
                refuse = refusal(operator)
                for key in _keys(operator, everywhere):
                    library.impl(name, key, refuse)
            if family.graph and everywhere:
                self._record_nothing()
        if family.graph and not everywhere:
            self._guard = torch._C._AutoDispatchBelowAutograd()
        for name, function in functions(family.name):
            # Whoever holds the function, by whatever name, finds a body in it that refuses.
            code = codes.setdefault(id(function), function.__code__)
            self._functions.append((function, code, _refusing_code(refusal(name), code)))
            if everywhere and not code.co_filename.startswith("<"):
                # Generated code, such as a dataclass's `__init__`, is like that of any other class.
                self.copies.append((_mark(code), refusal(name)))
        for name in family.functions:
            owner, attribute = _find(name)
            original = originals.get(
                (id(owner), attribute), vars(owner).get(attribute) if owner else None
            )
            if _is_compiled(owner, original):
                originals[id(owner), attribute] = original
                self._replaced.append((owner, attribute, original, refusal(name)))
        for thing in (self._functions, *self._functions, self._replaced, *self._replaced):
            _let_gc_forget(thing)
        if everywhere:
            _forget_keys([original for _, _, original, _ in self._replaced])
        self.hide_functions()

    def _library(self, libraries: dict[str, Any], operator: str) -> tuple[Any, str]:
        """What registers kernels in an operator's namespace, and the operator's name in it."""
        namespace, _, name = operator.partition("::")
        if namespace not in libraries:
            library = torch._C._dispatch_library("IMPL", namespace, "", "introml", 1)
            self._handles.append(library)
            libraries[namespace] = library
        return libraries[namespace], name

    def _record_nothing(self) -> None:
        """Calls pass by the kernels that would record them."""
        libraries: dict[str, Any] = {}
        for operator in torch._C._dispatch_get_registrations_for_dispatch_key("Autograd"):
            library, name = self._library(libraries, operator)
            for key in _recording_keys():
                library.impl(name, key, torch.library.fallthrough_kernel)

    def hide_functions(self) -> None:
        """Make the family's functions refuse."""
        for function, _, refusing in self._functions:
            function.__code__ = refusing
        for owner, name, _, refuse in self._replaced:
            in_type = isinstance(owner, type)
            _set_in(owner, name, functools.partial(_refuse_method, refuse) if in_type else refuse)

    def show_functions(self) -> None:
        """Give the family's functions back as they were."""
        for function, original, _ in self._functions:
            function.__code__ = original
        for owner, name, original, _ in self._replaced:
            _set_in(owner, name, original)

    def put_back(self) -> None:
        """Take all refusals away; done again, it goes on where it was stopped."""
        self.show_functions()
        while self._handles:
            self._handles[-1].reset()
            self._handles.pop()
        self._guard = None

    def leak(self) -> None:
        """Leave nothing that can be found and would put kernels or code back.

        What is let go of is not freed: that would be the dear part, for each box anew.
        """
        for handle in self._handles:
            _keep_for_ever(handle)
        _keep_for_ever(self._functions)
        self._handles, self._functions, self._replaced, self.copies = [], [], [], []


def _let_gc_forget(thing: object) -> None:
    """Hide a container from `gc.get_objects` and `gc.get_referrers`."""
    import ctypes

    ctypes.pythonapi.PyObject_GC_UnTrack(ctypes.py_object(thing))


def _keep_for_ever(thing: object) -> None:
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _is_compiled(owner: Any, value: Any) -> bool:
    """Whether it is a method of a type, or a function of a module, that has no code in Python."""
    if isinstance(owner, ModuleType):
        return isinstance(value, BuiltinFunctionType | np.ufunc)
    inner = getattr(value, "__func__", value)
    return isinstance(owner, type) and inner is not None and not isinstance(inner, FunctionType)


def _forget_keys(things: Sequence[object]) -> None:
    """Take things out of the tables that name each function of torch's, as its compiler has."""
    wanted = {id(one) for one in things}
    for table in gc.get_referrers(*things) if things else ():
        if type(table) is dict:
            for key in [one for one in table if id(one) in wanted]:
                del table[key]


def _refuse_method(refuse: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    refuse()


def _set_in(owner: type | ModuleType, name: str, value: Any) -> None:
    """Put a value into a module, or into a type that allows no such change by itself."""
    if isinstance(owner, ModuleType):
        vars(owner)[name] = value
        return
    import ctypes

    inside = next(x for x in gc.get_referents(owner.__dict__) if type(x) is dict)
    inside[name] = value
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(owner))


def _listen() -> Any:
    """A function that hears what this process does, for as long as it lives; deaf as yet.

    Nothing in Python can stop it, and nothing finds it. To hide it takes a look at all objects:
    in a template, once, and not in each box.
    """

    def hear(event: str, args: tuple) -> None:
        return

    sys.addaudithook(hear)
    for thing in (*gc.get_referrers(hear), hear):
        _let_gc_forget(thing)
    return hear


def _refusing_copies(copies: Iterable[tuple[tuple, Callable[..., None]]]) -> CodeType:
    """The body of `hear` that refuses modules which define the same functions anew.

    Loaded once more, under its name or as a copy of its file, a module has functions with bodies
    of their own; what runs its code is heard. There is nothing to change in this one: it asks for
    no name, and all that it knows is constant.
    """

    def hear(event: str, args: tuple) -> None:
        if event == "exec":
            waiting: Any = [args[0]]
            while waiting:
                for one in waiting.pop().co_consts:
                    kind: Any = "code"
                    if one.__class__ is kind:
                        waiting.append(one)
                        if one.co_name in "names":
                            mark = (one.co_name, one.co_firstlineno, one.co_code, one.co_names)
                            pairs: Any = "pairs"
                            for known, refuse in pairs:
                                if known == mark:
                                    refuse()

    pairs = tuple(copies)
    what = {"code": CodeType, "names": frozenset(mark[0] for mark, _ in pairs), "pairs": pairs}
    code = hear.__code__
    constants = (what.get(one, one) if type(one) is str else one for one in code.co_consts)
    return code.replace(co_consts=tuple(constants))


def _mark(code: CodeType) -> tuple:
    """What a function's code has in common with its copies, and with no other's."""
    return code.co_name, code.co_firstlineno, code.co_code, code.co_names


def _refusing_code(refuse: Callable[..., None], original: CodeType) -> CodeType:
    def body(*args: Any, **kwargs: Any) -> None:
        call: Any = "refuse"  # stands for the function, which takes its place below
        call()

    code = body.__code__
    constants = tuple(refuse if one == "refuse" else one for one in code.co_consts)
    return code.replace(
        co_consts=constants, co_freevars=original.co_freevars, co_name=original.co_name
    )


# What belongs to a family, in the installed torch.


@functools.cache
def operators(family: str) -> tuple[str, ...]:
    """The family's operators: "namespace::name.overload" of each."""
    roots = FAMILIES[family].roots
    if not roots:
        return ()
    found = []
    for operator in torch._C._dispatch_get_all_op_names():
        name = operator.partition("::")[2].partition(".")[0]
        if re.search(roots, name) and torch._C._dispatch_has_kernel(operator):
            found.append(operator)
    return tuple(sorted(found))


def functions(family: str) -> list[tuple[str, FunctionType]]:
    """The family's Python functions, under the names where they were met."""
    return _functions(family, len(sys.modules))


@functools.lru_cache(maxsize=len(FAMILIES))
def _functions(family: str, modules: int) -> list[tuple[str, FunctionType]]:
    """The same, looked for again when there are more `modules`."""
    one = FAMILIES[family]
    found: dict[int, tuple[str, FunctionType]] = {}

    def add(name: str, value: Any) -> None:
        for function in _python_of(value):
            found.setdefault(id(function), (name, function))

    for name in one.functions:
        owner, attribute = _find(name)
        if owner is not None:
            for inner, value in _all_in(
                name, vars(owner).get(attribute, getattr(owner, attribute))
            ):
                add(inner, value)
    if one.roots:
        wanted = re.compile(one.roots)
        for module_name, module in list(sys.modules.items()):
            if not module_name.startswith(_PYTHON) or module is None:
                continue
            for name, value in list(vars(module).items()):
                if not isinstance(value, type):
                    if wanted.search(name):
                        add(f"{module_name}.{name}", value)
                elif module_name.startswith(_CLASSES) and wanted.search(_snake(name)):
                    for inner, part in _all_in(f"{module_name}.{name}", value):
                        add(inner, part)
        _add_decompositions(wanted, add)
    return list(found.values())


def _add_decompositions(wanted: re.Pattern, add: Callable[[str, Any], None]) -> None:
    """How torch writes the family's operators out of others, for compiled and traced programs."""
    decompositions = sys.modules.get("torch._decomp")
    tables = getattr(decompositions, "global_decomposition_table", {})
    for table in tables.values():
        for operator, function in list(table.items()):
            name = str(operator).partition(".")[2].partition(".")[0]
            if wanted.search(name):
                add(str(operator), function)


def _snake(name: str) -> str:
    """ "softmax_transform" for SoftmaxTransform."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _python_of(value: Any) -> Iterator[FunctionType]:
    """The Python functions in a function, a method, or what wraps one."""
    for _ in range(10):
        value = getattr(value, "__func__", value)
        if isinstance(value, FunctionType) and _is_of_a_library(value):
            yield value
        value = getattr(value, "__wrapped__", None)
        if value is None:
            return


def _is_of_a_library(function: FunctionType) -> bool:
    """Whether it is written there: a class may have functions of Python's own, as `Enum` gives."""
    return str(function.__globals__.get("__name__")).partition(".")[0] in ("torch", "numpy")


def _all_in(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A function, the methods of a class, or all that a package's modules define."""
    if isinstance(value, type):
        for key, one in list(vars(value).items()):
            if key in ("__init__", "__new__", "__call__") or not key.startswith("__"):
                yield f"{name}.{key}", one
    elif isinstance(value, ModuleType):
        for module_name, module in list(sys.modules.items()):
            if module_name != name and not module_name.startswith(f"{name}."):
                continue
            for key, one in list(vars(module).items()):
                if getattr(one, "__module__", "") in (module_name, name) and not isinstance(
                    one, ModuleType
                ):
                    yield from _all_in(f"{module_name}.{key}", one)
    else:
        yield name, value


def _find(name: str) -> tuple[Any, str]:
    """The object that holds the last part of a dotted name; (None, "") if there is none."""
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        try:
            for part in parts[count:-1]:
                owner = getattr(owner, part)
            getattr(owner, parts[-1])
        except AttributeError:
            return None, ""
        return owner, parts[-1]
    return None, ""


@functools.cache
def _keys(operator: str, everywhere: bool) -> tuple[str, ...]:
    """The kinds of tensors for which an operator has a kernel, and the stages before them."""
    known = _keys_in_table(operator)
    if not everywhere:
        return tuple(key for key in known if key in _FIRST_KEYS)
    own = [
        key for key in _COMPOSITE if torch._C._dispatch_has_kernel_for_dispatch_key(operator, key)
    ]
    return (*known, *own)


@functools.cache
def _recording_keys() -> tuple[str, ...]:
    """The stages that record, also those of devices that are not there: they record any tensor.

    Those without a name of their own are reached by the one for all of them.
    """
    own = ("AutogradCPU", "AutogradOther", "AutogradNestedTensor", "AutogradMeta", "AutogradCUDA")
    return (*(key for key in _keys_in_table("aten::mul.Tensor") if key in own), "Autograd")


def _keys_in_table(operator: str) -> list[str]:
    table = torch._C._dispatch_dump_table(operator)
    return [key for line in table.splitlines() if _is_known(key := line.partition(":")[0])]


@functools.cache
def _is_known(key: str) -> bool:
    """Whether a key can be named: not those of devices that this torch was built without."""
    try:
        torch._C._dispatch_has_kernel_for_dispatch_key("aten::mul.Tensor", key)
    except RuntimeError:
        return False
    return True
