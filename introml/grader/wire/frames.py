"""Frames: how a node and its blobs cross a stream socket, in either direction.

    b"IML1" · u32 length of the JSON · u32 number of blobs · u64 length of each blob · JSON · blobs

All numbers are little-endian. The reader trusts none of them: it compares each with its caps
before it waits or allocates, and gives up at a deadline. It takes bytes alone: descriptors that
come along are dropped by the kernel, and an out-of-band byte is no part of a frame.
"""

import json
import select
import socket
import struct
import time
from typing import Protocol

from introml.grader.wire.values import MAX_DIMENSIONS, Caps, Node

_MAGIC = b"IML1"
_HEAD = struct.Struct("<4sII")
_PIECE = 1 << 20
#: A socket that says so often in a row that it can be read, and gives nothing, is played with.
_MOST_IN_VAIN = 100


class FrameError(Exception):
    """What arrived is no frame, or one over the caps."""


class FrameTimeout(Exception):
    """The deadline passed before the frame had crossed."""


class FrameClosed(Exception):
    """The other side has closed the socket."""


class Drain(Protocol):
    """Something else to read while waiting for a frame, such as the box's output."""

    def fileno(self) -> int: ...

    def drain(self) -> bool: ...


def write(
    sock: socket.socket,
    node: Node,
    blobs: list[bytes],
    deadline: float | None = None,
    beside: Drain | None = None,
) -> Drain | None:
    """Send one frame; `deadline` is a `time.monotonic()`. Raises FrameTimeout, FrameClosed.

    Returns `beside`, or None once that has ended.
    """
    text = json.dumps(node, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    head = _HEAD.pack(_MAGIC, len(text), len(blobs)) + struct.pack(
        f"<{len(blobs)}Q", *map(len, blobs)
    )
    for part in (head + text, *blobs):
        view = memoryview(part)
        while view:
            beside = _wait(sock, deadline, beside, writing=True)
            try:
                view = view[sock.send(view[:_PIECE], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                continue
            except OSError:
                raise FrameClosed from None
    return beside


def read(
    sock: socket.socket,
    caps: Caps,
    deadline: float | None = None,
    beside: Drain | None = None,
) -> tuple[Node, list[bytes]]:
    """Receive one frame; `deadline` is a `time.monotonic()`.

    Raises FrameError (malformed or over the caps), FrameTimeout, FrameClosed. After a FrameError
    nothing more that comes from this socket means anything.
    """

    def take(count: int, first: bool = False) -> bytearray:
        nonlocal beside
        data = bytearray()
        in_vain = 0
        while len(data) < count:
            beside = _wait(sock, deadline, beside)
            try:
                piece = sock.recv(min(count - len(data), _PIECE), socket.MSG_DONTWAIT)
            except BlockingIOError:
                in_vain += 1
                if in_vain > _MOST_IN_VAIN:
                    raise FrameError("something came that is no part of a frame") from None
                continue
            except OSError:
                raise FrameClosed from None
            if not piece:
                if first and not data:
                    raise FrameClosed
                raise FrameError("the frame ends early")
            data += piece
            in_vain = 0
        return data

    magic, length, count = _HEAD.unpack(take(_HEAD.size, first=True))
    if magic != _MAGIC:
        raise FrameError("not a frame")
    if length > caps.json or count > caps.blobs:
        raise FrameError(f"a frame of {length} bytes of JSON and {count} blobs is over the cap")
    sizes = struct.unpack(f"<{count}Q", take(8 * count))
    if length + sum(sizes) > caps.bytes:
        raise FrameError(f"a frame of {length + sum(sizes)} bytes is over {caps.bytes}")
    node = _parse(take(length), caps)
    return node, [bytes(take(size)) for size in sizes]


def _wait(
    sock: socket.socket,
    deadline: float | None,
    beside: Drain | None,
    writing: bool = False,
) -> Drain | None:
    """Wait until the socket is ready, draining `beside` (None once that has ended)."""
    while True:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise FrameTimeout
        poll = select.poll()
        poll.register(sock, select.POLLOUT if writing else select.POLLIN)
        if beside is not None:
            poll.register(beside.fileno(), select.POLLIN)
        ready = dict(poll.poll(None if left is None else left * 1000))
        if beside is not None and beside.fileno() in ready and not beside.drain():
            beside = None
        if sock.fileno() in ready:
            return beside


def quiet(sock: socket.socket) -> None:
    """Raise unless nothing is there to read: FrameClosed, or FrameError for what came unasked."""
    try:
        if sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
            raise FrameError("a reply came before its request")
    except BlockingIOError:
        return
    except OSError:  # the other side has closed with something unread
        pass
    raise FrameClosed


def _parse(data: bytearray, caps: Caps) -> Node:
    """Parse JSON: UTF-8, no NaN, no key twice, no more parts than a value may have.

    The parser itself refuses to nest too deep.
    """
    objects = _Counted(caps.nodes)
    numbers = _Counted(caps.nodes + (MAX_DIMENSIONS + 1) * caps.blobs)

    def unique(pairs: list[tuple[str, Node]]) -> dict[str, Node]:
        objects.add()
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ValueError("the same key twice")
        return result

    def short_int(digits: str) -> int:
        numbers.add()
        if len(digits) > 20:
            raise ValueError("an integer beyond 64 bits")
        return int(digits)

    try:
        # Those in strings are counted with the others: a value may have as many of these.
        if data.count(b"[") > 2 * caps.nodes + caps.blobs + caps.string:
            raise ValueError("too many lists")
        return json.loads(
            data.decode(),
            parse_constant=_refuse_constant,
            parse_int=short_int,
            object_pairs_hook=unique,
        )
    except (ValueError, RecursionError) as error:
        raise FrameError(f"malformed JSON: {str(error)[:100]}") from None


class _Counted:
    """Counts what a parser meets, up to a cap."""

    def __init__(self, most: int) -> None:
        self._left = most

    def add(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many parts")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
