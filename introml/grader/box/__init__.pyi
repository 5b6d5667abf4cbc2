from . import cgroups as cgroups
from .boxes import Box as Box
from .boxes import Ended as Ended
from .boxes import GraderFault as GraderFault
from .kernel import die_with_parent as die_with_parent
from .limits import Limits as Limits
from .template import SandboxUnavailable as SandboxUnavailable
from .template import Template as Template
