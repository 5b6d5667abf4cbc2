"""What turns the notebooks into the offline site. The teaching modules know nothing of it."""

import sys
from typing import Any

# jsonschema, with which nbformat checks notebooks, takes 2.5 s to prepare for checking addresses,
# of which notebooks have none to check; where this package is missing it leaves that out.
_modules: dict[str, Any] = sys.modules
_modules.setdefault("rfc3987_syntax", None)
