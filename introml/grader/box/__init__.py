"""The box a student's code runs in: namespaces, a read-only root, limits, filtered system calls."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
