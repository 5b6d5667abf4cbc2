"""Where the book's data, facts and recordings lie, in a checkout and in an installed package."""

from pathlib import Path

from introml.book.paths import PACKAGE, ROOT

_ROOTS = (PACKAGE / "_assets", ROOT / "assets")


def asset(name: str) -> Path:
    """The path of a file under `assets/`, e.g. `asset("data/mnist-10k.npz")`.

    Raises `FileNotFoundError`, naming the command that brings the file, when it is not there.
    """
    for root in _ROOTS:
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(
        f"assets/{name} is missing. It is part of the repository: "
        f"`git checkout -- assets/{name}` brings it back; in an installed copy, reinstall introml."
    )
