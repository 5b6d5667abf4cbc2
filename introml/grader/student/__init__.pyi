from .hand_in import NotHandedIn as NotHandedIn
from .hand_in import keep_receipt as keep_receipt
from .hand_in import notebook_to_hand_in as notebook_to_hand_in
from .home import LocalLink as LocalLink
from .notebook_check import check as check
from .notebook_check import check_file as check_file
from .notebook_check import require_check as require_check
