"""Running a course: start, backup, privacy, health, and an audit of what must stay secret."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
