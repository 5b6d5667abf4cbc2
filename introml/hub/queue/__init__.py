"""The queue of gradings, and the workers that take from it, on this machine or on Slurm."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
