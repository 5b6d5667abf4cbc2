"""The book's data sets: a part of each comes with the book, and the whole can be fetched."""

from introml.data import fashion_mnist, mnist, penguins, shakespeare, small_digits

__all__ = ["fashion_mnist", "mnist", "penguins", "shakespeare", "small_digits"]
