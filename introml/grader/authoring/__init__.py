"""From a lab's source to what is handed out, and whether the lab is sound."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
