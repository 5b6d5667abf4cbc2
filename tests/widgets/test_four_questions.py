"""The model functions that FourQuestions ships, against scikit-learn, torch and work by hand."""

import re

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import adjusted_rand_score, mean_absolute_error
from sklearn.neighbors import NearestCentroid
from traitlets import TraitError

from introml.data import penguins
from introml.widgets import FourQuestions
from introml.widgets.base import bundle_path, class_of, stem_of

NAME = "FourQuestions"


@pytest.fixture(scope="module")
def clouds():
    """400 random sets of points with labels: (x, y, label), each label there."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(400):
        k = int(rng.integers(1, 6))
        label = np.concatenate([np.arange(k), rng.integers(0, k, size=int(rng.integers(3, 60)))])
        centres = rng.normal(size=(k, 2)) * rng.uniform(0, 20)
        points = centres[label] + rng.normal(size=(len(label), 2)) * rng.uniform(0.5, 4)
        found.append((points[:, 0], points[:, 1], label))
    return found


@pytest.fixture(scope="module")
def birds():
    """x: flipper, y: bill, label: species."""
    X, y = penguins.load()
    return {"x": X[:, 2].tolist(), "y": X[:, 0].tolist(), "label": y.tolist()}


def test_the_points_in_the_bundle_are_the_books_penguins(birds):
    """points.js is a copy, so that the figure needs no second file."""
    text = (bundle_path(NAME, ".mjs").parent.parent / stem_of(NAME) / "points.js").read_text()
    lists = dict(re.findall(r"export const (\w+) = \[(.*?)\];", text, re.S))
    numbers = {
        name: [float(word) for word in re.findall(r"[\d.]+", lists[name])]
        for name in ("FLIPPER", "BILL", "LABEL")
    }
    assert numbers["FLIPPER"] == birds["x"]
    assert numbers["BILL"] == birds["y"]
    assert numbers["LABEL"] == birds["label"]
    assert tuple(re.findall(r'"(\w+)"', lists["SPECIES"])) == penguins.SPECIES
    assert class_of(stem_of(NAME)) == NAME


def test_means_and_nearest_equal_scikit_learns(run_model, clouds):
    centres = run_model(NAME, "means", clouds)
    guesses = run_model(
        NAME, "assign", [(x, y, c) for (x, y, _), c in zip(clouds, centres, strict=True)]
    )
    for (x, y, label), centre, guess in zip(clouds, centres, guesses, strict=True):
        points = np.stack([x, y], 1)
        if label.max() == 0:
            assert centre[0] == pytest.approx(points.mean(0).tolist())
            continue
        model = NearestCentroid().fit(points, label)
        assert np.allclose(centre, model.centroids_, rtol=1e-12, atol=1e-12)
        assert guess == model.predict(points).tolist()


def test_a_label_that_is_missing_is_refused_in_words(run_model):
    (error,) = run_model(NAME, "means", [([1, 2], [1, 2], [0, 2])])
    assert "no point has the label 1" in str(error)


def test_nearest_by_hand(run_model):
    """(0, 0) is 5 from (3, 4) and 2 from (0, −2)."""
    (found,) = run_model(NAME, "nearest", [([0, 0], [[3, 4], [0, -2]])])
    assert found == {"index": 1, "distances": [5, 2]}


def test_lines_equal_torchs_lstsq_and_errors_scikit_learns(run_model, clouds):
    lines = run_model(NAME, "leastSquares", [(x, y) for x, y, _ in clouds])
    for (x, y, _), (w, b) in zip(clouds, lines, strict=True):
        design = torch.stack([torch.tensor(x), torch.ones(len(x), dtype=torch.float64)], 1)
        expected = torch.linalg.lstsq(design, torch.tensor(y)[:, None]).solution[:, 0]
        assert [w, b] == pytest.approx(expected.tolist(), rel=1e-7, abs=1e-8)
    found = run_model(NAME, "meanAbsoluteError", [(x, y) for x, y, _ in clouds])
    for (x, y, _), error in zip(clouds, found, strict=True):
        assert error == pytest.approx(mean_absolute_error(y, x), rel=1e-12)


def test_lloyd_equals_scikit_learns_k_means_from_the_same_start(run_model, clouds):
    """Where sklearn ends in the same basin: with no tolerance, it runs until nothing changes."""
    rng = np.random.default_rng(1)
    cases = []
    for x, y, _ in clouds:
        points = np.stack([x, y], 1)
        k = int(rng.integers(1, min(7, len(points))))
        cases.append((x, y, points[rng.choice(len(points), size=k, replace=False)]))
    emptied = 0
    for (x, y, start), found in zip(cases, run_model(NAME, "lloyd", cases), strict=True):
        points = np.stack([x, y], 1)
        if len(set(found["group"])) < len(start):
            emptied += 1  # sklearn moves an empty group elsewhere
            continue
        model = KMeans(len(start), init=start, n_init=1, tol=0, algorithm="lloyd").fit(points)
        assert np.allclose(found["centres"], model.cluster_centers_, rtol=1e-9, atol=1e-9)
        assert found["group"] == model.labels_.tolist()
        assert found["inertia"] == pytest.approx(model.inertia_, rel=1e-9, abs=1e-9)
    assert emptied < 20


def test_the_best_run_is_as_good_as_scikit_learns_best_of_fifty(run_model, birds):
    cases = [(birds["x"], birds["y"], k) for k in range(2, 7)]
    points = np.array([birds["x"], birds["y"]]).T
    for (_, _, k), found in zip(cases, run_model(NAME, "kMeans", cases), strict=True):
        best = KMeans(k, n_init=50, random_state=0).fit(points)
        assert found["inertia"] <= best.inertia_ * 1.001
        assert np.diff([centre[0] for centre in found["centres"]]).min() > 0


def test_axis_and_projections_equal_scikit_learns_pca(run_model, clouds):
    axes = run_model(NAME, "principalAxis", [(x, y) for x, y, _ in clouds])
    kept = run_model(
        NAME, "keptShare", [(x, y, a) for (x, y, _), a in zip(clouds, axes, strict=True)]
    )
    cases = [([x[0], y[0]], a) for (x, y, _), a in zip(clouds, axes, strict=True)]
    projected = run_model(NAME, "project", cases)
    for (x, y, _), axis, share, put in zip(clouds, axes, kept, projected, strict=True):
        points = np.stack([x, y], 1)
        model = PCA(1).fit(points)
        sign = np.sign(model.components_[0] @ axis["direction"])
        assert axis["direction"][0] >= 0
        assert axis["mean"] == pytest.approx(model.mean_.tolist())
        assert np.allclose(axis["direction"], sign * model.components_[0], atol=1e-7)
        assert share == pytest.approx(model.explained_variance_ratio_[0], rel=1e-9)
        along = model.transform(points[:1])
        assert put["along"] == pytest.approx(sign * along[0, 0], abs=1e-6)
        back = model.inverse_transform(along)[0]
        assert np.allclose(put["foot"], back, atol=1e-6)
        assert put["lost"] == pytest.approx(np.linalg.norm(points[0] - back), abs=1e-6)


def test_the_adjusted_rand_index_equals_scikit_learns(run_model, clouds):
    rng = np.random.default_rng(2)
    cases = [
        (label, rng.permutation(label) if rng.random() < 0.5 else label) for *_, label in clouds
    ]
    cases += [(label, rng.integers(0, 4, size=len(label))) for *_, label in clouds]
    for (a, b), found in zip(cases, run_model(NAME, "adjustedRand", cases), strict=True):
        assert found == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)


def test_accuracy_and_the_commonest_label_by_hand(run_model):
    assert run_model(NAME, "accuracy", [([0, 1, 2, 2], [0, 1, 1, 2])]) == [0.75]
    assert run_model(NAME, "commonest", [([2, 0, 2],), ([1, 0],)]) == [2, 0]


def test_regions_hold_exactly_what_is_nearest(run_model, clouds):
    """Each of 50 random places lies in the polygon of its nearest centre and in no other."""
    from matplotlib.path import Path

    rng = np.random.default_rng(3)
    box = {"x": [-30.0, 30.0], "y": [-20.0, 20.0]}
    cases = [(rng.uniform(-20, 20, size=(int(rng.integers(1, 7)), 2)), box) for _ in range(100)]
    places = rng.uniform([-30, -20], [30, 20], size=(50, 2))
    for (centres, _), polygons in zip(cases, run_model(NAME, "regions", cases), strict=True):
        distance = np.linalg.norm(places[:, None] - centres, axis=2)
        clear = np.sort(distance, 1)
        sure = np.ones(len(places), bool) if len(centres) == 1 else clear[:, 1] - clear[:, 0] > 1e-6
        for k, corners in enumerate(polygons):
            inside = (
                Path([*corners, corners[0]], closed=True).contains_points(places)
                if len(corners) > 2
                else np.zeros(len(places), bool)
            )
            assert (inside == (distance.argmin(1) == k))[sure].all()


def test_shuffling_keeps_each_column_and_the_labels(run_model, birds):
    (mixed,) = run_model(NAME, "shuffled", [(birds, 1)])
    assert sorted(mixed["x"]) == sorted(birds["x"])
    assert sorted(mixed["y"]) == sorted(birds["y"])
    assert mixed["label"] == birds["label"]
    assert abs(np.corrcoef(mixed["x"], mixed["y"])[0, 1]) < 0.2
    assert abs(np.corrcoef(mixed["x"], birds["x"])[0, 1]) < 0.2


def expected_answers(points, k):
    """The four scores and baselines, by scikit-learn."""
    x, y, label = (np.array(points[name]) for name in ("x", "y", "label"))
    aside = np.arange(len(x)) % 3 == 2
    both = np.stack([x, y], 1)
    seen, label_seen = both[~aside], label[~aside]
    usual = np.bincount(label_seen).argmax()
    line = LinearRegression().fit(x[~aside, None], y[~aside])
    clusters = KMeans(k, n_init=50, random_state=0).fit(seen)
    pca = PCA(1).fit(seen)
    away = both[aside] - seen.mean(0)
    kept = (away @ pca.components_[0]) ** 2
    return {
        "classification": (
            NearestCentroid().fit(seen, label_seen).score(both[aside], label[aside]),
            (label[aside] == usual).mean(),
        ),
        "regression": (
            abs(line.predict(x[aside, None]) - y[aside]).mean(),
            abs(y[~aside].mean() - y[aside]).mean(),
        ),
        "clustering": (adjusted_rand_score(label[aside], clusters.predict(both[aside])), 0),
        "reduction": (
            kept.sum() / (away**2).sum(),
            (away[:, 0] ** 2).sum() / (away**2).sum(),
        ),
    }


def test_scores_and_baselines_of_the_penguins_equal_scikit_learns(run_model, birds):
    (mixed,) = run_model(NAME, "shuffled", [(birds, 1)])
    for points in (birds, mixed):
        (found,) = run_model(NAME, "answers", [(points, 3)])
        for task, (score, baseline) in expected_answers(points, 3).items():
            tolerance = 0.02 if task == "clustering" and points is mixed else 1e-9
            assert found[task]["score"] == pytest.approx(score, abs=tolerance), task
            assert found[task]["baseline"] == pytest.approx(baseline, abs=1e-9), task
    # 228 are seen and 114 put aside, as the read-out says.
    (parts,) = run_model(NAME, "split", [(birds,)])
    assert [len(parts[name]["x"]) for name in ("seen", "aside")] == [228, 114]


def readout(stills, widget):
    """The sentence below the picture, drawn without a browser."""
    traits = {name: getattr(widget, name) for name in (*widget.public_traits(), "_forms")}
    bundle = str(bundle_path(NAME, ".mjs"))
    html = stills.ask({"bundle": bundle, "anchor": "a", "state": traits})["html"]
    return re.search(r'data-readout=""[^>]*>([^<]*)', html)[1]


def test_the_sentence_has_the_numbers_of_scikit_learn(stills, birds):
    points = np.array([birds["x"], birds["y"]]).T[np.arange(342) % 3 != 2]
    widget = FourQuestions(answer=True, flipper=220, bill=40)
    own = np.array([[widget.flipper, widget.bill]])
    assert "the answer is Gentoo. Of 114 penguins put aside, 92% are named right" in readout(
        stills, widget
    )
    widget.task = "regression"
    guess = LinearRegression().fit(points[:, :1], points[:, 1]).predict(own[:, :1])[0]
    sentence = readout(stills, widget)
    assert f"a bill of {guess:.1f} mm" in sentence
    assert f"off by {guess - 40:.1f} mm. On 114 penguins" in sentence
    widget.task = "reduction"
    along = abs(PCA(1).fit(points).transform(own)[0, 0])
    assert f"one number, {along:.1f} mm along" in readout(stills, widget)
    widget.task = "clustering"
    assert "yours joins group 3" in readout(stills, widget)
    widget.shuffled = True
    assert "The model answers all the same." in readout(stills, widget)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        *(("task", "transfer"), ("answer", 1), ("flipper", 100), ("bill", float("nan"))),
        *(("groups", 1), ("groups", 2.5), ("shuffled", "yes")),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = FourQuestions()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
