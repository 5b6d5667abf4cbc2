"""What a student's code prints: drained while it runs, so that a flood neither blocks nor fills."""

import contextlib
import os

_KEPT_OUTPUT = 64 << 10
_MOST_OUTPUT = 8 << 20


class Output:
    """What the student's code prints while cells run: the first 64 kB kept, the rest counted."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._kept = bytearray()
        self.dropped = 0

    def fileno(self) -> int:
        return self._fd

    def drain(self) -> bool:
        """Read what is there without waiting; false once there will be no more."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(16):
                piece = os.read(self._fd, 1 << 16)
                if not piece:
                    return False
                room = _KEPT_OUTPUT - len(self._kept)
                self._kept += piece[:room]
                self.dropped += len(piece[max(room, 0) :])
                if self.dropped + len(self._kept) > _MOST_OUTPUT:
                    self.close()
                    return False
        return True

    @property
    def text(self) -> str:
        """What was kept, with a last line that says how much was not."""
        text = self._kept.decode(errors="replace")
        more = f"\n… {self.dropped} more bytes were printed and not kept" if self.dropped else ""
        return text + more

    def close(self) -> None:
        """Read no more: whoever prints from now on gets an error."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def open(self) -> bool:
        return self._fd >= 0
