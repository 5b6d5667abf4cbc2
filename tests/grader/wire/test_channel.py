"""The checker's end of a request socket: whatever the other end does, a request ends in time."""

import os
import socket
import threading
import time

import pytest

from introml.grader.wire import frames
from introml.grader.wire.channel import Channel
from introml.grader.wire.values import Caps, encode


@pytest.fixture
def ends():
    here, there = socket.socketpair()
    yield Channel(here, Caps()), there
    here.close()
    there.close()


def reply(number, value=1, **more):
    return encode({"id": number, "value": value, "forbidden_calls": [], **more})


def soon():
    return time.monotonic() + 20


def answered(there, *replies):
    """Answer as many requests; the thread that does."""

    def answer():
        for node, blobs in replies:
            frames.read(there, Caps())
            frames.write(there, node, blobs)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def test_requests_are_numbered_and_answered(ends):
    channel, there = ends
    thread = answered(there, reply(1, 10), reply(2, 20))
    assert channel.ask({"op": "call"}, soon())["value"] == 10
    assert channel.ask({"op": "call"}, soon())["value"] == 20
    thread.join()


def test_what_came_before_its_request_is_no_reply(ends):
    channel, there = ends
    there.send(b"x")
    with pytest.raises(frames.FrameError, match="before its request"):
        channel.ask({"op": "call"}, soon())


def test_a_request_that_was_never_read_resets_the_next(ends):
    channel, there = ends
    with pytest.raises(frames.FrameTimeout):
        channel.ask({"op": "call"}, time.monotonic() + 0.05)
    there.close()
    with pytest.raises(frames.FrameClosed):
        channel.ask({"op": "call"}, soon())


def test_a_look_for_an_early_reply_waits_for_nothing(ends):
    """An out-of-band byte makes a socket readable, and no byte can be read."""
    channel, there = ends
    there.send(b"x", socket.MSG_OOB)
    ended = []

    def ask():
        try:
            channel.ask({"op": "call"}, time.monotonic() + 0.2)
        except (frames.FrameError, frames.FrameTimeout) as error:
            ended.append(type(error))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(20)
    assert ended, "it still looks"


def test_a_socket_that_can_be_read_and_gives_nothing_is_no_reason_to_spin(ends, monkeypatch):
    """However long the deadline: the looks are counted."""
    looks = []

    def wait(*_, **__):
        looks.append(1)
        assert len(looks) < 1000, "it goes on looking"

    monkeypatch.setattr(frames, "_wait", wait)
    here, there = socket.socketpair()
    with here, there, pytest.raises(frames.FrameError, match="no part of a frame"):
        frames.read(here, Caps(), time.monotonic() + 3600)


def test_descriptors_that_come_along_are_not_taken(ends):
    channel, there = ends
    before = set(os.listdir("/proc/self/fd"))
    node, blobs = reply(1, 5)
    here, other = socket.socketpair()
    with here, other:
        frames.write(here, node, blobs)
        data = other.recv(1 << 16)
    sent = socket.send_fds(there, [data[:10]], [0] * 200)
    there.sendall(data[sent:])
    with pytest.raises(frames.FrameError, match="before its request"):
        channel.ask({"op": "call"}, soon())
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(frames.FrameError):
        frames.read(channel._sock, Caps(json=1), soon())
    assert set(os.listdir("/proc/self/fd")) == before


ERROR = {"kind": "raised", "type": "E", "message": "m", "line": 1, "cell": "c"}


@pytest.mark.parametrize(
    "bad",
    [
        [1],
        {"id": 1, "value": 1},
        {"id": True, "value": 1, "forbidden_calls": []},
        {"id": 2, "value": 1, "forbidden_calls": []},
        {"id": 1, "value": 1, "forbidden_calls": [], "score": 99},
        {"id": 1, "value": 1, "error": ERROR, "forbidden_calls": []},
        {"id": 1, "value": 1, "forbidden_calls": "torch.softmax"},
        {"id": 1, "value": 1, "forbidden_calls": [1]},
        {"id": 1, "value": 1, "forbidden_calls": ["a" * 201]},
        {"id": 1, "value": 1, "forbidden_calls": ["a"] * 1001},
        *(
            {"id": 1, "error": error, "forbidden_calls": []}
            for error in (
                "raised",
                {},
                ERROR | {"more": 1},
                ERROR | {"kind": "k" * 61},
                ERROR | {"type": "T" * 61},
                ERROR | {"type": None},
                ERROR | {"message": "m" * 2001},
                ERROR | {"cell": "c" * 101},
                ERROR | {"cell": 7},
                ERROR | {"line": -1},
                ERROR | {"line": 2**40},
                ERROR | {"line": True},
                ERROR | {"line": 1.0},
                ERROR | {"line": "1"},
            )
        ),
    ],
)
def test_a_reply_of_another_form_is_none(ends, bad):
    channel, there = ends
    thread = answered(there, encode(bad))
    with pytest.raises(frames.FrameError):
        channel.ask({"op": "call"}, soon())
    thread.join()


@pytest.mark.parametrize("error", [ERROR, ERROR | {"line": None, "cell": None}])
def test_an_error_of_the_right_form_is_a_reply(ends, error):
    channel, there = ends
    thread = answered(
        there, encode({"id": 1, "error": error, "forbidden_calls": ["a" * 200] * 1000})
    )
    assert channel.ask({"op": "call"}, soon())["error"] == error
    thread.join()
