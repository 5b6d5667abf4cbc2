"""The checker's end of a box's request socket: one request at a time, and a reply of the same form.

All that comes back is hostile, and has a bound: in bytes and parts by the caps, in seconds by the
deadline, and each field of a reply by its own length.
"""

import socket
from collections.abc import Callable
from typing import Any

from introml.grader.wire import frames
from introml.grader.wire.values import REQUEST_CAPS, Caps, HandleRef, ValueRefused, decode, encode

#: How much stands in a reply beside its value; the student's process keeps to it by itself.
_LONGEST = {"kind": 60, "type": 60, "message": 2000, "cell": 100}
_LAST_LINE = 10**7
#: What is said beside of an error that ended a cell: `attempt` looks through it.
_OF_CELLS = {"at", "left_out"}
_MOST_CALLS, _LONGEST_CALL = 1000, 200


class Channel:
    """Requests with their numbers, over a socket that it owns."""

    def __init__(self, sock: socket.socket, caps: Caps) -> None:
        self._sock = sock
        self._caps = caps
        self._number = 0

    def ask(
        self,
        request: dict,
        deadline: float,
        keep: Callable[[Any], HandleRef | None] | None = None,
        wrap: Callable[[HandleRef], Any] | None = None,
        beside: frames.Drain | None = None,
    ) -> dict:
        """Put a request and return the reply; `deadline` is a `time.monotonic()`.

        `beside` is drained meanwhile. Raises FrameError (what came is no reply), FrameTimeout or
        FrameClosed: then the channel is of no use any more.
        """
        self._number += 1
        frames.quiet(self._sock)
        node, blobs = encode({**request, "id": self._number}, keep, REQUEST_CAPS)
        beside = frames.write(self._sock, node, blobs, deadline, beside)
        node, blobs = frames.read(self._sock, self._caps, deadline, beside)
        try:
            reply = decode(node, blobs, self._caps, wrap)
        except ValueRefused as error:
            # The worker refuses such values itself, with the student's name for them.
            raise frames.FrameError(f"no value: {error}") from None
        return _checked(reply, self._number)

    @property
    def open(self) -> bool:
        return self._sock.fileno() >= 0

    def close(self) -> None:
        self._sock.close()


def _checked(reply: Any, number: int) -> dict:
    """Return a reply that has the form of one; it may still say anything."""
    if type(reply) is not dict or type(reply.get("id")) is not int or reply["id"] != number:
        raise frames.FrameError("a reply to another request")
    calls = reply.get("forbidden_calls")
    if type(calls) is not list or len(calls) > _MOST_CALLS:
        raise frames.FrameError("a malformed reply")
    if not all(type(call) is str and len(call) <= _LONGEST_CALL for call in calls):
        raise frames.FrameError("a malformed reply")
    if set(reply) == {"id", "value", "forbidden_calls"}:
        return reply
    error = reply.get("error")
    if set(reply) != {"id", "error", "forbidden_calls"} or type(error) is not dict:
        raise frames.FrameError("a malformed reply")
    # All of these stand in what is shown and kept.
    if error.keys() - _OF_CELLS != {*_LONGEST, "line"}:
        raise frames.FrameError("a malformed reply")
    for key, longest in _LONGEST.items():
        text = error[key]
        if text is None and key == "cell":
            continue
        if type(text) is not str or len(text) > longest:
            raise frames.FrameError("a malformed reply")
    line = error["line"]
    if line is not None and not (type(line) is int and 0 <= line <= _LAST_LINE):
        raise frames.FrameError("a malformed reply")
    return reply
