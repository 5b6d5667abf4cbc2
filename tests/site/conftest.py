"""A book of three pages, executed and written once: what the site's own directives make of it."""

import pytest
from whole_books import Book, new_book

from introml.site.build import write_pages
from introml.site.execute import execute_book

NOTEBOOK = """---
jupytext: {text_representation: {format_name: myst}}
kernelspec: {name: python3, display_name: Python 3}
---

"""

INTRO = """# A small book

Words on the first page, with no formula and no figure.

- {ref}`sec-shown`
"""

HOSTILE = "</script><script>alert(1)</script>"

SHOWN = r"""(sec-shown)=
# What is shown

The reader can see <everything> & more.

```{code-cell} ipython3
from introml.widgets import AttentionHeatmap, LineFit

LineFit(slope=0.75)
```

:::{caption} fig-line
A line with slope $w$ and *points*.
:::

```{code-cell} ipython3
import base64

tokens = ["HOSTILE", "end"]
recording = {
    "provenance": {"model": "secretmodelname", "torch": "2.13", "script": "record.py"},
    "layers": 1, "heads": 1,
    "order": ["layer", "head", "query", "key"], "counted_from": 0, "notable": [],
    "sentences": [{
        "text": "HOSTILE", "tokens": tokens,
        "weights": base64.b64encode(bytes([255, 0, 128, 127])).decode(),
    }],
}
AttentionHeatmap(
    mode="recorded", recording=recording, layer=0, head=0, token=0, sentence="HOSTILE"
)
```

:::{caption} fig-heat
Attention.
:::

```{code-cell} ipython3
LineFit(slope=-0.5)
```

```{code-cell} ipython3
from ipywidgets import IntSlider

IntSlider(7)
```

```{code-cell} ipython3
from IPython.display import display

from introml.book.glue import glue

glue(final_loss=0.0625)
alt = "A red bar HOSTILE."
display(
    {"image/svg+xml": '<svg width="4"><path id="p" fill="INK" d="M 0 0"/></svg>'},
    metadata={"image/svg+xml": {"alt": alt}}, raw=True,
)
display(
    {"application/vnd.plotly.v1+json": {"data": [{"y": [1], "name": "HOSTILE"}],
                                        "layout": {"meta": {"alt": alt}}}},
    raw=True,
)
display({"text/markdown": "markdownoutput"}, raw=True)
print("printedoutput")
```

The loss is {glue:text}`final_loss:.3f`.

:::{caption} tbl-sizes
Sizes.
:::

| wide | table |
|------|-------|
| one  | two   |

## Formulas

Inline $\hat{y} = wx$, and

```{math}
:label: eq-line
\hat{y} = w x + b
```

Equation {eq}`eq-line` is the line of {ref}`fig-line`; see {ref}`tbl-sizes` and
{ref}`the heat map <fig-heat>`.

:::{margin}
A side note.
:::

## Exercises

```{exercise-start} Slope & <sign>
:label: ex-slope
```
What is the slope?
```{exercise-end}
```

```{solution-start} ex-slope
:class: dropdown
```
The solutionword is three quarters.

```{code-cell} ipython3
print("runs in the solution")
```
```{solution-end}
```

```{exercise-start}
:label: ex-second
```
And the intercept?
```{exercise-end}
```

```{solution-start} ex-second
:class: dropdown
```
It is zero.
```{solution-end}
```

## Check yourself

:::{self-check} Is $1 < 2$ & true?
- [ ] Neverword.

  Because of *order*.
- [x] Yes, $x$.

  Rightword.
:::

:::{self-check} A second question?
- [X] $y$ is first.

  Yes.
- [ ] No.

  No.
:::
"""

SECOND = """(sec-second)=
# The second page

:::{caption} fig-two
The first figure of this page.
:::

{ref}`fig-line` is on the page before, {ref}`fig-two` on this one, and so is {eq}`eq-two`.
{ref}`ex-slope` came first.

```{math}
:label: eq-two
a = b
```

```{exercise-start}
:label: ex-again
```
Again?
```{exercise-end}
```

```{solution-start} ex-again
:class: dropdown
```
Yes.
```{solution-end}
```
"""


@pytest.fixture(scope="session")
def book(tmp_path_factory) -> Book:
    """The book of three pages, built; tests only read it."""
    ink = "#1f1d1a"
    pages = {
        "intro": INTRO,
        "chapters/shown": NOTEBOOK + SHOWN.replace("HOSTILE", HOSTILE).replace("INK", ink),
        "chapters/second": SECOND,
    }
    built = new_book(tmp_path_factory.mktemp("book"), pages)
    execute_book(built.root)
    write_pages(built.root)
    return built


@pytest.fixture(scope="session")
def hostile() -> str:
    """Text in the book's traits and figures that would break out of a script."""
    return HOSTILE


@pytest.fixture
def some_pages(tmp_path):
    """`some_pages(intro="text", other="text")`: a book of these pages, not built yet."""

    def make(**pages: str) -> Book:
        files = "".join(f"  - file: {name}\n" for name in pages if name != "intro")
        chapters = f"chapters:\n{files}" if files else ""
        return new_book(tmp_path / "book", pages, f"format: jb-book\nroot: intro\n{chapters}")

    return make


@pytest.fixture
def one_page(some_pages):
    """`one_page("text")`: a book of that one page, not built yet."""
    return lambda text: some_pages(intro=text)
