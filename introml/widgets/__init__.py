"""The book's interactive figures. Each class has its JavaScript in the folder of the same stem."""

from importlib import import_module
from pathlib import Path
from typing import Any

from introml.widgets.base import class_of, stem_of

#: A folder with Python in it is a widget. A list typed here would change with each new one, and
#: every page that shows a widget would be executed again.
__all__ = sorted(class_of(path.parent.name) for path in Path(__file__).parent.glob("*/__init__.py"))


def __getattr__(name: str) -> Any:
    """Import a widget when it is first asked for: a page pays only for the ones it shows."""
    if name in __all__:
        return getattr(import_module(f"introml.widgets.{stem_of(name)}"), name)
    raise AttributeError(f"introml.widgets has no widget {name!r}; it has {', '.join(__all__)}")
