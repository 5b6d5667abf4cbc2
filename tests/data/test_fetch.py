"""Fetching whole sets: from a server on loopback, from a broken one, and without a network."""

import gzip
import hashlib
import threading
import warnings
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pooch
import pytest
import requests
import torch

from introml.data import fashion_mnist, images, mnist
from introml.data.fetch import cache_folder, fetch
from introml.data.images import read_idx

N = {"train": 60, "t10k": 10}


def idx(array: np.ndarray) -> bytes:
    """A gzipped IDX file, written from the format's description."""
    header = bytes([0, 0, 8, array.ndim])
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + sizes + array.tobytes(), mtime=0)


@pytest.fixture(scope="module")
def arrays():
    random = np.random.default_rng(0)
    return {
        file: random.integers(0, 10 if "labels" in file else 256, shape).astype(np.uint8)
        for prefix, n in N.items()
        for file, shape in {
            f"{prefix}-images-idx3-ubyte.gz": (n, 28, 28),
            f"{prefix}-labels-idx1-ubyte.gz": (n,),
        }.items()
    }


@pytest.fixture
def server(arrays):
    """A mirror on loopback; `files` is what it serves, `requested` what it was asked for."""

    class Mirror(BaseHTTPRequestHandler):
        files = {name: idx(array) for name, array in arrays.items()}
        requested = []

        def do_GET(self):
            name = self.path.rpartition("/")[2]
            self.requested.append(name)
            self.send_response(200 if name in self.files else 404)
            self.end_headers()
            self.wfile.write(self.files.get(name, b"no such file"))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        Mirror.url = f"http://127.0.0.1:{http.server_port}/set/"
        yield Mirror
        http.shutdown()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("INTROML_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def small_mnist(monkeypatch, server):
    """MNIST as `mnist.load` sees it, but on the loopback server."""
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in server.files.items()}
    small = replace(mnist.MNIST, mirrors=(server.url,), sha256=sha256)
    monkeypatch.setattr(mnist, "MNIST", small)
    return small


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise requests.exceptions.ConnectionError("the network is unreachable")

    monkeypatch.setattr(pooch, "retrieve", refuse)


def test_whole_set_comes_from_the_mirror(small_mnist, arrays):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for split, prefix in [("train", "train"), ("test", "t10k")]:
            X, y = mnist.load(split, full=True)
            pixels = arrays[f"{prefix}-images-idx3-ubyte.gz"]
            assert torch.equal(X, torch.from_numpy(pixels / np.float32(255)))
            assert y.dtype == torch.int64
            assert y.tolist() == arrays[f"{prefix}-labels-idx1-ubyte.gz"].tolist()


def test_files_are_fetched_once_into_the_named_folder(small_mnist, server, cache):
    mnist.load("train", full=True)
    mnist.load("test", full=True)
    assert sorted(server.requested) == sorted(small_mnist.sha256)
    assert {path.name for path in (cache / "mnist").iterdir()} == set(small_mnist.sha256)


def test_kept_files_serve_without_a_network(small_mnist, server):
    mnist.load(full=True)
    server.files = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(mnist.load(full=True)[0]) == N["train"]


def test_damaged_kept_file_is_fetched_again(small_mnist, cache):
    mnist.load(full=True)
    (cache / "mnist" / "train-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    assert len(mnist.load(full=True)[1]) == N["train"]


@pytest.mark.parametrize(("module", "n"), [(mnist, 8000), (fashion_mnist, 5000)])
def test_without_a_network_one_warning_and_the_embedded_set(no_network, module, n):
    with pytest.warns(UserWarning, match="could not be fetched") as caught:
        X, y = module.load(full=True)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "load(full=True)" in message
    assert "INTROML_DATA" in message
    assert "the network is unreachable" in message
    assert caught[0].filename == __file__, "the warning points at the caller"
    assert torch.equal(X, module.load()[0])
    assert len(y) == n


def test_missing_file_on_the_mirror_gives_the_embedded_set(small_mnist, server):
    # All four or none: the book's test images lie within the whole training set.
    del server.files["t10k-labels-idx1-ubyte.gz"]
    with pytest.warns(UserWarning, match="404"):
        assert len(mnist.load("train", full=True)[0]) == 8000


def test_wrong_checksum_is_an_error_and_nothing_is_kept(small_mnist, server, cache):
    server.files = server.files | {"train-images-idx3-ubyte.gz": b"<html>Log in</html>"}
    with pytest.raises(ValueError, match=r"train-images.*does not have the SHA-256"):
        mnist.load(full=True)
    assert not list(cache.rglob("train-images*"))


def test_second_mirror_stands_in_for_a_broken_one(small_mnist, server, monkeypatch):
    bad = "http://127.0.0.1:9/"  # the discard port: nothing listens there
    monkeypatch.setattr(mnist, "MNIST", replace(small_mnist, mirrors=(bad, server.url)))
    assert len(mnist.load(full=True)[0]) == N["train"]


def test_right_mirror_after_a_wrong_one_is_used(small_mnist, server, monkeypatch):
    attempts = []
    retrieve = pooch.retrieve

    def first_mirror_lies(url, *arguments, **settings):
        attempts.append(url)
        if url.startswith("http://lies.example/"):
            raise ValueError("SHA256 hash does not match")
        return retrieve(url, *arguments, **settings)

    monkeypatch.setattr(pooch, "retrieve", first_mirror_lies)
    two = replace(small_mnist, mirrors=("http://lies.example/", server.url))
    monkeypatch.setattr(mnist, "MNIST", two)
    assert len(mnist.load(full=True)[0]) == N["train"]
    assert len(attempts) == 8


def test_unreachable_mirrors_are_named():
    with pytest.raises(OSError, match=r"x\.gz could not be fetched.*127\.0\.0\.1:9"):
        fetch("set", ["http://127.0.0.1:9/"], {"x.gz": "0" * 64})


def test_cache_folder_is_the_systems_unless_named(monkeypatch, cache):
    assert cache_folder() == cache
    monkeypatch.delenv("INTROML_DATA")
    assert cache_folder() == pooch.os_cache("introml")


@pytest.mark.parametrize("module", [mnist.MNIST, fashion_mnist.FASHION_MNIST])
def test_the_four_official_files_have_sha256_sums(module):
    expected = {f"{p}-{k}-ubyte.gz" for p in N for k in ("images-idx3", "labels-idx1")}
    assert set(module.sha256) == expected
    assert all(len(bytes.fromhex(sum_)) == 32 for sum_ in module.sha256.values())
    assert all(mirror.endswith("/") for mirror in module.mirrors)


def test_idx_is_read_by_its_description(tmp_path):
    path = tmp_path / "a.gz"
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path.write_bytes(idx(array))
    assert np.array_equal(read_idx(path), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no IDX file"),
        (b"<html>", "begins with 3c 68 74 6d"),
        (bytes([0, 0, 13, 1, 0, 0, 0, 0]), "no IDX file of bytes"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 5, 1, 2]), r"holds 2 numbers; its sizes \[5\] need 5"),
    ],
)
def test_broken_idx_is_refused(tmp_path, content, message):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=message):
        images.read_idx(path)
