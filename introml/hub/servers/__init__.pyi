from . import fetch as fetch
from . import interpreters as interpreters
from . import limits as limits
from . import releases as releases
from . import students_env as students_env
