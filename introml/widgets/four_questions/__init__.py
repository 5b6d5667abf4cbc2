"""The same points, four questions: what each asks, what a model answers, and how good that is."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Real, Switch, Whole


class FourQuestions(Widget):
    """Penguins by flipper and bill, four questions, a model's answer to each, score and baseline.

    Taught in {ref}`sec-learning-problems`. Every third penguin is put aside: the models see the
    others, the scores are of those put aside. Classification is by the nearest mean of a species,
    regression by the least-squares line, clustering by the best of twenty runs of k-means,
    reduction by the first principal component, all on plain millimetres.
    """

    task = Choice(
        "classification",
        ("classification", "regression", "clustering", "reduction"),
        help="what is asked",
    ).tag(sync=True)
    answer = Switch(False, help="whether the model's answer and its score are shown").tag(sync=True)
    flipper = Real(207, 168, 234, help="flipper length of the reader's penguin, in mm").tag(
        sync=True
    )
    bill = Real(42, 30, 61, help="bill length of the reader's penguin, in mm").tag(sync=True)
    groups = Whole(3, 2, 6, help="how many groups k-means is asked for").tag(sync=True)
    shuffled = Switch(
        False, help="whether both measurements are dealt out anew, so that nothing is to be learned"
    ).tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
