"""Malformed notebooks, frames and streams, made by Hypothesis: each soon has a clear verdict."""

import contextlib
import json
import os
import socket
import struct
import threading
import time
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import notebook, tiny, written

from introml.grader.notebook.library_answers import find
from introml.grader.notebook.notebook import Invalid, Submitted, read_submission
from introml.grader.wire import frames
from introml.grader.wire.channel import Channel
from introml.grader.wire.values import Caps, ValueRefused, decode, encode

#: One input may take this long. It takes milliseconds; the rest is for a busy machine.
_LONGEST_S = 20.0
_CAPS = Caps(bytes=1 << 20)

_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_json = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
#: What stands in notebooks and in sources, at places where it does not belong.
_WORDS = (
    "cells", "cell_type", "code", "markdown", "metadata", "nbgrader", "grade_id", "solution",
    "locked", "source", "outputs", "nbformat", "loss", "gradient", "descent", "imports", "training",
    "tags", "answer", "introml", "def loss(w, x, y):", "%%bash", "!rm -rf /", "%load_ext x",
    "import torch", "\x00", "\ud800", "\u202e", "lambda: (yield)", "(" * 300, "-" * 3000 + "1",
    "f'{" * 50, "x = " * 500, "\\N{x}", "await x", "\r", "\f",
)  # fmt: skip
_values = _json | st.sampled_from(_WORDS)


@st.composite
def _changed_books(draw) -> bytes:
    """A good notebook with one to five places of its tree replaced, removed or doubled."""
    book = notebook(draw(st.booleans()))
    for _ in range(draw(st.integers(1, 5))):
        node: object = book
        for _ in range(draw(st.integers(0, 6))):
            below = list(node.values()) if isinstance(node, dict) else node
            below = [one for one in below if isinstance(one, dict | list) and one]
            if not below:
                break
            node = draw(st.sampled_from(below))
        if isinstance(node, dict):
            names = st.sampled_from(list(node)) if node else st.sampled_from(_WORDS)
            name = draw(names | st.sampled_from(_WORDS))
            if draw(st.booleans()):
                node[name] = draw(_values)
            else:
                node.pop(name, None)
        else:
            place = draw(st.integers(0, len(node)))
            how = draw(st.sampled_from(("put", "take", "double")))
            if how == "put" or not node:
                node.insert(place, draw(_values))
            elif how == "take":
                node.pop(place - 1)
            else:
                node.insert(place, json.loads(json.dumps(node[place - 1])))
    return written(book)


@st.composite
def _changed_bytes(draw, good: st.SearchStrategy[bytes]) -> bytes:
    """Good bytes with some overwritten, cut out, put in, or the end cut off."""
    data = bytearray(draw(good))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 40)))
        data[start:stop] = draw(st.binary(max_size=12))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


_good_books = st.booleans().map(lambda answered: written(notebook(answered)))
_BOOKS = (
    _changed_books()
    | _changed_bytes(_good_books)
    | _values.map(lambda node: json.dumps(node).encode())
    | st.binary(max_size=200)
)


def _frame_bytes(node: object, blobs: list[bytes]) -> bytes:
    here, there = socket.socketpair()
    with here, there:
        frames.write(here, node, blobs, time.monotonic() + _LONGEST_S)
        return there.recv(1 << 20)


_good_frames = st.builds(
    lambda value: _frame_bytes(*encode(value)),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats()
        | st.text("ab", max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    ),
)


def _odd_frame(node: object, blobs: list[bytes]) -> bytes:
    """A frame as the true writer would refuse to write it: with NaN, half characters, anything."""
    text = json.dumps(node).encode()
    sizes = struct.pack(f"<{len(blobs)}Q", *map(len, blobs))
    return struct.pack("<4sII", b"IML1", len(text), len(blobs)) + sizes + text + b"".join(blobs)


_odd_nodes = st.builds(_odd_frame, _json, st.lists(st.binary(max_size=60), max_size=3))
_FRAMES = _changed_bytes(_good_frames) | _odd_nodes | st.binary(max_size=100)


def verdict_of_notebook(data: bytes) -> str:
    """How one notebook is read: "invalid" or "read". Raises where that is no clear verdict."""
    read = read_submission(data, tiny())
    if isinstance(read, Invalid):
        assert read.message.strip(), "an invalid notebook is told nothing"
        return "invalid"
    assert isinstance(read, Submitted)
    assert {one.id for one in [*read.cells, *read.experiments.values()]} & set(tiny().answers)
    find([*read.cells, *read.experiments.values()], tiny().settings.forbidden)
    return "read"


