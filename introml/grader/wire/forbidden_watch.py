"""Refuses the library's ready answers while a student's code runs: best effort, with evidence.

Calling one raises LibraryAnswer and leaves a note of it, which stays when the student's code
catches the exception. Code that is out to get round this can; what a submission says in its
source is looked at elsewhere, before it runs.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class LibraryAnswer(Exception):
    """The student's code called what the lab is about writing oneself."""


class Watch:
    """Keeps count of refused calls."""

    def __init__(self) -> None:
        #: Whether this is the student's own machine, where printing and Ctrl-C are theirs.
        self.home = True
        self.calls: dict[str, None] = {}
        #: Where something is refused: the module or class, the name there, and the two values.
        self._places: list[tuple[Any, str, Any, Any]] = []

    def seen(self) -> list[str]:
        """Return the names called since the request began, each once."""
        return list(self.calls)

    def refuse(self, names: Sequence[str]) -> None:
        """Put a refusal in the place of each dotted name, wherever torch keeps it."""
        for name in names:
            original, places = locate(name)
            refusal = self._refusal(name, original)
            for place, key in places:
                try:
                    setattr(place, key, refusal)
                except (AttributeError, TypeError):
                    continue  # a C type's own attribute: the source is all that shows it
                self._places.append((place, key, refusal, original))

    def allow(self) -> None:
        """Put everything back; `refusing` refuses the same again."""
        for place, key, _, original in reversed(self._places):
            setattr(place, key, original)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse what `refuse` has named while the block runs."""
        for place, key, refusal, _ in self._places:
            setattr(place, key, refusal)
        try:
            yield
        finally:
            self.allow()

    def _refusal(self, name: str, original: Any) -> Any:
        def refuse(*args: Any, **kwargs: Any) -> None:
            self.calls[name] = None
            raise LibraryAnswer(f"{name} may not be used here: write it yourself")

        if isinstance(original, type):
            body = {"__new__": refuse, "__doc__": f"Refused: {name}."}
            return type(original.__name__, (_Refusal,), body)
        return _Function(refuse)


class _Refusal:
    """What stands in the place of a refused class."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        for base in cls.__mro__[1:]:
            if base is not _Refusal and issubclass(base, _Refusal) and "__new__" in vars(base):
                base.__new__(cls)


class _Function(_Refusal):
    """What stands in the place of a refused function; as a method it refuses too."""

    def __init__(self, refuse: Any) -> None:
        self._refuse = refuse

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        self._refuse()

    def __get__(self, instance: Any, owner: Any = None) -> "_Function":
        return self


_located: dict[str, tuple[Any, list[tuple[Any, str]]]] = {}


def locate(name: str) -> tuple[Any, list[tuple[Any, str]]]:
    """Return what a dotted name stands for, and all places in its library that hold the same.

    The search takes a tenth of a second, so the template makes it once for all its boxes.
    """
    if name not in _located:
        owner, attribute = _find(name)
        if owner is None:
            _located[name] = (None, [])
        else:
            original = getattr(owner, attribute)
            _located[name] = (original, _places(original, owner, attribute))
    return _located[name]


def _find(name: str) -> tuple[Any, str]:
    """Return the object that holds the last part of a dotted name; (None, "") if there is none."""
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            owner = importlib.import_module(".".join(parts[:count]))
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


def _places(original: Any, owner: Any, attribute: str) -> list[tuple[Any, str]]:
    """Return the modules of the same library that hold the same object, and under which names."""
    found = [(owner, attribute)]
    library = _library(original, owner)
    for name, module in list(sys.modules.items()):
        if module is None or name.split(".")[0] != library:
            continue
        for key, value in list(vars(module).items()):
            if value is original and (module, key) != (owner, attribute):
                found.append((module, key))
    return found


def _library(original: Any, owner: Any) -> str:
    name = getattr(owner, "__module__", None) or getattr(owner, "__name__", "")
    return str(name).split(".")[0]
