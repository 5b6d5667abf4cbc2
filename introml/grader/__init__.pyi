from .student import check as check
from .student import require_check as require_check
