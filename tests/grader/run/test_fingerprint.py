"""What decides a grade beside the lab: a byte of the grader's code, a package. What does not."""

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from tiny import FOLDER, copy_of_tiny, notebook, tiny, written

from introml.book.paths import PACKAGE, ROOT
from introml.grader.lab.lab import load_lab
from introml.grader.run.fingerprint import Fingerprint, files_used

#: Everything that a checker, a template, a box and a student's process have of this package.
RUNNING = """
import sys
import introml.grader.checks, introml.grader.run.checker as checker
import introml.grader.box.template_process, introml.grader.box.bwrap
import introml.grader.wire.student_process, introml.grader.wire.withdrawal
with checker.Checker(checker.Setup({lab!r}, 1)) as one:
    assert one.grade("ada", "0", {notebook!r}).score > 0
for name, module in sys.modules.items():
    if name.partition(".")[0] == "introml":
        print(module.__file__)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package's code, in a folder of its own."""
    root = tmp_path_factory.mktemp("copy")
    left_out = shutil.ignore_patterns("__pycache__", "dist")
    shutil.copytree(PACKAGE, root / "introml", ignore=left_out)
    return root


def grader_of(root):
    return Fingerprint.of(tiny(), root).grader


def changed_by(root, name):
    """Whether one more byte in a file of the package is seen, and its going again."""
    before, path = grader_of(root), root / "introml" / name
    was = path.read_bytes()
    path.write_bytes(was + b"\n")
    after = grader_of(root)
    path.write_bytes(was)
    assert grader_of(root) == before
    return after != before


def test_a_copy_has_the_fingerprint_of_the_original(package):
    assert Fingerprint.of(tiny(), package) == Fingerprint.of(tiny())


@pytest.mark.parametrize(
    "name",
    [
        "grader/checks/checks.py",
        "grader/run/outcome.py",
        "grader/notebook/library_answers.py",
        "grader/lab/settings.py",
        "grader/box/template_process.py",  # started by its name
        "grader/box/seccomp.py",
        "grader/wire/student_process.py",
        "grader/wire/values.py",
        "grader/results/results.py",
        "grader/results/feedback.html.j2",
        "grader/checks/__init__.pyi",
        "book/paths.py",
    ],
)
def test_a_byte_of_what_grades_decides(package, name):
    assert changed_by(package, name)


@pytest.mark.parametrize(
    "name",
    [
        "hub/web/teacher.py",
        "hub/web/static/hub.css",
        "hub/queue/worker.py",
        "widgets/gradient_descent/__init__.py",
        "widgets/gradient_descent/model.js",
        "site/extension.py",
        "grader/student/hand_in.py",
        "grader/authoring/lab_test.py",
        "grader/run/progress_bar.py",
    ],
)
def test_a_byte_of_what_does_not_grade_decides_nothing(package, name):
    assert not changed_by(package, name)


def test_a_module_that_a_labs_checks_import_decides(package, tmp_path):
    def checks(text):
        return text + "from introml.attention import attention\n"

    lab = load_lab(copy_of_tiny(tmp_path, hidden_checks_py=checks))
    before = Fingerprint.of(lab, package)
    path = package / "introml" / "attention.py"
    was = path.read_bytes()
    path.write_bytes(was + b"\n")
    assert Fingerprint.of(lab, package) != before
    path.write_bytes(was)
    assert not changed_by(package, "attention.py")


def test_what_runs_while_a_submission_is_graded_is_among_the_files():
    program = RUNNING.format(lab=str(FOLDER), notebook=written(notebook()))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    assert len(loaded) > 30
    assert loaded - set(map(str, files_used(tiny())[0])) == set()


def test_nothing_is_read_again_while_nothing_has_changed():
    assert Fingerprint.of(tiny()) is Fingerprint.of(tiny())


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """A lab whose checks use a small package, and a function that installs a version of that."""
    place = tmp_path / "packages"
    monkeypatch.syspath_prepend(str(place))

    def install(version, files="a1", needs="smaller_needs"):
        shutil.rmtree(place, ignore_errors=True)
        for name, required in (("smaller", needs), ("smaller_needs", "smaller")):
            info = place / f"{name}-{version}.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                f"Requires-Dist: {required} (>=1); python_version > '3'\n"
                "Requires-Dist: never_there\nRequires-Dist: pytest; extra == 'test'\n"
            )
            (info / "RECORD").write_text(
                f"{name}.py,sha256={files},1\n{info.name}/INSTALLER,sha256={version},1\n"
                f"__pycache__/{name}.pyc,,\n../../../bin/{name},sha256={version},1\n"
            )

    lab = load_lab(copy_of_tiny(tmp_path, checks_py=lambda text: "import smaller\n" + text))
    return lab, install


def test_another_version_of_a_package_decides(packaged):
    lab, install = packaged
    install("1.0")
    before = Fingerprint.of(lab)
    assert before.packages["smaller"].startswith("1.0 ")
    assert before.packages["smaller_needs"].startswith("1.0 ")  # required, not imported
    assert not {"pytest", "never_there"} & before.packages.keys()
    assert before.packages["torch"].startswith(__import__("torch").__version__)
    install("1.1")
    after = Fingerprint.of(lab)
    assert after.packages["smaller"].startswith("1.1 ")
    assert after == replace(before, packages=after.packages) != before


def test_other_files_under_the_same_version_decide(packaged):
    lab, install = packaged
    install("1.0")
    before = Fingerprint.of(lab)
    install("1.0", files="b2")
    after = Fingerprint.of(lab)
    assert after.packages["smaller"].split()[0] == before.packages["smaller"].split()[0]
    assert after != before
    install("1.0")
    assert Fingerprint.of(lab) == before


def test_a_package_that_nothing_of_it_uses_decides_nothing(packaged):
    lab, install = packaged
    install("1.0")
    assert "smaller" not in Fingerprint.of(tiny()).packages
    assert not {"jupyterhub", "fastapi", "ruff", "pytest"} & Fingerprint.of(lab).packages.keys()
