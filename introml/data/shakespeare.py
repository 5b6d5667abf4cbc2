"""Seven plays by Shakespeare, as one text, for language models of characters."""

from introml.book.assets import asset

PLAYS = (
    "Hamlet",
    "Macbeth",
    "King Lear",
    "Othello",
    "Romeo and Juliet",
    "Julius Caesar",
    "The Tempest",
)


def load() -> str:
    """The text of `PLAYS`, in that order: 940,218 characters, 76 different ones, all ASCII.

    Raises `FileNotFoundError`, with the command that brings it, when the file is missing.
    Source: Project Gutenberg's texts; see assets/data/README.md.
    """
    return asset("data/shakespeare-7-plays.txt").read_text(encoding="ascii")
