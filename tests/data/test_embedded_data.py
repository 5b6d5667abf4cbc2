"""The data inside the book: form, split, licences, and the sums in assets/data/README.md."""

import hashlib
import re

import numpy as np
import pytest
import torch

from introml.book import assets
from introml.book.assets import asset
from introml.book.paths import ROOT
from introml.data import fashion_mnist, mnist, shakespeare

FOLDER = ROOT / "assets" / "data"
FILES = sorted(
    path.name
    for path in FOLDER.iterdir()
    if path.name != "README.md" and not path.name.startswith(".")
    if not path.name.endswith(".LICENSE.txt")
)
IMAGE_SETS = {"mnist": (mnist, 8000, 2000), "fashion": (fashion_mnist, 5000, 1000)}


@pytest.fixture(params=IMAGE_SETS)
def image_set(request):
    return IMAGE_SETS[request.param]


def test_every_row_of_the_readme_is_of_a_file():
    rows = re.findall(r"^\| `([^`]+)` \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == FILES


@pytest.mark.parametrize("file", FILES)
def test_file_has_the_sum_that_the_readme_states_and_a_licence_beside_it(file):
    path = asset(f"data/{file}")
    row = re.search(
        rf"`{re.escape(file)}`.*`([0-9a-f]{{64}})`", asset("data/README.md").read_text()
    )
    assert row, f"assets/data/README.md has no row with the SHA-256 of {file}"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row[1]
    licence = path.with_name(f"{path.stem}.LICENSE.txt").read_text()
    assert re.search("MIT License|Creative Commons", licence)


def test_images_have_the_stated_form(image_set):
    module, n_train, n_test = image_set
    for split, n in [("train", n_train), ("test", n_test)]:
        X, y = module.load(split)
        assert X.shape == (n, 28, 28)
        assert X.dtype == torch.float32
        assert y.shape == (n,)
        assert y.dtype == torch.int64
        assert X.min() == 0
        assert X.max() == 1
        assert y.unique().tolist() == list(range(len(module.CLASSES)))


def test_pixels_are_the_files_bytes_over_255(image_set):
    module, n_train, _ = image_set
    name = "mnist-10k.npz" if module is mnist else "fashion-mnist-6k.npz"
    with np.load(asset(f"data/{name}"), allow_pickle=False) as arrays:
        x, y = arrays["x"], arrays["y"]
    X_train, y_train = module.load("train")
    X_test, y_test = module.load("test")
    assert torch.equal(X_train, torch.from_numpy(x[:n_train] / np.float32(255)))
    assert torch.equal(X_test, torch.from_numpy(x[n_train:] / np.float32(255)))
    assert torch.cat([y_train, y_test]).tolist() == y.tolist()


def test_no_test_image_is_a_training_image(image_set):
    module, *_ = image_set
    train = {image.numpy().tobytes() for image in module.load("train")[0]}
    assert not any(image.numpy().tobytes() in train for image in module.load("test")[0])


def test_mnist_counts_are_those_of_the_first_training_images():
    labels = torch.cat([mnist.load("train")[1], mnist.load("test")[1]])
    assert labels.bincount().tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]


def test_a_nearest_mean_classifier_learns_from_the_images(image_set):
    # A check that images and labels belong together: shuffled labels would give one in ten.
    module, *_ = image_set
    (X, y), (X_test, y_test) = module.load("train"), module.load("test")
    means = torch.stack([X[y == label].mean(0) for label in range(10)]).flatten(1)
    guesses = torch.cdist(X_test.flatten(1), means).argmin(1)
    assert (guesses == y_test).float().mean() > 0.6


def test_first_fashion_image_is_an_ankle_boot():
    assert fashion_mnist.CLASSES[fashion_mnist.load()[1][0]] == "Ankle boot"


def test_images_go_to_the_device_asked_for(image_set):
    module, *_ = image_set
    X, y = module.load("test", device="meta")
    assert X.device.type == y.device.type == "meta"


@pytest.mark.parametrize("split", ["valid", "Train", None])
def test_unknown_split_is_refused(image_set, split):
    with pytest.raises(ValueError, match='must be "train" or "test"'):
        image_set[0].load(split)


def test_missing_file_names_the_command_that_brings_it(image_set, monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "_ROOTS", (tmp_path,))
    with pytest.raises(FileNotFoundError, match="git checkout -- assets/data/"):
        image_set[0].load()
    with pytest.raises(FileNotFoundError, match="git checkout -- assets/data/shakespeare"):
        shakespeare.load()


def test_pickled_data_is_refused(image_set, monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("mnist-10k.npz", "fashion-mnist-6k.npz"):
        np.savez(tmp_path / "data" / name, x=np.array([{"run": "me"}]), y=np.zeros(1))
    monkeypatch.setattr(assets, "_ROOTS", (tmp_path,))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        image_set[0].load()


def test_shakespeare_is_seven_whole_plays():
    text = shakespeare.load()
    assert len(text) == 940_218
    assert len(set(text)) == 76
    assert text.isascii()
    assert text.count("by William Shakespeare") == len(shakespeare.PLAYS) == 7
    lines = ["To be, or not to be", "Out, out, brief candle", "Blow, winds", "green-ey'd monster"]
    lines += ["wherefore art thou Romeo", "Et tu, Brute", "We are such stuff"]
    places = [text.lower().find(line.lower()) for line in lines]
    assert -1 not in places
    assert places == sorted(places)
