"""Makes the book's fonts from the npm packages @fontsource-variable/source-serif-4 and -sans-3.

Run where the two packages lie unpacked:  python assets/fonts/subset.py SERIF_PACKAGE SANS_PACKAGE
Each face keeps the characters that the book uses and only as much of the weight axis as it needs.
Those in names/ are for people's names, on the hub: all letters of the fonts' alphabets.
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
#: The alphabets of names: the package's file for each, and the letters taken from it.
NAMES = {
    "latin-1": ("latin", [*range(0xC0, 0x100), 0x131, 0x152, 0x153, 0x2BB, 0x2BC, 0x2019]),
    "latin-ext": ("latin-ext", [*range(0x100, 0x250), 0x259, *range(0x1E00, 0x1EA0)]),
    "vietnamese": (
        "vietnamese",
        [0x102, 0x103, 0x110, 0x111, 0x128, 0x129, 0x168, 0x169, 0x1A0, 0x1A1, 0x1AF, 0x1B0,
         *range(0x1EA0, 0x1EFA)],
    ),
    "greek": ("greek", [*range(0x370, 0x400)]),
    "cyrillic": ("cyrillic", [*range(0x400, 0x460), 0x490, 0x491, 0x4B0, 0x4B1]),
}  # fmt: skip
FACES |= {
    f"names/{font}-{alphabet}": (kind, f"{font}-{file}-wght-normal", letters, weight)
    for font, kind, weight in (
        ("source-serif-4", "serif", (400, 650)), ("source-sans-3", "sans", None)
    )
    for alphabet, (file, letters) in NAMES.items()
}  # fmt: skip


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
