"""Frames: they arrive whole or not at all, and a liar costs neither memory nor time."""

import json
import os
import resource
import socket
import struct
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.grader.wire import frames
from introml.grader.wire.values import Caps

SMALL = Caps(bytes=1 << 16, json=1 << 12, blobs=8)


@pytest.fixture
def pair():
    a, b = socket.socketpair()
    yield a, b
    a.close()
    b.close()


def frame(text=b"1", blobs=(), magic=b"IML1", length=None, count=None, sizes=None):
    sizes = [len(blob) for blob in blobs] if sizes is None else sizes
    head = struct.pack(
        "<4sII",
        magic,
        len(text) if length is None else length,
        len(sizes) if count is None else count,
    )
    return head + struct.pack(f"<{len(sizes)}Q", *sizes) + text + b"".join(blobs)


def receive(data, caps=SMALL, timeout=1.0):
    a, b = socket.socketpair()
    with a, b:
        b.sendall(data)
        b.shutdown(socket.SHUT_WR)
        return frames.read(a, caps, time.monotonic() + timeout)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers(-(2**63), 2**63) | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner),
        max_leaves=10,
    ),
    st.lists(st.binary(max_size=200_000), max_size=3),
)
def test_what_is_written_is_read(node, blobs):
    a, b = socket.socketpair()
    with a, b:
        sender = threading.Thread(target=frames.write, args=(a, node, blobs))
        sender.start()
        assert frames.read(b, Caps(), time.monotonic() + 20) == (node, blobs)
        sender.join()


def test_frames_follow_one_another(pair):
    for i in range(3):
        frames.write(pair[0], {"n": i}, [bytes([i])])
    for i in range(3):
        assert frames.read(pair[1], SMALL) == ({"n": i}, [bytes([i])])


MALFORMED = {
    "magic": frame(magic=b"HTTP"),
    "zeros": bytes(100),
    "only half a head": frame()[:6],
    "sizes missing": frame(count=5)[:14],
    "text missing": frame(length=100),
    "blob missing": frame(sizes=[10]),
    "blob short": frame(blobs=[b"abc"], sizes=[4]),
    "json over the cap": frame(length=(1 << 12) + 1),
    "json of 4 GB": frame(length=2**32 - 1),
    "4 billion blobs": frame(count=2**32 - 1),
    "nine blobs": frame(blobs=[b""] * 9),
    "blob of 2^64 bytes": frame(sizes=[2**64 - 1]),
    "sizes that overflow": frame(sizes=[2**63, 2**63, 2]),
    "blobs over the cap together": frame(sizes=[1 << 15, 1 << 15, 1]),
    "blobs over the cap, all there": frame(blobs=[bytes(1 << 15), bytes(1 << 15), b"x"]),
    "no json": frame(b""),
    "bad json": frame(b"{"),
    "trailing": frame(b"1 2"),
    "nan": frame(b"NaN"),
    "infinity": frame(b'{"a": [-Infinity]}'),
    "huge int": frame(b"9" * 100),
    "not utf-8": frame(b'"\xff"'),
    "utf-16": frame("1".encode("utf-16")),
    "key twice": frame(b'{"a": 1, "a": 2}'),
    "nested": frame(b"[" * 2000 + b"]" * 2000),
    "nested dicts": frame(b'{"a":' * 700 + b"1" + b"}" * 700),
    "unclosed nested": frame(b"[" * 4000),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_frame_is_an_error_at_once(data):
    with pytest.raises(frames.FrameError) as caught:
        receive(data, timeout=60)
    assert not isinstance(caught.value, frames.FrameTimeout), "it waited for more"


def test_json_nested_within_the_parsers_reach_is_left_to_the_values():
    assert receive(frame(b"[" * 100 + b"]" * 100))[0]


def test_a_large_float_is_no_number():
    node, _ = receive(frame(b"1e999"))
    with pytest.raises(ValueError, match="JSON"):
        json.dumps(node, allow_nan=False)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_junk_is_an_error(data):
    with pytest.raises((frames.FrameError, frames.FrameClosed)):
        receive(data)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 60))
def test_a_frame_with_a_byte_changed_or_cut_is_read_or_refused(position, byte, cut):
    data = bytearray(frame(b'{"list":[1,2.5,"a"]}', blobs=[b"abcdef", b"gh"]))
    data[position % len(data)] = byte
    try:
        _, blobs = receive(bytes(data[: len(data) - cut]))
    except (frames.FrameError, frames.FrameClosed):
        return
    assert sum(map(len, blobs)) <= 8


def test_lengths_that_lie_allocate_nothing(pair):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pair[1].sendall(frame(sizes=[50 << 20], length=1))
    with pytest.raises(frames.FrameTimeout):
        frames.read(pair[0], Caps(), time.monotonic() + 0.1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10


def test_a_slow_sender_meets_the_deadline(pair):
    stop, sent = threading.Event(), []

    def drip():
        for byte in frame(b" " * 50 + b"1"):
            sent.append(pair[1].send(bytes([byte])))
            if stop.wait(0.2):
                return

    sender = threading.Thread(target=drip)
    sender.start()
    with pytest.raises(frames.FrameTimeout):
        frames.read(pair[0], SMALL, time.monotonic() + 0.3)
    assert len(sent) < 50, "it waited until all had come"
    stop.set()
    sender.join()


def test_a_reader_that_does_not_read_meets_the_deadline(pair):
    with pytest.raises(frames.FrameTimeout):
        frames.write(pair[0], 1, [bytes(10 << 20)], time.monotonic() + 0.2)


def test_a_closed_socket_is_told_from_a_broken_frame(pair):
    pair[1].close()
    with pytest.raises(frames.FrameClosed):
        frames.read(pair[0], SMALL)
    with pytest.raises(frames.FrameClosed):
        frames.write(pair[0], 1, [bytes(1 << 20)])


def test_output_is_drained_while_waiting_for_a_frame(pair):
    read, write = os.pipe()
    seen = []

    class Beside:
        def fileno(self):
            return read

        def drain(self):
            data = os.read(read, 1 << 16)
            seen.append(len(data))
            return bool(data)

    def flood():
        for _ in range(40):
            os.write(write, bytes(1 << 16))
        os.close(write)
        frames.write(pair[1], 7, [])

    sender = threading.Thread(target=flood)
    sender.start()
    assert frames.read(pair[0], SMALL, time.monotonic() + 20, Beside()) == (7, [])
    sender.join()
    os.close(read)
    assert sum(seen) == 40 << 16
