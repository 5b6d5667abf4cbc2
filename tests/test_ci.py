"""A forge runs what `.ci/run` runs, and a commit is checked by what `make lint` checks."""

import re

import yaml

from introml.book.paths import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
PINNED = re.compile(r"[\w-]+/[\w-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})")


def steps():
    (job,) = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"].values()
    return job["steps"]


def test_the_forge_runs_ci_run_and_nothing_else_of_the_project():
    commands = [step["run"] for step in steps() if "run" in step]
    assert commands[-1] == ".ci/run"
    assert all(re.fullmatch(r"apt-get update && apt-get install [\w -]+", c) for c in commands[:-1])
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_actions_are_pinned():
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert [one for one in used if not PINNED.fullmatch(one)] == []


def test_no_address_of_a_package_index_is_written_down():
    assert "://" not in WORKFLOW.read_text(encoding="utf-8")


def test_a_commit_is_checked_by_make_lint_with_what_is_installed_here():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = config["repos"]
    assert repository["repo"] == "local"
    (hook,) = repository["hooks"]
    assert (hook["entry"], hook["language"]) == ("make lint", "system")
    assert not hook["pass_filenames"]


def test_what_make_lint_calls_is_what_the_tests_call():
    """CI and a commit judge style by one measure."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lint = re.search(r"^lint:.*\n\t@(.+)$", makefile, re.MULTILINE)[1]
    runner = (ROOT / "tests" / "run.sh").read_text(encoding="utf-8")
    called = re.findall(r'^run "(?:style|types): [^"]+" (.+)$', runner, re.MULTILINE)
    plain = [re.sub(r" --(quiet|colors=off)", "", one).removesuffix(" .") for one in called]
    asked = [one.replace("$(WITH_NODE) ", "").removesuffix(" .") for one in lint.split(" && ")]
    assert asked == plain
