"""lab.md: what its cells become, and what is said of a lab.md that is not as it must be."""

import pytest
from tiny import copy_of_tiny, tiny

from introml.grader.lab.lab import load_lab
from introml.grader.lab.source import Kind, LabError, read_cells


def test_cells_have_their_kinds_and_lines():
    lab = tiny()
    kinds = {cell.id: cell.kind for cell in lab.cells if cell.is_code}
    assert kinds == {
        "imports": Kind.LOCKED, "loss": Kind.ANSWER, "gradient": Kind.ANSWER,
        "descent": Kind.ANSWER, "training": Kind.EXPERIMENT, "check-all": Kind.CHECK,
    }  # fmt: skip
    lines = (lab.folder / "lab.md").read_text().splitlines()
    for cell in lab.cells:
        assert lines[cell.line - 1] == cell.source.split("\n")[0]


def test_a_starter_has_the_hint_and_raises():
    assert tiny().answers["loss"].starter == (
        "def loss(w, x, y):\n"
        '    """Mean squared error: w (d,), x (n, d), y (n,) -> ()."""\n'
        "    # The residuals are x @ w - y; average their squares.\n"
        "    raise NotImplementedError"
    )


def test_a_solution_has_no_marks():
    solution = tiny().answers["descent"].solution
    assert "SOLUTION" not in solution
    assert "self.w = self.w - self.rate * gradient(self.w, x, y)" in solution


def test_several_regions_each_have_their_hint(tmp_path):
    def twice(text):
        return text.replace(
            "        self.w = torch.zeros(dimensions)\n",
            "        ### BEGIN SOLUTION hint: Begin at zero.\n"
            "        self.w = torch.zeros(dimensions)\n"
            "        ### END SOLUTION\n",
        )

    cell = load_lab(copy_of_tiny(tmp_path, lab_md=twice)).answers["descent"]
    assert cell.starter.count("raise NotImplementedError") == 2
    assert cell.starter.index("# Begin at zero.") < cell.starter.index("# Move against")
    assert "torch.zeros" not in cell.starter
    assert "self.rate = rate" in cell.starter


def test_a_long_hint_is_broken_into_lines_that_a_page_shows(tmp_path):
    hint = "Average " + "and average " * 12 + "the squares."
    folder = copy_of_tiny(
        tmp_path,
        lab_md=lambda text: text.replace(
            "The residuals are x @ w - y; average their squares.", hint
        ),
    )
    cell = load_lab(folder).answers["loss"]
    for text in (cell.starter, cell.nbgrader_source):
        comments = [line for line in text.split("\n") if line.startswith("    # ")]
        assert len(comments) > 1
        assert max(map(len, comments)) <= 72
        assert " ".join(line.removeprefix("    # ") for line in comments) == hint


def test_a_lab_survives_jupytext(tmp_path):
    """Opened and saved in JupyterLab, a lab.md means the same."""
    import jupytext

    folder = copy_of_tiny(tmp_path)
    before = read_cells(folder / "lab.md")
    notebook = jupytext.read(folder / "lab.md")
    jupytext.write(notebook, folder / "lab.md", fmt="md:myst")
    after = read_cells(folder / "lab.md")
    assert [(x.id, x.kind, x.source) for x in before] == [(x.id, x.kind, x.source) for x in after]


BAD = {
    "no hint": (" hint: The residuals are x @ w - y; average their squares.", "", "needs a hint"),
    "no end": ("    return (tiny_solution_residuals**2).mean()\n    ### END SOLUTION\n", "",
               "has no `### END SOLUTION`"),
    "a mark of another form": ("    ### END SOLUTION\n```\n\n+++", "    # end solution\n```\n\n+++",
                               "each alone on its line"),
    "an end without a begin": ("import torch\n", "import torch\n### END SOLUTION\n",
                               "must alternate"),
    "an unknown tag": ("tags: [locked]", "tags: [lokced]", "allowed are locked, answer"),
    "an unknown option": (":tags: [locked]", ":tags: [locked]\n:points: 3",
                          "unknown cell option 'points'"),
    "no grade_id": (":grade_id: loss\n", "", "grade_id is None"),
    "a bad grade_id": (":grade_id: loss\n", ":grade_id: The Loss\n", "grade_id is 'The Loss'"),
    "a grade_id twice": (":grade_id: loss\n", ":grade_id: imports\n", "is also that of line 20"),
    "an answer without a region": (":tags: [locked]", ":tags: [answer]", "has no `### BEGIN"),
    "a region without the tag": (":grade_id: loss\n:tags: [answer]",
                                 ":grade_id: loss\n:tags: [locked]", "tag it `answer`"),
    "a region outside of a function": (
        "import torch\n```", "import torch\n```\n\n```{code-cell} ipython3\n:grade_id: rate\n"
        ":tags: [answer]\n\n### BEGIN SOLUTION hint: small\nrate = 0.1\n### END SOLUTION\n```",
        "stands outside of a function"),
    "a solution that is not Python": ("    return 2 * x.T @", "    return 2 * x.T @@",
                                      "lab.md:54: cell 'gradient' is not Python: invalid syntax"),
    "a role": ("takes steps of", "takes {ref}`steps` of", "a role cannot be shown"),
    "a directive": ("Try it on", ":::{note}\nHm.\n:::\n\nTry it on", "a directive cannot"),
    "a label": ("## The loss", "(sec-loss)=\n## The loss", "a label cannot"),
    "a picture": ("Try it on", "![A plot](plot.png) Try it on", "an image cannot"),
    "a mark in a text": ("Try it on", "The ### BEGIN SOLUTION. Try it on", "not in text"),
    "no title": ("# Least squares by hand", "Least squares by hand", "`# Title`"),
    "options that are not YAML": (":tags: [locked]", ":tags: [locked", "cannot be read"),
    "no front matter": ("---\njupytext", "jupytext", "front matter"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said(tmp_path, name):
    old, new, said = BAD[name]

    def change(text):
        assert old in text
        return text.replace(old, new, 1)

    folder = copy_of_tiny(tmp_path, lab_md=change)
    with pytest.raises(LabError) as caught:
        load_lab(folder)
    assert said in str(caught.value)
    assert str(folder / "lab.md") in str(caught.value)


def test_a_problem_has_its_line(tmp_path):
    folder = copy_of_tiny(tmp_path, lab_md=lambda text: text.replace(" hint: Move", " Move"))
    with pytest.raises(LabError) as caught:
        load_lab(folder)
    lines = (folder / "lab.md").read_text().splitlines()
    assert "BEGIN SOLUTION Move" in lines[caught.value.line - 1]


def test_a_region_of_an_experiment_may_stand_outside_of_a_function(tmp_path):
    def change(text):
        old = "descent = Descent(2)\n"
        assert old in text
        new = f"### BEGIN SOLUTION hint: Two weights.\n{old}### END SOLUTION\n"
        return text.replace(old, new).replace("[experiment]", "[experiment, answer]")

    lab = load_lab(copy_of_tiny(tmp_path, lab_md=change))
    assert lab.answers["training"].kind is Kind.EXPERIMENT
    assert "# Two weights.\nraise NotImplementedError" in lab.answers["training"].starter
