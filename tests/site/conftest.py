"""A book of three pages, executed and written once: what the site's own directives make of it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from introml.site.build import ROOT, BuildFailed, write_pages
from introml.site.execute import execute_book

NOTEBOOK = """---
jupytext: {text_representation: {format_name: myst}}
kernelspec: {name: python3, display_name: Python 3}
---

"""

CONTENTS = """format: jb-book
root: intro
chapters:
  - file: chapters/shown
  - file: chapters/second
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

from introml.quoting import quote

quote(final_loss=0.0625)
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


@dataclass
class Book:
    """A small book in a folder of its own."""

    root: Path

    @property
    def html(self) -> Path:
        return self.root / "_build" / "html"

    def text(self, page: str) -> str:
        return (self.html / f"{page}.html").read_text(encoding="utf-8")

    def page(self, page: str) -> BeautifulSoup:
        return BeautifulSoup(self.text(page), "html.parser")

    def write(self, page: str, text: str) -> None:
        path = self.root / f"{page}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def failure(self) -> str:
        """What the build says when it fails, as it must."""
        with pytest.raises(BuildFailed) as caught:
            write_pages(self.root)
        return str(caught.value)


def new_book(root: Path, pages: dict[str, str], contents: str = CONTENTS) -> Book:
    """A book with the real book's configuration."""
    book = Book(root)
    (root / "book").mkdir(parents=True)
    shutil.copy(ROOT / "_config.yml", root)
    (root / "_toc.yml").write_text(contents, encoding="utf-8")
    (root / "book" / "references.bib").write_text("", encoding="utf-8")
    for page, text in pages.items():
        book.write(page, text)
    return book


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
