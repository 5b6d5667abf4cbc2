"""One build of a book at a time: two that write to one cache would spoil each other's work."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def only_one_build(folder: Path, note: Callable[[str], None]) -> Iterator[None]:
    """Hold the cache's folder for this process; a second build says so and waits for the first."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note("another build of the book is executing pages; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
