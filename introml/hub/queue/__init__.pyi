from . import jobs as jobs
from .background import beside as beside
from .heard import Heard as Heard
from .jobs import HELD as HELD
from .jobs import queue as queue
from .jobs import queue_place as queue_place
from .local_workers import worker_command as worker_command
from .slurm import PASSED_ON as PASSED_ON
