"""The lab on gradient descent: its solution, another right one, the wrong ones, and its numbers."""

import json
import statistics

import matplotlib.pyplot as plt
import pytest
import torch
from in_process import names_of, not_passed, outcomes

from introml.grader.authoring.release import solution_notebook
from introml.grader.lab.lab import load_lab
from introml.grader.run.checker import Checker, Setup

LAB = load_lab("gradient-descent")
RIGHT = {right.name: right for right in LAB.right_solutions()}
WRONG = {wrong.name: wrong for wrong in LAB.wrong_solutions()}


@pytest.mark.parametrize("style", ["solution", *RIGHT])
def test_right_answers_pass_at_twenty_seeds(style):
    answers = {} if style == "solution" else RIGHT[style].cells
    assert style == "solution" or set(answers) == set(LAB.answers)
    names = names_of(LAB, answers)
    for seed in range(20):
        assert not_passed(outcomes(LAB, names, seed)) == {}, f"seed {seed}"


def test_the_starter_fails_every_check():
    found = outcomes(LAB, names_of(LAB, starter=True), seed=0)
    assert len(found) == len(LAB.check_list()) == 13
    assert set(not_passed(found)) == set(found)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_solution_fails_the_checks_that_it_names(name):
    names = names_of(LAB, WRONG[name].cells)
    for seed in range(3):
        found = outcomes(LAB, names, seed, only=WRONG[name].caught_by if seed else None)
        assert set(WRONG[name].caught_by) <= set(not_passed(found)), f"seed {seed}"
        # A wrong answer is told in the check's own words, it never breaks the check.
        assert not any(one.flags for one in found.values())


def test_no_check_stands_and_falls_with_the_training_alone():
    """Every check but those on training passes, though train is missing."""
    missing = {"train": "def train(*arguments):\n    raise NotImplementedError\n"}
    failed = not_passed(outcomes(LAB, names_of(LAB, missing), seed=0))
    assert set(failed) == {"training_finds_the_line", "right_updates", "holds_on_fresh_data"}


@pytest.mark.parametrize(
    "odd", ["None", "'a text'", "(1, 2)", "[]", "[[]]", "torch.tensor(1.0)", "X", "float('nan')"]
)
def test_odd_values_fail_and_break_no_check(odd):
    answers = {}
    for ident, cell in LAB.answers.items():
        lines = [line for line in cell.solution.split("\n") if line.startswith("def ")]
        functions = [line.removeprefix("def ").split("(")[0] for line in lines]
        value = "torch.zeros(3)" if odd == "X" else odd
        answers[ident] = "".join(f"def {f}(*_):\n    return {value}\n" for f in functions)
    found = outcomes(LAB, names_of(LAB, answers), seed=0)
    assert set(not_passed(found)) == set(found)
    assert not any(one.flags for one in found.values())


def test_the_numbers_in_the_text_are_right():
    names = names_of(LAB)
    X, y = torch.tensor([[1.0], [3.0]]), torch.tensor([2.0, 1.0])
    w, b = torch.tensor([1.0]), torch.tensor(0.0)
    assert names["predict"](X, w, b).tolist() == [1, 3]
    assert names["mean_loss"](X, y, w, b) == 1.25
    dw, db = names["gradient"](X, y, w, b)
    assert (dw.item(), db.item()) == (2.5, 0.5)
    new = names["update"](X, y, w, b, 0.1)
    assert [part.item() for part in new] == pytest.approx([0.75, -0.05])
    assert names["mean_loss"](X, y, *new).item() == pytest.approx(0.7825)
    path = names["descend"](X, y, w, b, 0.1, 2)
    assert path.flatten().tolist() == pytest.approx([1, 0, 0.75, -0.05, 0.635, -0.045])
    w, b, losses = names["train"](X, y, batch_size=2, epochs=2, peak=0.2, warmup=1)
    assert [w.item(), b.item(), *losses.tolist()] == pytest.approx([0.44, 0.32, 1.25, 0.6425])
    one = names["train"](X, y, batch_size=2, epochs=1, peak=0.1, warmup=0)
    assert [one[0].item(), one[1].item()] == pytest.approx([0.25, 0.15])
    between = names["gradient"](X, y, *one[:2])
    assert [part.item() for part in between] == pytest.approx([-0.95, -0.85])
    rates = [names["learning_rate"](t, 0.9, 2, 6) for t in range(7)]
    assert rates == pytest.approx([0.3, 0.6, 0.9, 0.675, 0.45, 0.225, 0])
    assert [len(batch) for batch in names["shuffled_batches"](7, 3, 1)[0]] == [3, 3, 1]
    text = (LAB.folder / "lab.md").read_text()
    said = (
        "their mean, 1.25", "= 2.5$", "= 0.5$", "= 0.75$", "= -0.05$", "is 0.7825",
        "(1, 0), then (0.75, −0.05), then (0.635, −0.045)", "$w = 0.25$ and $b = 0.15$",
        "−0.95 and −0.85", "$w = 0.44$ and $b = 0.32$ with the losses (1.25, 0.6425)",
    )  # fmt: skip
    for words in said:
        assert words in text, words
    assert "| rate | 0.3 | 0.6 | 0.9 | 0.675 | 0.45 | 0.225 | 0 |" in text


