"""The linters refuse the slips that they are there for, with the project's own settings."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: A place that biome.json and tsconfig.json look at.
PLACE = Path("introml/widgets/kit/probe.js")
SOUND = "export const twice = (n) => 2 * n;\n"


def run(tool, *arguments, cwd):
    """(exit status, all that the tool says)"""
    command = [ROOT / "node_modules" / ".bin" / tool, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def biome(tmp_path):
    """`biome(source)` -> what biome says of a file with this source; "" if it passes."""
    shutil.copy(ROOT / "biome.json", tmp_path)
    (tmp_path / PLACE).parent.mkdir(parents=True)

    def check(source, name=PLACE.name):
        path = (tmp_path / PLACE).with_name(name)
        path.write_text(source, encoding="utf-8")
        options = ("--error-on-warnings", "--colors=off")
        failed, said = run("biome", "check", *options, path, cwd=tmp_path)
        assert "Checked 1 file" in said, said
        return said if failed else ""

    return check


def test_biome_takes_sound_code(biome):
    assert biome(SOUND) == ""


@pytest.mark.parametrize(
    ("slip", "rule"),
    [
        ("const unused = 1;\n", "noUnusedVariables"),
        ("export const same = (a, b) => a == b;\n", "noDoubleEquals"),
        ("total = 3;\n", "noUndeclaredVariables"),
        ('import { h } from "./dom.js";\n', "noUnusedImports"),
        ("export const whole = (n) => n === NaN;\n", "useIsNan"),
    ],
)
def test_biome_refuses_a_slip_in_a_script(biome, slip, rule):
    assert rule in biome(slip + SOUND)


@pytest.mark.parametrize(
    ("slip", "rule"),
    [
        (".iml {\n  colour: red;\n}\n", "noUnknownProperty"),
        (".iml {\n  color: red;\n  color: blue;\n}\n", "noDuplicateProperties"),
    ],
)
def test_biome_refuses_a_slip_in_a_style(biome, slip, rule):
    assert rule in biome(slip, "probe.css")


@pytest.fixture
def tsc(tmp_path):
    """`tsc(source)` -> what TypeScript says of the file; "" if it passes. `views`: as of a view."""
    for name in ("tsconfig.json", "tsconfig.views.json"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / PLACE).parent.mkdir(parents=True)

    def check(source, views=False):
        (tmp_path / PLACE).write_text(source, encoding="utf-8")
        settings = "tsconfig.views.json" if views else "tsconfig.json"
        return run("tsc", "-p", settings, "--pretty", "false", cwd=tmp_path)[1]

    return check


TYPED = "/** @param {number} n */\nexport const twice = (n) => 2 * n;\n"


@pytest.mark.parametrize("views", [False, True])
@pytest.mark.parametrize(
    ("slip", "code"),
    [
        ('export const four = twice("2");\n', "TS2345"),
        ("export const six = twice(3).length;\n", "TS2339"),
        ('export const text = document.querySelector("p").textContent;\n', "TS2531|TS18047"),
    ],
)
def test_typescript_refuses_what_does_not_fit(tsc, views, slip, code):
    assert tsc(TYPED, views) == ""
    assert re.search(code, tsc(TYPED + slip, views))


def test_what_others_call_states_its_types_and_a_view_need_not(tsc):
    untyped = "export const twice = (n) => 2 * n;\n"
    assert "TS7006" in tsc(untyped)
    assert tsc(untyped, views=True) == ""


@pytest.fixture
def python_tool(tmp_path):
    """`python_tool(name, source)` -> what mypy or vulture says of a module with this source."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    def check(name, source):
        path = tmp_path / "probe.py"
        path.write_text(source, encoding="utf-8")
        options = ["--cache-dir", str(tmp_path / "cache")] if name == "mypy" else []
        command = [sys.executable, "-m", name, *options, str(path)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return done.stdout + done.stderr if done.returncode else ""

    return check


def test_mypy_refuses_a_slip_in_the_types(python_tool):
    sound = "def twice(n: int) -> int:\n    return 2 * n\n"
    assert python_tool("mypy", sound) == ""
    said = python_tool(
        "mypy",
        "import re\n"
        "def untyped(n):\n    return n\n"
        "def wrong(n: int) -> str:\n    return n\n"
        "def unguarded(text: str) -> str:\n    return re.match('a', text).group()\n"
        "def unneeded(n: int) -> int:\n    return n  # type: ignore[arg-type]\n",
    )
    found = set(re.findall(r"\[([a-z-]+)\]$", said, re.MULTILINE))
    assert found == {"no-untyped-def", "return-value", "union-attr", "unused-ignore"}


def test_vulture_refuses_what_nothing_uses(python_tool):
    sound = "def used():\n    return 1\n\n\nprint(used())\n"
    assert python_tool("vulture", sound) == ""
    assert "unused function 'idle'" in python_tool("vulture", sound + "def idle():\n    return 2\n")
    assert "unused variable 'SPARE'" in python_tool("vulture", sound + "SPARE = 3\n")
