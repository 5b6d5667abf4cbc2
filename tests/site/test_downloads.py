"""Pages as plain notebooks: what JupyterLab cannot read is written as ordinary Markdown."""

import nbformat
import pytest

from introml.site.downloads import Names, plain_lines, plain_notebook


@pytest.fixture
def names():
    return Names(
        "chapters/ml-basics/gradient-descent",
        labels={
            "sec-convolution": ("chapters/cnn/convolution", "Convolution"),
            "fig-path": ("chapters/ml-basics/gradient-descent", "Figure 2"),
            "ex-bound": ("chapters/ml-basics/gradient-descent", "Exercise 3"),
            "page:chapters/ml-basics/learning-rate": ("chapters/ml-basics/learning-rate", "Rates"),
        },
        equations={"eq-step": "4"},
        citations={"kingma2015adam": ("Kingma and Ba", "2015")},
        values={"loss": 0.12345},
    )


@pytest.mark.parametrize(
    ("myst", "plain"),
    [
        ("See {ref}`sec-convolution`.", "See [Convolution](../cnn/convolution.ipynb)."),
        ("See {ref}`there <sec-convolution>`.", "See [there](../cnn/convolution.ipynb)."),
        ("In {ref}`fig-path`", "In Figure 2"),
        ("{doc}`/chapters/ml-basics/learning-rate`", "[Rates](learning-rate.ipynb)"),
        ("by {eq}`eq-step`", "by (4)"),
        ("{cite:t}`kingma2015adam` say", "Kingma and Ba (2015) say"),
        ("so {cite:p}`kingma2015adam`", "so (Kingma and Ba, 2015)"),
        ("a {term}`learning rate`", "a learning rate"),
        ("{term}`rates <learning rate>`", "rates"),
        ("is {glue:text}`loss:.2f`", "is 0.12"),
        ("`{ref}` in code stays", "`{ref}` in code stays"),
    ],
)
def test_roles_become_words_and_links(myst, plain, names):
    assert plain_lines([myst], names) == [plain]


@pytest.mark.parametrize(
    ("myst", "expected"),
    [
        (":::{caption} fig-path\nThe *path*.\n:::", "**Figure 2.** The *path*."),
        ("```{math}\n:label: eq-step\nx = 1\n```", "$$\nx = 1\n \\tag{4}\n$$"),
        (":::{margin}\nAside.\n:::", "> Aside."),
        ("```{exercise-start}\n:label: ex-bound\n```", "**Exercise 3.**"),
        ("```{solution-start} ex-bound\n:class: dropdown\n```", "**Solution to exercise 3.**"),
        ("(sec-x)=\n# Title", "# Title"),
        ("::::{container} a\n:::{container} b\nText.\n:::\n::::", "Text."),
        ("```python\n{ref}`sec-convolution`\n```", "```python\n{ref}`sec-convolution`\n```"),
    ],
)
def test_directives_become_ordinary_markdown(myst, expected, names):
    assert "\n".join(plain_lines(myst.split("\n"), names)).strip() == expected


def test_self_check_keeps_question_answers_and_replies(names):
    myst = ":::{self-check} Which?\n- [ ] One.\n\n  No.\n- [x] Two.\n\n  Yes.\n:::"
    text = "\n".join(plain_lines(myst.split("\n"), names))
    assert "**Which?**" in text
    assert "- One.\n- Two." in text
    assert "1. *wrong.* No.\n2. *right.* Yes." in text


def test_quoted_values_come_from_the_notebooks_own_outputs(names):
    output = nbformat.v4.new_output(
        "display_data",
        data={"application/papermill.record/text/plain": "0.5"},
        metadata={"scrapbook": {"name": "rate", "mime_prefix": "application/papermill.record/"}},
    )
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("glue(rate=0.5)", outputs=[output]),
            nbformat.v4.new_markdown_cell("The rate is {glue:text}`rate:.3f`."),
            nbformat.v4.new_markdown_cell("(sec-only-a-target)="),
        ]
    )
    cells = plain_notebook(notebook, names).cells
    assert [cell.source for cell in cells] == ["glue(rate=0.5)", "The rate is 0.500."]
