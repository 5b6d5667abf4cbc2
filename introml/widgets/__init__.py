"""The book's interactive figures. Each class has its JavaScript in the folder of the same stem."""

from importlib import import_module
from typing import Any

from introml.widgets.base import stem_of

__all__ = [
    "AttentionHeatmap",
    "BatchSize",
    "Broadcasting",
    "ConvolutionVisualizer",
    "DrawDigit",
    "FourQuestions",
    "GradientDescent",
    "GridWorld",
    "LineFit",
    "PolynomialDegree",
    "ScheduleComposer",
    "TrainingCompute",
]


def __getattr__(name: str) -> Any:
    """Import a widget when it is first asked for: a page pays only for the ones it shows."""
    if name in __all__:
        return getattr(import_module(f"introml.widgets.{stem_of(name)}"), name)
    raise AttributeError(f"introml.widgets has no widget {name!r}; it has {', '.join(__all__)}")
