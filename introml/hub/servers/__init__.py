"""Students' servers: their Python, what lies in their homes, and how one starts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