def verdict_of_frame(data: bytes) -> str:
    """How bytes from a box are taken: as a value, or by which refusal."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(data)
        there.close()
        try:
            node, blobs = frames.read(here, _CAPS, time.monotonic() + _LONGEST_S)
            decode(node, blobs, _CAPS)
        except (frames.FrameError, frames.FrameClosed, ValueRefused) as refusal:
            kind, words = type(refusal).__name__, str(refusal)
        else:
            return "value"
    assert words or kind == "FrameClosed", "a refusal says nothing"
    return kind


#: What a box does with its end of the socket, one after another; a reply has the right number.
_ACTIONS = st.lists(
    st.tuples(st.just("bytes"), _FRAMES)
    | st.tuples(st.just("slowly"), _good_frames)
    | st.tuples(st.just("reply"), _json | st.builds(lambda n: {"list": [0] * n}, st.just(200_000)))
    | st.tuples(st.just("urgent"), st.binary(min_size=1, max_size=3))
    | st.tuples(st.just("descriptors"), st.integers(1, 200))
    | st.tuples(st.just("wait"), st.sampled_from((0.0, 0.01, 0.2)))
    | st.tuples(st.just("shut"), st.sampled_from((socket.SHUT_RD, socket.SHUT_WR)))
    | st.tuples(st.just("listen"), st.none()),
    max_size=6,
) | st.lists(st.sampled_from((("listen", None), ("reply", 1))), min_size=4, max_size=8)
_PATIENCE_S = 0.1


def _act(sock: socket.socket, actions: list[tuple[str, Any]]) -> None:
    """Do so, and close the socket, whatever is unread in it."""
    with sock, contextlib.suppress(OSError):
        heard = 0
        for what, with_ in actions:
            if what == "bytes":
                sock.sendall(with_)
            elif what == "slowly":
                for byte in with_[:40]:
                    sock.send(bytes([byte]))
                    time.sleep(0.005)
            elif what == "reply":
                pairs = [["id", heard], ["value", with_], ["forbidden_calls", {"list": []}]]
                sock.sendall(_odd_frame({"dict": pairs}, []))
            elif what == "urgent":
                sock.send(with_, socket.MSG_OOB)
            elif what == "descriptors":
                socket.send_fds(sock, [b"x"], [sock.fileno()] * with_)
            elif what == "wait":
                time.sleep(with_)
            elif what == "shut":
                sock.shutdown(with_)
            else:
                sock.recv(1 << 16)
                heard += 1


def verdict_of_stream(actions: list[tuple[str, Any]]) -> str:
    """How three requests end on a channel whose other end does this: the first that fails, or all.

    Each is over within its time, and nothing is left of what came.
    """
    here, there = socket.socketpair()
    there.settimeout(1)
    before = len(os.listdir("/proc/self/fd"))
    channel, sender = Channel(here, _CAPS), threading.Thread(target=_act, args=(there, actions))
    sender.start()
    ended = "values"
    try:
        for _ in range(3):
            began = time.monotonic()
            channel.ask({"op": "call"}, began + _PATIENCE_S)
            assert time.monotonic() - began < _LONGEST_S, "it waited long past its time"
    except (frames.FrameError, frames.FrameClosed, frames.FrameTimeout) as refusal:
        ended = type(refusal).__name__
    finally:
        channel.close()
        sender.join()
    assert time.monotonic() - began < _LONGEST_S, "it waited long past its time"
    assert len(os.listdir("/proc/self/fd")) == before - 2, "it took descriptors"
    return ended


def fuzz_notebooks(count: int, seed: int = 0) -> Counter[str]:
    """Read `count` malformed notebooks; say how many ended how."""
    return _fuzz(_BOOKS, verdict_of_notebook, count, seed)


def fuzz_frames(count: int, seed: int = 0) -> Counter[str]:
    """Read `count` malformed frames; say how many ended how."""
    return _fuzz(_FRAMES, verdict_of_frame, count, seed)


def fuzz_streams(count: int, seed: int = 0) -> Counter[str]:
    """Talk to `count` ends that keep to no protocol; say how many ended how."""
    return _fuzz(_ACTIONS, verdict_of_stream, count, seed)


def odd_notebooks(count: int) -> list[bytes]:
    """Some malformed notebooks that can be read all the same: for grading in boxes."""
    found: dict[bytes, None] = {}

    def keep(data: bytes) -> str:
        if len(found) < count and verdict_of_notebook(data) == "read":
            found[data] = None
        return "seen"

    with contextlib.suppress(StopIteration):
        for seed in range(100):
            _fuzz(_changed_books(), keep, 4 * count, seed)
            if len(found) >= count:
                break
    return list(found)


def _fuzz(inputs, verdict, count: int, seed: int) -> Counter[str]:
    from hypothesis import seed as seeded

    counts: Counter[str] = Counter()

    @seeded(seed)
    @settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(inputs)
    def one(data: Any) -> None:
        began = time.process_time()  # of this process alone, however busy the machine is
        counts[verdict(data)] += 1
        assert time.process_time() - began < _LONGEST_S, "it took too long"

    one()
    return counts
