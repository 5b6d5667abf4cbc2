"""What every widget shares on the Python side: its bundled code, and its place in a notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from introml.book.style.tokens import notebook_css

DIST = Path(__file__).parent / "dist"


def stem_of(class_name: str) -> str:
    """`LearningRate` -> `learning_rate`: one stem names the module, the folder and the class."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()


def class_of(stem: str) -> str:
    """`learning_rate` -> `LearningRate`."""
    return "".join(word.capitalize() for word in stem.split("_"))


def bundle_path(class_name: str, suffix: str) -> Path:
    """The bundled file of a widget, e.g. `bundle_path("LineFit", ".mjs")`."""
    return DIST / f"{class_name}{suffix}"


class Widget(anywidget.AnyWidget):
    """A widget whose JavaScript does the computing, so that it also works without a kernel.

    Subclasses declare traits with `.tag(sync=True)`; public ones are nouns in snake_case. A trait
    also tagged `file=True` holds bulky data: the site stores it in a file of its own and fetches
    it only on pages that show the widget.
    """

    #: The bounds of the traits go to the browser with their values: they are written here alone.
    _forms = traitlets.Dict(read_only=True).tag(sync=True)

    @traitlets.default("_forms")
    def _forms_of_the_class(self) -> dict[str, dict[str, Any]]:
        return self.forms()

    def __init_subclass__(cls, **kwargs: Any):
        code = bundle_path(cls.__name__, ".mjs")
        # anywidget makes a subclass of each instance's class, with the code as traits: leave it be.
        if "_esm" not in cls.__dict__:
            cls._esm, cls._css = "export default { render() {} };", ""
            if code.exists():
                cls._esm = code.read_text(encoding="utf-8")
                style = bundle_path(cls.__name__, ".notebook.css").read_text(encoding="utf-8")
                cls._css = notebook_css() + style
        super().__init_subclass__(**kwargs)

    def __init__(self, **traits: Any):
        name = type(self).__name__
        if not bundle_path(name, ".mjs").exists():
            raise RuntimeError(
                f"{name}'s browser code has not been bundled yet: run `make widgets` in the "
                "repository, then restart the kernel"
            )
        unknown = set(traits) - set(self.trait_names())
        if unknown:
            raise TypeError(
                f"{name} has no trait named {', '.join(sorted(unknown))}; it has "
                + ", ".join(sorted(self.public_traits()))
            )
        super().__init__(**traits)

    @classmethod
    def public_traits(cls) -> list[str]:
        """The names that a reader may set: synced traits that this book's classes declare."""
        inherited = set(anywidget.AnyWidget.class_trait_names())
        names = cls.class_trait_names(sync=True)
        return [name for name in names if name not in inherited and not name.startswith("_")]

    @classmethod
    def forms(cls) -> dict[str, dict[str, Any]]:
        """What the public traits may hold, by name, as `kit/forms.js` reads it."""
        traits = {name: cls.class_traits()[name] for name in cls.public_traits()}
        return {name: trait.form() for name, trait in traits.items() if hasattr(trait, "form")}

    @classmethod
    def filed_traits(cls) -> list[str]:
        """The names of the traits that the site keeps in files of their own."""
        return cls.class_trait_names(sync=True, file=True)
