"""Makes the book's fonts from the npm packages @fontsource-variable/source-serif-4 and -sans-3.

Run where the two packages lie unpacked:  python assets/fonts/subset.py SERIF_PACKAGE SANS_PACKAGE
Each face keeps the characters that the book uses and only as much of the weight axis as it needs.
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

HERE = Path(__file__).parent
LATIN = [
    *range(0x20, 0x7F),
    *map(ord, "\u00a0§©°±²³µ·¹½¼×÷ÄÖÜàáâäåçèéêëìíîïñòóôöøùúûüß«»–—‘’“”…•‹›−≤≥≈≠→←∞"),
]
GREEK = [*range(0x391, 0x3CA), *map(ord, "−×≤≥≈≠→←∞∑√∂ŷ")]
FACES = {
    "source-serif-4": ("serif", "source-serif-4-latin-wght-normal", LATIN, (400, 650)),
    "source-serif-4-italic": ("serif", "source-serif-4-latin-wght-italic", LATIN, 400),
    "source-sans-3": ("sans", "source-sans-3-latin-wght-normal", LATIN, None),
    "source-sans-3-greek": ("sans", "source-sans-3-greek-wght-normal", GREEK, None),
}


def make(source: Path, target: Path, characters: list[int], weight: float | tuple | None) -> None:
    font = TTFont(source)
    if weight is not None:
        instantiateVariableFont(font, {"wght": weight}, inplace=True)
    options = Options()
    options.layout_features = ["kern", "liga", "tnum", "mark", "ccmp", "locl"]
    options.flavor = "woff2"
    options.hinting = False
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    font.flavor = "woff2"
    font.save(target)
    print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    packages = dict(zip(("serif", "sans"), map(Path, sys.argv[1:3]), strict=True))
    for name, (package, file, characters, weight) in FACES.items():
        make(
            packages[package] / "files" / f"{file}.woff2",
            HERE / f"{name}.woff2",
            characters,
            weight,
        )
