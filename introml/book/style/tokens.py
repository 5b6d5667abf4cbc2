"""The design tokens: colours by name in light and dark, and what each data colour stands for."""

import json
from pathlib import Path

_TOKENS = json.loads(Path(__file__).with_name("tokens.json").read_text(encoding="utf-8"))

#: Colours of the light scheme by token name; figures are drawn in these and recoloured in the page.
COLORS: dict[str, str] = _TOKENS["light"]
#: The six data colours, in the order in which a figure without meanings of its own uses them.
CYCLE: list[str] = _TOKENS["cycle"]
#: Font stacks: `text`, `label` and `code`.
FONT: dict[str, str] = _TOKENS["font"]
#: What a colour stands for throughout the book: training is blue, validation orange, …
MEANING: dict[str, str] = _TOKENS["meaning"]


def colors(scheme: str = "light") -> dict[str, str]:
    """Token name -> hex colour of one scheme, `light` or `dark`, meanings included."""
    if scheme not in ("light", "dark"):
        raise ValueError(f"scheme is {scheme!r}; it must be 'light' or 'dark'")
    named = dict(_TOKENS[scheme])
    return named | {meaning: named[color] for meaning, color in MEANING.items()}


def css_variables(scheme: str) -> str:
    """The declarations `--iml-<token>: <value>;` of one scheme, for a CSS rule's body."""
    lines = [f"--iml-{name}: {value};" for name, value in colors(scheme).items()]
    lines += [f"--iml-font-{name}: {value};" for name, value in FONT.items()]
    return " ".join(lines)


def page_css() -> str:
    """The tokens of a page: dark as the system has it, or as `data-theme` says; paper is light."""
    dark = f"{{ color-scheme: dark; {css_variables('dark')} }}"
    return (
        f":root {{ color-scheme: light; {css_variables('light')} }}\n"
        "@media screen and (prefers-color-scheme: dark) { "
        f':root:not([data-theme="light"]) {dark} }}\n'
        f'@media screen {{ :root[data-theme="dark"] {dark} }}\n'
    )


def notebook_css() -> str:
    """The tokens of a widget in a notebook, by JupyterLab's theme."""
    light, dark = css_variables("light"), css_variables("dark")
    return f'.iml {{ {light} }}\n[data-jp-theme-light="false"] .iml {{ {dark} }}\n'
