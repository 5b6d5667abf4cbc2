from . import releases as releases
from . import students_env as students_env
