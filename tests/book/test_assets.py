"""Where data lies: in a checkout, in an installed package, and what to do when it is missing."""

import pytest

from introml.book import assets
from introml.book.assets import asset
from introml.book.paths import ROOT


@pytest.fixture
def roots(tmp_path, monkeypatch):
    """The two places where assets can be, both empty: in the package, in the checkout."""
    found = (tmp_path / "introml" / "_assets", tmp_path / "assets")
    for root in found:
        (root / "data").mkdir(parents=True)
    monkeypatch.setattr(assets, "_ROOTS", found)
    return found


@pytest.mark.parametrize("place", [0, 1])
def test_a_file_is_found_in_a_package_and_in_a_checkout(roots, place):
    path = roots[place] / "data" / "x.npz"
    path.write_bytes(b"x")
    assert asset("data/x.npz") == path


def test_a_folder_is_found_too(roots):
    assert asset("data") == roots[0] / "data"


def test_a_missing_file_is_named_with_the_command_that_brings_it(roots):
    with pytest.raises(FileNotFoundError) as caught:
        asset("data/x.npz")
    assert "assets/data/x.npz is missing" in str(caught.value)
    assert "`git checkout -- assets/data/x.npz`" in str(caught.value)


def test_the_books_own_data_are_found():
    assert asset("recordings/attention.json").is_file()
    assert asset("data").is_dir()


def test_the_installed_package_takes_along_what_the_code_asks_for():
    import tomllib

    project = ROOT / "pyproject.toml"
    wheel = tomllib.loads(project.read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {
        f"assets/{name}": f"introml/_assets/{name}" for name in ("data", "facts", "recordings")
    }
