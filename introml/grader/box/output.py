"""What a student's code prints: read all the time, so that a flood neither blocks nor fills."""

import contextlib
import os

_MOST_KEPT = 64 << 10
_PIECE = 64 << 10
_MOST_SINCE = 4000
_PIECES = 16


class Output:
    """What the student's code prints while cells run: the first 64 kB kept, the rest counted.

    It is read for as long as the box lives. A pipe that nobody reads stops whoever prints into it,
    and one that is closed breaks them: the notebook's next cells, or processes that a cell began.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._null = -1
        self._keeps = True
        self._kept = bytearray()
        self.dropped = 0

    def fileno(self) -> int:
        return self._fd

    def drain(self) -> bool:
        """Read some of what is there without waiting; false once there will be no more."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(_PIECES):
                if not self._read_piece():
                    self.close()
                    return False
        return True

    def _read_piece(self) -> int:
        room = _MOST_KEPT - len(self._kept)
        if self._keeps and room > 0:
            piece = os.read(self._fd, _PIECE)
            self._kept += piece[:room]
            count, lost = len(piece), len(piece[room:])
        else:
            # What is not kept is not copied here, either.
            if self._null < 0:
                self._null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            count = lost = os.splice(self._fd, self._null, _PIECE)
        if self._keeps:
            self.dropped += lost
        return count

    def keep_no_more(self) -> None:
        """End the public phase: what is printed from now on goes nowhere and is not counted."""
        self._keeps = False

    @property
    def mark(self) -> int:
        """How much has been kept by now, for `since`."""
        return len(self._kept)

    def since(self, mark: int) -> str:
        """What was kept after a mark, or the beginning of it."""
        return self._kept[mark:][:_MOST_SINCE].decode(errors="replace")

    @property
    def text(self) -> str:
        """What was kept, with a last line that says how much was not."""
        text = self._kept.decode(errors="replace")
        more = f"\n… {self.dropped:,} more bytes were printed and not kept" * bool(self.dropped)
        return text + more

    def close(self) -> None:
        """Read no more: whoever prints from now on gets an error."""
        for fd in (self._fd, self._null):
            if fd >= 0:
                os.close(fd)
        self._fd = self._null = -1

    @property
    def open(self) -> bool:
        return self._fd >= 0
