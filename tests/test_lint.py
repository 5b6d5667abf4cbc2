"""The linters refuse the slips that they are there for, with the project's own settings."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: A place that biome.json and tsconfig.json look at.
PLACE = Path("introml/widgets/kit/probe.js")
SOUND = "export const twice = (n) => 2 * n;\n"


@pytest.fixture
def biome(tmp_path):
    """`biome(source)` -> what biome says of a file with this source; "" if it passes."""
    shutil.copy(ROOT / "biome.json", tmp_path)
    (tmp_path / PLACE).parent.mkdir(parents=True)

    def check(source, name=PLACE.name):
        path = (tmp_path / PLACE).with_name(name)
        path.write_text(source, encoding="utf-8")
        command = [ROOT / "node_modules" / ".bin" / "biome", "check", "--error-on-warnings"]
        done = subprocess.run(
            [*command, "--colors=off", path], cwd=tmp_path, capture_output=True, text=True
        )
        said = done.stdout + done.stderr
        assert "Checked 1 file" in said, said
        return said if done.returncode else ""

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
