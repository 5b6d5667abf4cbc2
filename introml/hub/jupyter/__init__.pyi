from . import sessions as sessions
from . import sockets as sockets
from .hub_config import CHOSEN as CHOSEN
from .hub_config import DIE_WITH_PARENT as DIE_WITH_PARENT
from .hub_config import QUICK as QUICK
from .hub_config import configure_local as configure_local
from .slurm_config import configure_slurm as configure_slurm