#: Wrong trainings, and the words that name the property which each breaks.
NAMED = {
    "update-on-all-data": "updates of train are made with all the data",
    "loss-of-all-data": "loss that train notes is that of all the data",
    "training-never-shuffled": "never shuffled",
    "training-draws-with-replacement": "drawn with replacement",
    "training-draws-each-batch-anew": "some row comes twice and another not at all",
    "training-on-the-first-rows": "some row comes twice and another not at all",
    "training-in-one-order": "Two epochs of train have the same batches",
    "training-seeds-itself": "Do not seed",
    "training-drops-the-short-batch": "short batches too",
    "training-fills-up-the-short-batch": "None are added to fill it up",
    "training-by-the-batch-before": "other rows than those of its loss",
    "training-in-float32": "dtype should be that of X",
    "training-rounded-to-float32": "computes in float32",
    "training-starts-elsewhere": "start at zero",
    "short-batch-divided-by-batch-size": "other rows than those of its loss, or at another rate",
    "update-in-place": "changes a tensor that it is given",
    "descent-moves-its-start": "changes a tensor that it is given",
    "batches-seed-themselves": "Do not seed",
    "batches-with-a-generator-of-their-own": "torch's global generator",
    "batches-by-another-library": "torch's global generator",
    "epoch-is-a-tuple": "make a list of it",
    "losses-in-float32": "dtype should be that of X",
    "gradient-of-one-example-squeezed": "shape of the gradient for w is wrong",
}


@pytest.mark.parametrize("name", NAMED)
def test_the_hint_names_the_property_that_is_broken(name):
    for seed in range(3):
        found = outcomes(LAB, names_of(LAB, WRONG[name].cells), seed, only=WRONG[name].caught_by)
        assert all(NAMED[name] in one.hint for one in found.values()), [
            one.hint for one in found.values()
        ]


def run_experiment(names: dict, **changed: str) -> None:
    """Run the lab's last experiment, some of its settings replaced, and draw nothing."""
    (cell,) = (cell for cell in LAB.cells if cell.id == "look-at-it")
    source = cell.solution
    for old, new in changed.items():
        before = {"peak": "peak=0.2", "warmup": "warmup=5"}[old]
        assert source.count(before) == 1
        source = source.replace(before, f"{old}={new}")
    exec(compile(source, "<look-at-it>", "exec"), names)
    plt.close("all")


def test_what_is_said_of_the_experiment_holds(monkeypatch, capsys):
    """The curve on the right, as it is, with peak=1.0, and with warmup=200 too, by 21 shuffles."""
    monkeypatch.setattr(plt, "show", lambda: None)
    names = names_of(LAB)
    train, curves = names["train"], []

    def kept(*arguments, **settings):
        answer = train(*arguments, **settings)
        curves.append(answer[2])
        return answer

    names["train"] = kept
    run_experiment(names)
    assert [len(curve) for curve in curves] == [750, 100, 10]
    assert names["result"][4] < 0.15 < 0.5 < names["result"][300]
    left = [line.get_ydata() for line in names["left"].get_lines()[:3]]
    assert [float(line[-1]) < float(line[0]) for line in left] == [True, True, False]
    run_experiment(names, peak="1.0")
    run_experiment(names, peak="1.0", warmup="200")
    assert curves[3].max() > 100 * curves[0].max()
    assert curves[6].max() > 100 * curves[0].max()
    capsys.readouterr()

    X, y = names["X"], names["y"]
    climbs, later = {5: [], 200: []}, []
    for seed in range(21):
        where = []
        for warmup, climb in climbs.items():
            torch.manual_seed(seed)
            w, b, losses = train(X, y, 4, 10, 1.0, warmup)
            climb.append(float(losses.max()))
            where.append(int(losses.argmax()))
            assert names["mean_loss"](X, y, w, b) < 0.16
        later.append(where[1] > where[0])
    short, long = (statistics.median(climb) for climb in climbs.values())
    assert short > 100
    assert long > 100
    assert 0.05 < short / long < 20
    assert sum(later) > 15


def test_a_plot_in_a_cell_costs_nothing_though_solvers_are_withheld():
    book = json.loads(solution_notebook(LAB))
    plot = "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2, 3])\n"
    source = plot + "fig.canvas.draw()\nplt.close(fig)\nprint('drawn')"
    cell = {"cell_type": "code", "id": "plot", "metadata": {}, "outputs": [], "source": source}
    book["cells"].append(cell | {"execution_count": None})
    with Checker(Setup(lab=str(LAB.folder), seed=1)) as checker:
        result = checker.grade("ada", "0" * 64, json.dumps(book).encode())
    assert "drawn" in result.public_output, result.notes
    assert (result.score, result.notes) == (26, [])
