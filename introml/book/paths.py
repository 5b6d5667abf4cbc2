"""Where things lie in a checkout: said once, for the site, the grader and the hub."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
#: The checkout; in an installed package, the folder that the package lies in.
ROOT = PACKAGE.parent
LABS = ROOT / "labs"
