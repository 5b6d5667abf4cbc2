from .student.notebook_check import check as check
from .student.notebook_check import require_check as require_check
